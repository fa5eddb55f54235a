"""Documents over HTTP: the list for an order, and the files themselves."""

from typing import Any
from uuid import UUID

from flask import Response
from sqlalchemy.orm import Session

from services.documents import queries
from services.documents.api.content import answer_paper, files_of
from services.documents.api.schemas.papers import (
    CorrectionSchema,
    PaperRequestSchema,
    PaperSchema,
    PapersSchema,
)
from services.documents.commands import papers as commands
from services.documents.domain.uploads import SUFFIXES
from services.documents.models import Paper
from shared.events.snapshots import PaperKind
from shared.web.auth import requires
from shared.web.blueprint import Blueprint
from shared.web.commands import command, query

blueprint = Blueprint(
    "documents",
    __name__,
    url_prefix="/v1",
    description="Documents of orders: invoices, delivery notes, labels and their files.",
)


@blueprint.route("/orders/<uuid:order_id>/documents", methods=["GET"])
@blueprint.response(200, PapersSchema)
@requires("documents:read", instead="labels:read")
@query
def list_documents(session: Session, order_id: UUID) -> dict[str, Any]:
    """All documents of an order, generated or uploaded, in the order they became due.

    Each with who asked for it, what called for it, when, and the e-mails that it went out with; notifications
    sends them again.
    """
    return {"items": queries.papers_of_order(session, order_id)}


@blueprint.route("/orders/<uuid:order_id>/invoice", methods=["POST"])
@blueprint.response(201, PapersSchema)
@requires("documents:issue")
@command
def issue_invoices(session: Session, order_id: UUID) -> dict[str, Any]:
    """Invoice an order in a market where invoices are issued by hand; rendering follows within seconds.

    One invoice, or where the market takes one per delivery method or shipment, as many as can be had now.
    Publishes `invoice.issued` for each. Refused (409) with its reason: `issued_by_rule` if the market issues
    them by itself, `not_accepted`, `order_is_off`, `person_erased`, `already_issued`, `nothing_to_invoice`
    while no shipment has left.
    """
    return {"items": commands.issue_invoices(session, order_id)}


@blueprint.route("/orders/<uuid:order_id>/documents", methods=["POST"])
@blueprint.arguments(PaperRequestSchema)
@blueprint.response(201, PaperSchema)
@requires("documents:issue")
@command
def request_document(session: Session, asked: dict[str, Any], order_id: UUID) -> Paper:
    """Request a printout or receipt of the order as it is now; the same until the order changes.

    Publishes `document.stored` once its file is there. Refused (409) with its reason: `nothing_received`, for
    a receipt of no money, `person_erased`.
    """
    return commands.request_paper(session, order_id, PaperKind(asked["kind"]))


@blueprint.route("/documents/<uuid:document_id>/correct", methods=["POST"])
@blueprint.arguments(CorrectionSchema)
@blueprint.response(201, PaperSchema)
@requires("documents:issue")
@command
def correct_invoice(session: Session, correction: dict[str, Any], document_id: UUID) -> Paper:
    """Cancel an invoice by a credit note and issue a corrected one; returns the new invoice.

    Nothing issued is ever edited: the old invoice stays as it is. The new one says what the order says now,
    with another address or VAT number where one is given. Publishes `credit_note.issued` and
    `invoice.issued`. Refused (409) with its reason: `not_an_invoice`, `not_issued` while it has no number,
    `already_credited`, `order_is_off`, `not_accepted`, `person_erased`.
    """
    return commands.correct_invoice(session, document_id, **correction)


@blueprint.route("/documents/<uuid:document_id>/try-again", methods=["POST"])
@blueprint.response(200, PaperSchema)
@requires("documents:issue")
@command
def try_again(session: Session, document_id: UUID) -> Paper:
    """Retry a document that could not be made; it keeps its number if it has one.

    Refused (409) with its reason: `wrong_status`, if it has not failed.
    """
    return commands.try_again(session, document_id)


@blueprint.route("/documents/<uuid:document_id>", methods=["GET"])
@blueprint.response(200, PaperSchema)
@requires("documents:read", instead="labels:read")
@query
def get_document(session: Session, document_id: UUID) -> Paper:
    """One document, without its file."""
    paper = queries.paper(session, document_id)
    return queries.with_e_mails(session, paper.order_id, [paper])[0]


@blueprint.route("/documents/<uuid:document_id>/content", methods=["GET"])
@blueprint.response(200, {"type": "string", "format": "binary"}, content_type="application/pdf")
@blueprint.doc(responses=files_of(*SUFFIXES))
@requires("documents:read", instead="labels:read")
@query
def get_content(session: Session, document_id: UUID) -> Response:
    """The file of a stored document, which never changes; uploads are sent as attachments.

    They are checked against their SHA-256, which is also the ETag; a damaged file is never handed out (500,
    content_damaged). A paper that is not stored yet, or was erased with its person, is refused (409:
    not_stored, removed, superseded).
    """
    return answer_paper(session, queries.stored_paper(session, document_id))
