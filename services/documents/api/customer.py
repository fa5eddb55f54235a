"""What customers see of their own order's documents, by the signed link and without an account."""

from typing import Any
from uuid import UUID

from flask import Response
from sqlalchemy.orm import Session

from services.documents import queries
from services.documents.api.content import answer_paper, files_of
from services.documents.api.schemas.customer import CustomerPaperSchema, CustomerPapersSchema
from services.documents.api.uploads import form_of, keep_upload
from services.documents.domain.papers import SENT_IN_BY_CUSTOMERS
from services.documents.domain.uploads import SUFFIXES
from services.documents.models import Paper
from shared.web.blueprint import Blueprint
from shared.web.commands import command, query
from shared.web.customer_link import customer
from shared.web.rate_limits import Kind, counted_as

blueprint = Blueprint(
    "customer",
    __name__,
    url_prefix="/v1/customer",
    description="Documents as the order's customer sees them, by the link that the customer was sent.",
)


@blueprint.route("/documents", methods=["GET"])
@blueprint.response(200, CustomerPapersSchema)
@customer
@query
def list_own_documents(session: Session, order_id: UUID) -> dict[str, Any]:
    """The invoices and other documents meant for the order's customer, and the customer's own uploads."""
    return {"items": queries.papers_for_customer(session, order_id)}


@blueprint.route("/documents/<uuid:document_id>/content", methods=["GET"])
@blueprint.response(200, {"type": "string", "format": "binary"}, content_type="application/pdf")
@blueprint.doc(responses=files_of(*SUFFIXES))
@customer
@query
def get_own_content(session: Session, document_id: UUID, order_id: UUID) -> Response:
    """The file of one of these documents.

    404 for any other document, of this order or another.
    """
    return answer_paper(session, queries.paper_for_customer(session, order_id, document_id))


@blueprint.route("/documents", methods=["POST"])
@blueprint.doc(requestBody=form_of(*SENT_IN_BY_CUSTOMERS))
@blueprint.response(201, CustomerPaperSchema)
@customer
@counted_as(Kind.UPLOADS)
@command
def send_in(session: Session, order_id: UUID) -> Paper:
    """Upload a proof of payment or a message attachment: PDF, PNG, JPEG or WebP, up to 10 MiB.

    Refused (409) with its reason: `too_many_uploads`, `person_erased`. Publishes `document.stored`.
    """
    return keep_upload(session, order_id, SENT_IN_BY_CUSTOMERS)
