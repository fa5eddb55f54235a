"""Prints over HTTP: asked for, looked after, fetched within a day."""

from typing import Any
from uuid import UUID

from flask import Response
from sqlalchemy.orm import Session

from services.documents import queries
from services.documents.api.content import answer_bytes
from services.documents.api.schemas.prints import PrintArguments, PrintSchema
from services.documents.commands import prints as commands
from services.documents.domain.papers import PrintKind
from services.documents.models import Print
from shared.web.auth import requires
from shared.web.blueprint import Blueprint
from shared.web.commands import command, query

blueprint = Blueprint(
    "prints", __name__, url_prefix="/v1/prints", description="Up to a hundred papers as one file."
)


@blueprint.route("", methods=["POST"])
@blueprint.arguments(PrintArguments)
@blueprint.response(201, PrintSchema)
@requires("documents:read", instead="labels:read")
@command
def make_print(session: Session, wanted: dict[str, Any]) -> Print:
    """Have one PDF made of up to 100 stored papers, or a pick list or courier's sheet of shipments.

    It is `stored` in seconds and forgotten after a day. Refused (409) with its reason: `not_stored`,
    `removed`, `superseded`, `not_printable`, `shipment_cancelled`, `several_sellers`.
    """
    kind = PrintKind(wanted["kind"])
    if kind is PrintKind.DOCUMENTS:
        return commands.print_documents(session, wanted["document_ids"])
    shipments = [(each["order_id"], each["shipment_id"]) for each in wanted["shipments"]]
    return commands.print_shipments(session, kind, shipments)


@blueprint.route("/<uuid:print_id>", methods=["GET"])
@blueprint.response(200, PrintSchema)
@requires("documents:read", instead="labels:read")
@query
def get_print(session: Session, print_id: UUID) -> Print:
    """How far a print is; only whoever asked for it sees it."""
    return queries.own_print(session, print_id)


@blueprint.route("/<uuid:print_id>/content", methods=["GET"])
@blueprint.response(200, {"type": "string", "format": "binary"}, content_type="application/pdf")
@requires("documents:read", instead="labels:read")
@query
def get_print_content(session: Session, print_id: UUID) -> Response:
    """The file to print."""
    made = queries.stored_print(session, print_id)
    assert made.sha256 is not None
    return answer_bytes(session, made.sha256, "application/pdf", f"{made.kind}.pdf", inline=True)
