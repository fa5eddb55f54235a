"""Queries for payments received and refunds to be paid, across orders."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import literal_column, select
from sqlalchemy.orm import Session

from services.orders.models import Order, Payment, Refund
from shared.access import one_of, visible
from shared.events.snapshots import PaymentMethod, RefundKind

# As text, so that the planner knows the index of the queue from the statement itself.
_REQUESTED = Refund.state == literal_column("'requested'")


def received(session: Session, limit: int, seller: Sequence[str], before: UUID | None) -> Sequence[Any]:
    """Payments of some sellers, or of all, newest first; including voided ones."""
    page = (
        select(
            Payment.id.label("payment_id"),
            Payment.order_id,
            Order.number,
            Payment.seller_code.label("seller"),
            Payment.market_code.label("market"),
            Order.customer_name,
            Payment.method,
            Payment.amount_minor,
            Order.currency,
            Payment.reference,
            Payment.document_id,
            Payment.recorded_by,
            Payment.recorded_at,
            Payment.voided_by,
            Payment.voided_at,
            Payment.void_reason,
        )
        .join(Order, Order.id == Payment.order_id)
        .order_by(Payment.id.desc())
        .limit(limit)
    )
    if seller:
        page = page.where(one_of(Payment.seller_code, seller))
    if before is not None:
        page = page.where(Payment.id < before)
    return session.execute(visible(session, page, Payment.seller_code, Payment.market_code)).all()


def to_pay_out(
    session: Session, limit: int, method: Sequence[PaymentMethod], after: UUID | None
) -> Sequence[Any]:
    """Refunds waiting to be paid out by hand, oldest first; optionally by payment method.

    What the gateway is paying back, and what a bank has taken, is not among them.
    """
    page = (
        select(
            Refund.id.label("refund_id"),
            Refund.order_id,
            Order.number,
            Order.seller_code.label("seller"),
            Order.market_code.label("market"),
            Order.customer_name,
            Refund.amount_minor,
            Order.currency,
            Refund.method,
            Refund.reason,
            Refund.failure,
            Refund.requested_by,
            Refund.requested_at,
        )
        .join(Order, Order.id == Refund.order_id)
        .where(
            _REQUESTED,
            Refund.kind == RefundKind.REFUND,
            Refund.payment_id.is_(None) | (Refund.failure != ""),
        )
        .order_by(Refund.id)
        .limit(limit)
    )
    if method:
        page = page.where(Refund.method.in_(method))
    if after is not None:
        page = page.where(Refund.id > after)
    return session.execute(visible(session, page, Order.seller_code, Order.market_code)).all()
