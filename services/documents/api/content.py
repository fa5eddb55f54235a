"""Stored files as responses: checked against their hash, named, and safe for whoever opens them."""

import re
from typing import Any
from urllib.parse import quote

from flask import Response
from sqlalchemy.orm import Session

from services.documents.db import store_of
from services.documents.domain.papers import UPLOADED_KINDS
from services.documents.models import Paper
from shared.logging import logger
from shared.stores import Damaged
from shared.web.problems import Problem

log = logger(__name__)

# What came from outside is opened by programs of its own, never by the page that links to it.
CAGED = "sandbox; default-src 'none'; frame-ancestors 'none'"


def files_of(*content_types: str) -> dict[str, Any]:
    """The OpenAPI description of a file response of one of these types."""
    file = {"schema": {"type": "string", "format": "binary"}}
    return {"200": {"description": "The file.", "content": dict.fromkeys(content_types, file)}}


def answer_paper(session: Session, paper: Paper) -> Response:
    """The response with a stored document; uploads are always sent as attachments."""
    assert paper.sha256 is not None
    own = paper.kind not in UPLOADED_KINDS
    name = _filename(paper) if own else paper.filename
    return answer_bytes(session, paper.sha256, paper.content_type, name, inline=own)


def answer_bytes(
    session: Session, digest: str, content_type: str, filename: str, *, inline: bool = False
) -> Response:
    """The response with stored bytes; raises Problem (500, content_damaged) if they have changed.

    Unavailable while they can't be reached, which is another matter: asked again they are there.
    """
    try:
        content = store_of(session).read(digest)
    except Damaged as error:
        log.error("content_damaged", sha256=digest, exc_info=error)  # noqa: TRY400 - one line tells it
        raise Problem(
            500,
            "the stored file is damaged; an operator must restore it",
            reason="content_damaged",
        ) from error
    answer = Response(content, mimetype=content_type)
    answer.set_etag(digest)
    answer.headers.set("Content-Disposition", "inline" if inline else "attachment", **_named(filename))
    answer.headers["Cache-Control"] = "private, no-cache"
    if not inline:
        answer.headers["Content-Security-Policy"] = CAGED
    return answer


def _named(filename: str) -> dict[str, str]:
    if filename.isascii():
        return {"filename": filename}
    plain = re.sub(r"[^\x20-\x7e]", "-", filename)
    return {"filename": plain, "filename*": f"UTF-8''{quote(filename)}"}


def _filename(paper: Paper) -> str:
    shipment = paper.frozen.shipment
    number = paper.number or (shipment.number if shipment else paper.order_number)
    return re.sub(r"[^A-Za-z0-9.-]+", "-", f"{paper.kind}-{number}.pdf")
