"""Prints over HTTP: request one, check its status, download it within a day."""

from typing import Any
from uuid import UUID

from flask import Response
from sqlalchemy.orm import Session

from services.documents import queries
from services.documents.api.content import answer_bytes
from services.documents.api.schemas.prints import AskedPrintSchema, PrintArguments, PrintSchema
from services.documents.commands import prints as commands
from services.documents.domain.papers import PrintKind
from services.documents.models import Print
from shared.events.snapshots import PaperKind
from shared.web.auth import requires
from shared.web.blueprint import Blueprint
from shared.web.commands import command, query

blueprint = Blueprint(
    "prints",
    __name__,
    url_prefix="/v1/prints",
    description="Many documents as one PDF, and lists for the warehouse.",
)


@blueprint.route("", methods=["POST"])
@blueprint.arguments(PrintArguments)
@blueprint.response(201, AskedPrintSchema)
@requires("documents:read", instead="labels:read")
@command
def make_print(session: Session, wanted: dict[str, Any]) -> Print:
    """Combine up to 500 stored documents into one PDF, or make a list of up to 100 shipments.

    Papers are named, or are all of a kind that some orders or shipments have; `orders` and `shipments` say
    which of these have none. It is `stored` in seconds and forgotten after a day. Refused (409) with its
    reason: `not_stored`, `removed`, `superseded`, `not_printable`, `no_such_paper`, `shipment_cancelled`,
    `several_sellers`.
    """
    kind = PrintKind(wanted["kind"])
    if "order_ids" in wanted:
        return _print_of_orders(session, wanted["order_ids"], wanted["paper"])
    shipments = [(each["order_id"], each["shipment_id"]) for each in wanted.get("shipments", ())]
    if kind is PrintKind.DOCUMENTS and shipments:
        return _print_of_shipments(session, shipments, wanted["paper"])
    if kind is PrintKind.DOCUMENTS:
        return commands.print_documents(session, wanted["document_ids"])
    return commands.print_shipments(session, kind, shipments)


def _print_of_orders(session: Session, order_ids: list[UUID], paper: PaperKind) -> Print:
    made, printed = commands.print_papers_of_orders(session, order_ids, paper)
    numbers = queries.order_numbers(session, order_ids)
    made.orders = [
        {
            "order_id": order_id,
            "done": order_id in printed,
            "reason": None if order_id in printed else "no_such_paper",
        }
        | ({"number": numbers[order_id]} if order_id in numbers else {})
        for order_id in order_ids
    ]
    return made


def _print_of_shipments(session: Session, shipments: list[tuple[UUID, UUID]], paper: PaperKind) -> Print:
    made, printed = commands.print_papers_of_shipments(session, shipments, paper)
    made.shipments = [
        {
            "order_id": order_id,
            "shipment_id": shipment_id,
            "done": shipment_id in printed,
            "reason": None if shipment_id in printed else "no_such_paper",
        }
        for order_id, shipment_id in shipments
    ]
    return made


@blueprint.route("/<uuid:print_id>", methods=["GET"])
@blueprint.response(200, PrintSchema)
@requires("documents:read", instead="labels:read")
@query
def get_print(session: Session, print_id: UUID) -> Print:
    """The status of a print; visible only to whoever requested it.

    Ask again until it is `stored`, within seconds, or `failed`.
    """
    return queries.own_print(session, print_id)


@blueprint.route("/<uuid:print_id>/content", methods=["GET"])
@blueprint.response(200, {"type": "string", "format": "binary"}, content_type="application/pdf")
@requires("documents:read", instead="labels:read")
@query
def get_print_content(session: Session, print_id: UUID) -> Response:
    """The print's file.

    Refused (409) with its reason: `not_stored`, while it is being made.
    """
    made = queries.stored_print(session, print_id)
    assert made.sha256 is not None
    return answer_bytes(session, made.sha256, "application/pdf", f"{made.kind}.pdf", inline=True)
