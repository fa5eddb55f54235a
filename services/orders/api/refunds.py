"""Refunds over HTTP: parse, call one command or query, answer."""

from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from services.orders import queries
from services.orders.api.schemas.refunds import (
    RefundArguments,
    RefundListSchema,
    RefundSchema,
    RefundsToPayArguments,
    RefundToPaySchema,
    SettleArguments,
    WithdrawArguments,
)
from services.orders.commands import refunds as commands
from services.orders.models import Refund
from services.orders.queries.payment_lists import to_pay_out
from shared.web.auth import requires
from shared.web.blueprint import Blueprint
from shared.web.commands import command, query
from shared.web.paging import decode_cursor, page_of, page_schema

blueprint = Blueprint(
    "refunds",
    __name__,
    url_prefix="/v1",
    description="Refunds: credits on an order's bill, and money paid back.",
)


@blueprint.route("/refunds", methods=["GET"])
@blueprint.arguments(RefundsToPayArguments, location="query")
@blueprint.response(200, page_schema(RefundToPaySchema))
@requires("orders:read")
@query
def list_refunds_to_pay(session: Session, page: dict[str, Any]) -> dict[str, Any]:
    """Refunds of all orders that are waiting to be paid out by hand, oldest first.

    What the gateway is paying back, and chargebacks, are not among them.
    """
    [after] = decode_cursor(page["cursor"], UUID) if "cursor" in page else [None]
    rows = to_pay_out(session, page["limit"] + 1, page["method"], after)
    return page_of(rows, page["limit"], "refund_id")


@blueprint.route("/orders/<uuid:order_id>/refunds", methods=["POST"])
@blueprint.arguments(RefundArguments)
@blueprint.response(201, RefundSchema)
@requires("refunds:issue")
@command
def request_refund(session: Session, refund: dict[str, Any], order_id: UUID) -> Refund:
    """Credit part of an order's bill and request a refund of what was paid for it.

    Money goes back only as far as more was received than is owed then: what was not paid yet need only not be
    paid any more. Refused (409) with its reason: `wrong_status`, `nothing_left`, `more_than_left`,
    `nothing_overpaid`, `no_online_payment`; `not_sent` for goods that have not left, which are cancelled
    instead; `not_delivered` or `more_than_delivered` for goods that are to come back. Publishes
    `refund.requested`, or `refund.settled` at once if no money goes back.
    """
    return commands.request_refund(session, order_id, **refund)


@blueprint.route("/orders/<uuid:order_id>/refunds", methods=["GET"])
@blueprint.response(200, RefundListSchema)
@requires("orders:read")
@query
def list_refunds(session: Session, order_id: UUID) -> dict[str, Any]:
    """All refunds of an order, oldest first."""
    return {"items": queries.order(session, order_id).refunds}


@blueprint.route("/orders/<uuid:order_id>/refunds/<uuid:refund_id>/settle", methods=["POST"])
@blueprint.arguments(SettleArguments)
@blueprint.response(200, RefundSchema)
@requires("refunds:issue")
@command
def settle_refund(session: Session, settlement: dict[str, Any], order_id: UUID, refund_id: UUID) -> Refund:
    """Mark a refund as paid out; a credit note is then issued for what it credits.

    Refused (409) with its reason: `already_settled`, `withdrawn`, `settled_by_gateway`. Publishes
    `refund.settled`.
    """
    return commands.settle_refund(session, order_id, refund_id, **settlement)


@blueprint.route("/orders/<uuid:order_id>/refunds/<uuid:refund_id>/withdraw", methods=["POST"])
@blueprint.arguments(WithdrawArguments)
@blueprint.response(200, RefundSchema)
@requires("refunds:issue")
@command
def withdraw_refund(session: Session, withdrawal: dict[str, Any], order_id: UUID, refund_id: UUID) -> Refund:
    """Withdraw a refund that has not been paid out: what it credited is on the bill again.

    Refused (409) with its reason: `already_settled`, `withdrawn`, `settled_by_gateway`, `belongs_to_return`
    if its return is closed by it. Publishes `order.updated`.
    """
    return commands.withdraw_refund(session, order_id, refund_id, **withdrawal)
