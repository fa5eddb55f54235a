"""Returns and exchanges over HTTP: parse, call one command or query, answer."""

from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from services.orders import queries
from services.orders.api.schemas.exchanges import ExchangeArguments
from services.orders.api.schemas.orders import OrderSchema
from services.orders.api.schemas.returns import (
    ApproveArguments,
    DismissArguments,
    RefundReturnArguments,
    RejectArguments,
    ReturnArguments,
    ReturnListArguments,
    ReturnSchema,
)
from services.orders.api.serialising import serialised
from services.orders.commands import exchanges
from services.orders.commands import returns as commands
from services.orders.models import Return
from services.orders.queries import returns as return_queries
from shared.web.auth import requires
from shared.web.blueprint import Blueprint
from shared.web.commands import Ready, command, query
from shared.web.paging import decode_cursor, page_of, page_schema

blueprint = Blueprint(
    "returns",
    __name__,
    url_prefix="/v1",
    description="Returns: approve, refund or exchange goods that customers send back.",
)


@blueprint.route("/returns", methods=["GET"])
@blueprint.arguments(ReturnListArguments, location="query")
@blueprint.response(200, page_schema(ReturnSchema))
@requires("orders:read")
@query
def list_returns(session: Session, page: dict[str, Any]) -> dict[str, Any]:
    """Returns of all orders, oldest first; filter by status to see what is to be done next."""
    [after] = decode_cursor(page["cursor"], UUID) if "cursor" in page else [None]
    rows = return_queries.returns(session, page["limit"] + 1, page.get("status"), after)
    return page_of(rows, page["limit"], "id")


@blueprint.route("/orders/<uuid:order_id>/returns", methods=["GET"])
@blueprint.response(200, ReturnSchema(many=True))
@requires("orders:read")
@query
def list_returns_of_order(session: Session, order_id: UUID) -> list[Return]:
    """All returns of an order, oldest first."""
    return queries.order(session, order_id).returns


@blueprint.route("/orders/<uuid:order_id>/returns", methods=["POST"])
@blueprint.arguments(ReturnArguments)
@blueprint.response(201, ReturnSchema)
@requires("orders:write")
@command
def request_return(session: Session, wanted: dict[str, Any], order_id: UUID) -> Return:
    """Request a return on a customer's behalf; possible for a completed order too.

    Refused (409) with its reason: `wrong_status`, `not_delivered`, `more_than_delivered`. Publishes
    `return.requested`.
    """
    return commands.request_return(session, order_id, **wanted)


@blueprint.route("/orders/<uuid:order_id>/returns/<uuid:return_id>/approve", methods=["POST"])
@blueprint.arguments(ApproveArguments)
@blueprint.response(200, ReturnSchema)
@requires("orders:write")
@command
def approve_return(session: Session, approval: dict[str, Any], order_id: UUID, return_id: UUID) -> Return:
    """Approve a return: shipping expects the goods until it expires.

    Refused (409) with its reason: `wrong_status`. Publishes `return.approved`.
    """
    return commands.approve_return(session, order_id, return_id, **approval)


@blueprint.route("/orders/<uuid:order_id>/returns/<uuid:return_id>/reject", methods=["POST"])
@blueprint.arguments(RejectArguments)
@blueprint.response(200, ReturnSchema)
@requires("orders:write")
@command
def reject_return(session: Session, rejection: dict[str, Any], order_id: UUID, return_id: UUID) -> Return:
    """Reject a return, and say why.

    Refused (409) with its reason: `wrong_status`. Publishes `return.rejected`.
    """
    return commands.reject_return(session, order_id, return_id, **rejection)


@blueprint.route("/orders/<uuid:order_id>/returns/<uuid:return_id>/withdraw", methods=["POST"])
@blueprint.response(200, ReturnSchema)
@requires("orders:write")
@command
def withdraw_return(session: Session, order_id: UUID, return_id: UUID) -> Return:
    """Withdraw a return before its goods arrive; its exchange order is cancelled, unless otherwise on hold.

    Refused (409) with its reason: `wrong_status`. Publishes `return.closed`.
    """
    return commands.withdraw_return(session, order_id, return_id)


@blueprint.route("/orders/<uuid:order_id>/returns/<uuid:return_id>/refund", methods=["POST"])
@blueprint.arguments(RefundReturnArguments)
@blueprint.response(200, ReturnSchema)
@requires("refunds:issue")
@command
def refund_return(session: Session, refund: dict[str, Any], order_id: UUID, return_id: UUID) -> Return:
    """Refund returned goods, less a deduction; before they have arrived this needs a reason.

    Refused (409) with its reason: `wrong_status`, `nothing_left`, `more_than_left`, `more_than_returned`,
    `no_online_payment`, `already_exchanged`, `already_refunded`. Publishes `refund.requested` or
    `refund.settled`.
    """
    return commands.refund_return(session, order_id, return_id, **refund)


@blueprint.route("/orders/<uuid:order_id>/returns/<uuid:return_id>/exchange", methods=["POST"])
@blueprint.arguments(ExchangeArguments)
@blueprint.response(201, OrderSchema)
@requires("orders:write", "refunds:issue")
@command
def exchange_return(
    session: Session, exchange: dict[str, Any], order_id: UUID, return_id: UUID
) -> tuple[Ready, dict[str, str]]:
    """Exchange a return: place another order instead, paid for with the value of the returned goods.

    A difference is due from the customer, or goes back. Where the market's rule says so, the new order is
    held until the goods are here. Refused (409) with its reason: `wrong_status`, `already_exchanged`,
    `already_refunded`, `nothing_left`, `person_erased`. Publishes `order.placed`.
    """
    successor = exchanges.exchange_return(session, order_id, return_id, **exchange)
    return serialised(successor), {"Location": f"/v1/orders/{successor.id}"}


@blueprint.route("/orders/<uuid:order_id>/returns/<uuid:return_id>/dismiss", methods=["POST"])
@blueprint.arguments(DismissArguments)
@blueprint.response(200, ReturnSchema)
@requires("orders:write")
@command
def dismiss_return(session: Session, dismissal: dict[str, Any], order_id: UUID, return_id: UUID) -> Return:
    """Close a received return without a refund; its exchange order is cancelled, unless otherwise on hold.

    Refused (409) with its reason: `wrong_status`. Publishes `return.closed`.
    """
    return commands.dismiss_return(session, order_id, return_id, **dismissal)
