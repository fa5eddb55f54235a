"""An order for its customer, by the signed link: as a small page, and as JSON for shops."""

from typing import Any
from uuid import UUID

from flask import Response, current_app, request
from sqlalchemy.orm import Session

from services.orders import rendering
from services.orders.api.schemas.progress import ProgressSchema
from services.orders.queries.progress import progress
from shared.web.blueprint import Blueprint
from shared.web.commands import query
from shared.web.customer_link import customer
from shared.web.pages import page_answer, style_of

blueprint = Blueprint(
    "customer", __name__, url_prefix="/v1/customer", description="For whoever has an order's link."
)


@blueprint.route("/order", methods=["GET"])
@blueprint.response(200, {"type": "string"}, content_type="text/html")
@customer
@query
def show_page(session: Session, order_id: UUID) -> Response:
    """The page that e-mails lead to, in the order's language: steps, parcels, papers, messages."""
    seen = progress(session, order_id)
    style = style_of(seen["seller"].colour)
    return page_answer(rendering.order_page(seen, style, _address), style)


@blueprint.route("/order/progress", methods=["GET"])
@blueprint.response(200, ProgressSchema)
@customer
@query
def show_progress(session: Session, order_id: UUID) -> dict[str, Any]:
    """The same for programs: a shop that shows its customers how far their order is."""
    return progress(session, order_id)


def _address(service: str, page: str) -> str:
    """Where a service shows something else of the order, opened by the same link."""
    address: str = current_app.extensions["settings"].customer_page(service, page)
    return f"{address}?token={request.args['token']}"
