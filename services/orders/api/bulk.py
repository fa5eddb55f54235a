"""Bulk actions: each order is handled by its own command, in its own transaction, with its own result."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from services.orders import queries
from services.orders.api.schemas.bulk import (
    BulkArguments,
    BulkCancelArguments,
    BulkHoldArguments,
    BulkRefuseArguments,
    BulkSchema,
    BulkTagArguments,
)
from services.orders.commands import notes
from services.orders.commands import orders as commands
from services.orders.queries import lists
from shared.web.auth import requires
from shared.web.blueprint import Blueprint
from shared.web.bulk import Each, Row, bulk
from shared.web.commands import open_session

blueprint = Blueprint(
    "bulk",
    __name__,
    url_prefix="/v1/orders/bulk",
    description="One action on many orders, with a result for each.",
)


@blueprint.route("/accept", methods=["POST"])
@blueprint.arguments(BulkArguments)
@blueprint.response(200, BulkSchema)
@requires("orders:accept")
@bulk
def accept_orders(each: Each, wanted: dict[str, Any]) -> dict[str, Any]:
    """Accept many orders; one that is refused does not stop the others.

    Each answers as `POST /v1/orders/{id}/accept` would.
    """
    return _outcome(each, wanted, commands.accept_order)


@blueprint.route("/refuse", methods=["POST"])
@blueprint.arguments(BulkRefuseArguments)
@blueprint.response(200, BulkSchema)
@requires("orders:accept")
@bulk
def refuse_orders(each: Each, wanted: dict[str, Any]) -> dict[str, Any]:
    """Refuse many placed orders, for one reason.

    Each answers as `POST /v1/orders/{id}/refuse` would; one that is refused does not stop the others.
    """
    return _outcome(each, wanted, commands.refuse_order)


@blueprint.route("/cancel", methods=["POST"])
@blueprint.arguments(BulkCancelArguments)
@blueprint.response(200, BulkSchema)
@requires("orders:write")
@bulk
def cancel_orders(each: Each, wanted: dict[str, Any]) -> dict[str, Any]:
    """Cancel many orders, for one reason; an accepted order is `cancelling` until shipping has answered.

    Each answers as `POST /v1/orders/{id}/cancel` would; one that is refused does not stop the others.
    """
    return _outcome(each, wanted, commands.cancel_order)


@blueprint.route("/hold", methods=["POST"])
@blueprint.arguments(BulkHoldArguments)
@blueprint.response(200, BulkSchema)
@requires("orders:write")
@bulk
def hold_orders(each: Each, wanted: dict[str, Any]) -> dict[str, Any]:
    """Put a hold on many orders.

    Each answers as `POST /v1/orders/{id}/holds` would; one that is refused does not stop the others.
    """
    return _outcome(each, wanted, commands.place_hold)


@blueprint.route("/tag", methods=["POST"])
@blueprint.arguments(BulkTagArguments)
@blueprint.response(200, BulkSchema)
@requires("orders:write")
@bulk
def tag_orders(each: Each, wanted: dict[str, Any]) -> dict[str, Any]:
    """Add tags to many orders and remove others.

    Each answers as `POST /v1/orders/{id}/tags` would; one that is refused does not stop the others.
    """
    return _outcome(each, wanted, notes.tag_order)


def _outcome(each: Each, wanted: dict[str, Any], do: Callable[..., Any]) -> dict[str, Any]:
    order_ids = wanted.pop("order_ids")

    def act(session: Session, order_id: UUID) -> Row:
        do(session, order_id, **wanted)
        session.flush()
        order = queries.order(session, order_id)
        return {"number": order.number, "status": order.status, "version": order.version}

    rows = [{"order_id": row.pop("id"), **row} for row in each(order_ids, act)]
    refused = [row for row in rows if not row["done"]]
    if refused:
        with open_session() as session:
            numbers = lists.numbers(session, [row["order_id"] for row in refused])
        for row in refused:
            if row["order_id"] in numbers:
                row["number"] = numbers[row["order_id"]]
    done = sum(row["done"] for row in rows)
    return {"done": done, "not_done": len(rows) - done, "items": rows}
