"""Lists of orders over HTTP: parse, call one query, answer."""

from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from services.orders.api.schemas.bulk import MOST_ORDERS
from services.orders.api.schemas.lists import (
    MatchingOrdersSchema,
    OrderBounds,
    OrderListArguments,
    OrderListSchema,
    SortedOrders,
)
from services.orders.api.schemas.queues import QueuesSchema
from services.orders.queries import lists, queues
from shared.web.auth import requires
from shared.web.blueprint import Blueprint
from shared.web.commands import Ready, query
from shared.web.paging import decode_cursor, page_of

blueprint = Blueprint(
    "lists",
    __name__,
    url_prefix="/v1/orders",
    description="Lists of orders by any combination of filters, and the seller's work queues.",
)


@blueprint.route("", methods=["GET"])
@blueprint.arguments(OrderListArguments, location="query")
@blueprint.response(200, OrderListSchema)
@requires("orders:read")
@query
def list_orders(session: Session, filters: dict[str, Any]) -> Ready:
    """Orders, newest first unless sorted otherwise, by any combination of filters.

    Several values of one filter (`market=gb&market=eu`) let each of them pass; tags must all be there.
    """
    sort, limit = filters["sort"], filters["limit"]
    after = None
    if "cursor" in filters:
        after = decode_cursor(filters["cursor"], lists.SORTS[sort].kind, UUID)
    rows = lists.orders(session, filters, sort, limit + 1, after)
    answer = page_of(rows, limit, sort.removeprefix("-"), "order_id")
    answer["items"] = [row._asdict() for row in answer["items"]]
    if filters["count"]:
        answer |= _count(session, filters, sort)
    return Ready(answer)


@blueprint.route("/matching", methods=["GET"])
@blueprint.arguments(SortedOrders, location="query")
@blueprint.response(200, MatchingOrdersSchema)
@requires("orders:read")
@query
def list_matching(session: Session, filters: dict[str, Any]) -> Ready:
    """Which orders match the list's filters now, for a bulk action on all of them.

    Somebody who confirms their number acts on these and on no order that came since; a bulk that is sent
    again under its key acts once. Of more than a bulk takes these are the first in the list's order: the
    rest come by asking again.
    """
    sort = filters["sort"]
    first = lists.matching_ids(session, filters, sort, MOST_ORDERS)
    return Ready({"order_ids": first, **_count(session, filters, sort)})


@blueprint.route("/queues", methods=["GET"])
@blueprint.arguments(OrderBounds, location="query")
@blueprint.response(200, QueuesSchema)
@requires("orders:read")
@query
def show_queues(session: Session, filters: dict[str, Any]) -> Ready:
    """The seller's home: each queue with the number of orders in it, and the most urgent ones.

    Its orders are the list's with the same `queue`, or with `status=placed` of those to be accepted.
    """
    return Ready({"items": queues.queues(session, filters)})


def _count(session: Session, filters: dict[str, Any], sort: str) -> dict[str, Any]:
    counted = lists.count(session, filters, sort)
    return {
        "count": min(counted, lists.COUNTED_AT_MOST),
        "count_is_capped": counted > lists.COUNTED_AT_MOST,
    }
