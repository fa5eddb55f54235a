"""Payments over HTTP: parse, call one command or query, answer."""

from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from services.orders import queries
from services.orders.api.schemas.payments import (
    PaymentArguments,
    PaymentListSchema,
    PaymentSchema,
    ReceivedArguments,
    ReceivedSchema,
    TransactionListSchema,
    VoidArguments,
)
from services.orders.commands import payments as commands
from services.orders.models import Payment
from services.orders.queries.discrepancies import open_of_order
from services.orders.queries.payment_lists import received
from shared.web.auth import requires
from shared.web.blueprint import Blueprint
from shared.web.commands import command, query
from shared.web.paging import decode_cursor, page_of, page_schema

blueprint = Blueprint("payments", __name__, url_prefix="/v1", description="Money received for orders.")


@blueprint.route("/payments", methods=["GET"])
@blueprint.arguments(ReceivedArguments, location="query")
@blueprint.response(200, page_schema(ReceivedSchema))
@requires("orders:read")
@query
def list_received(session: Session, page: dict[str, Any]) -> dict[str, Any]:
    """Payments of all orders, newest first; voided ones are marked."""
    [before] = decode_cursor(page["cursor"], UUID) if "cursor" in page else [None]
    rows = received(session, page["limit"] + 1, page["seller"], before)
    return page_of(rows, page["limit"], "payment_id")


@blueprint.route("/orders/<uuid:order_id>/payments", methods=["POST"])
@blueprint.arguments(PaymentArguments)
@blueprint.response(201, PaymentSchema)
@requires("payments:record")
@command
def record_payment(session: Session, payment: dict[str, Any], order_id: UUID) -> Payment:
    """Record a payment by hand; the payment gateway reports its own.

    Refused (409) with its reason: `wrong_status`, `recorded_by_gateway`. Publishes `payment.recorded`, and
    `order.completed` if nothing else was open.
    """
    return commands.record_payment(session, order_id, **payment)


@blueprint.route("/orders/<uuid:order_id>/payments", methods=["GET"])
@blueprint.response(200, PaymentListSchema)
@requires("orders:read")
@query
def list_payments(session: Session, order_id: UUID) -> dict[str, Any]:
    """All payments recorded for an order, oldest first, what is still outstanding, and the payment status."""
    order = queries.order(session, order_id)
    pending = order.balance.outstanding_minor
    return {
        "items": queries.payments(session, order_id),
        "pending": {"method": order.payment_method, "amount_minor": pending} if pending else None,
        "payment": order.payment,
        "discrepancies": open_of_order(session, order_id),
    }


@blueprint.route("/orders/<uuid:order_id>/payments/<uuid:payment_id>/void", methods=["POST"])
@blueprint.arguments(VoidArguments)
@blueprint.response(200, PaymentSchema)
@requires("payments:record")
@command
def void_payment(session: Session, void: dict[str, Any], order_id: UUID, payment_id: UUID) -> Payment:
    """Void a payment that was recorded by hand in error; it stays in the ledger, marked.

    Refused (409) with its reason: `already_voided`, `not_by_hand`, `refunded`. Publishes `payment.voided`.
    """
    return commands.void_payment(session, order_id, payment_id, **void)


@blueprint.route("/orders/<uuid:order_id>/transactions", methods=["GET"])
@blueprint.response(200, TransactionListSchema)
@requires("orders:read")
@query
def list_transactions(session: Session, order_id: UUID) -> dict[str, Any]:
    """All transactions of an order: who, when and how much, oldest first; the amount still due comes last."""
    order = queries.order(session, order_id)
    return {
        "items": queries.transactions(session, order),
        "payment": order.payment,
        "discrepancies": open_of_order(session, order_id) if order.to_decide else [],
    }
