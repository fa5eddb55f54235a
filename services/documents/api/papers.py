"""Papers over HTTP: what there is about an order, and the bytes themselves."""

import re
from typing import Any
from uuid import UUID

from flask import Response
from sqlalchemy.orm import Session

from services.documents import queries, storage
from services.documents.api.schemas.papers import PaperSchema, PapersSchema
from services.documents.commands import papers as commands
from services.documents.db import folder_of
from services.documents.models import Paper
from shared.logging import logger
from shared.web.auth import requires
from shared.web.blueprint import Blueprint
from shared.web.commands import command, query
from shared.web.problems import Problem

log = logger(__name__)

blueprint = Blueprint("documents", __name__, url_prefix="/v1")


@blueprint.route("/orders/<uuid:order_id>/documents", methods=["GET"])
@blueprint.response(200, PapersSchema)
@requires("documents:read")
@query
def list_documents(session: Session, order_id: UUID) -> dict[str, Any]:
    """Every paper of an order, in the order they fell due."""
    return {"items": queries.papers_of_order(session, order_id)}


@blueprint.route("/orders/<uuid:order_id>/invoice", methods=["POST"])
@blueprint.response(201, PaperSchema)
@requires("documents:issue")
@command
def issue_invoice(session: Session, order_id: UUID) -> Paper:
    """Invoice an order, in a market whose rule leaves the moment to people; rendering follows in seconds."""
    return commands.issue_invoice(session, order_id)


@blueprint.route("/documents/<uuid:document_id>", methods=["GET"])
@blueprint.response(200, PaperSchema)
@requires("documents:read")
@query
def get_document(session: Session, document_id: UUID) -> Paper:
    """One paper, without its bytes."""
    return queries.paper(session, document_id)


@blueprint.route("/documents/<uuid:document_id>/content", methods=["GET"])
@blueprint.response(200, {"type": "string", "format": "binary"}, content_type="application/pdf")
@requires("documents:read")
@query
def get_content(session: Session, document_id: UUID) -> Response:
    """The bytes of a stored paper, the same for ever.

    They are checked against their SHA-256, which is also the ETag; a damaged file is never handed out (500,
    content_damaged). A paper that is not stored yet, or was erased with its person, is refused (409:
    not_stored, removed).
    """
    paper = queries.stored_paper(session, document_id)
    assert paper.sha256 is not None
    try:
        content = storage.read(folder_of(session), paper.sha256)
    except storage.Damaged as error:
        log.error("content_damaged", document_id=str(document_id), exc_info=error)  # noqa: TRY400 - one line tells it
        raise Problem(
            500,
            "the stored bytes are not what was stored; an operator must see to it",
            reason="content_damaged",
        ) from error
    answer = Response(content, mimetype=paper.content_type)
    answer.set_etag(paper.sha256)
    answer.headers["Content-Disposition"] = f'inline; filename="{_filename(paper)}"'
    answer.headers["Cache-Control"] = "private, no-cache"
    return answer


def _filename(paper: Paper) -> str:
    shipment = paper.frozen.shipment
    number = paper.number or (shipment.number if shipment else paper.order_number)
    return re.sub(r"[^A-Za-z0-9.-]+", "-", f"{paper.kind}-{number}.pdf")
