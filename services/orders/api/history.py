"""The history of an order over HTTP."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from services.orders import queries
from services.orders.api.schemas.history import HistoryPageSchema
from services.orders.queries import history
from shared.web.auth import requires
from shared.web.blueprint import Blueprint
from shared.web.commands import query
from shared.web.paging import PageArguments, decode_cursor, page_of

blueprint = Blueprint(
    "history",
    __name__,
    url_prefix="/v1/orders",
    description="Everything that happened to an order: who did what, when, and what changed.",
)


@blueprint.route("/<uuid:order_id>/history", methods=["GET"])
@blueprint.arguments(PageArguments, location="query")
@blueprint.response(200, HistoryPageSchema)
@requires("orders:read")
@query
def show_history(session: Session, page: dict[str, Any], order_id: UUID) -> dict[str, Any]:
    """All that happened to an order, oldest first: who did what when, and what the other services reported.

    What could not be followed is there with its error: events and jobs that wait for an operator.
    """
    queries.order(session, order_id)
    after = decode_cursor(page["cursor"], datetime, UUID) if "cursor" in page else None
    return page_of(history.history(session, order_id, page["limit"] + 1, after), page["limit"], "at", "id")
