"""Payments and refunds over HTTP: parse, call one command or query, answer."""

from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from services.orders import queries
from services.orders.api.schemas.payments import (
    PaymentArguments,
    PaymentListSchema,
    PaymentSchema,
    RefundSchema,
    SettleArguments,
)
from services.orders.commands import payments as commands
from services.orders.commands import refunds
from services.orders.models import Payment, Refund
from shared.web.auth import requires
from shared.web.blueprint import Blueprint
from shared.web.commands import command, query

blueprint = Blueprint(
    "payments", __name__, url_prefix="/v1/orders/<uuid:order_id>", description="Money received and paid back."
)


@blueprint.route("/payments", methods=["POST"])
@blueprint.arguments(PaymentArguments)
@blueprint.response(201, PaymentSchema)
@requires("payments:record")
@command
def record_payment(session: Session, payment: dict[str, Any], order_id: UUID) -> Payment:
    """Record money received, by hand; what comes through the payment gateway is told by itself.

    Refused (409) with its reason: `wrong_status`, `recorded_by_gateway`.
    """
    return commands.record_payment(session, order_id, **payment)


@blueprint.route("/payments", methods=["GET"])
@blueprint.response(200, PaymentListSchema)
@requires("orders:read")
@query
def list_payments(session: Session, order_id: UUID) -> dict[str, Any]:
    """All money received for an order, oldest first, what is still to come, and what it all means."""
    order = queries.order(session, order_id)
    pending = order.ledger.outstanding_minor
    return {
        "items": queries.payments(session, order_id),
        "pending": {"method": order.payment_method, "amount_minor": pending} if pending else None,
        "payment": order.payment,
    }


@blueprint.route("/refunds/<uuid:refund_id>/settle", methods=["POST"])
@blueprint.arguments(SettleArguments)
@blueprint.response(200, RefundSchema)
@requires("refunds:issue")
@command
def settle_refund(session: Session, settlement: dict[str, Any], order_id: UUID, refund_id: UUID) -> Refund:
    """Note that a refund was paid out; its credit note falls due.

    Refused (409) with its reason: `already_settled`.
    """
    return refunds.settle_refund(session, order_id, refund_id, **settlement)
