"""Selects for refunds of many orders."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import literal_column, select
from sqlalchemy.orm import Session

from services.orders.models import Order, Refund
from shared.access import visible
from shared.events.snapshots import PaymentMethod, RefundKind

# As text, so that the planner knows the index of the queue from the statement itself.
_REQUESTED = Refund.state == literal_column("'requested'")


def to_pay_out(
    session: Session, limit: int, method: Sequence[PaymentMethod], after: UUID | None
) -> Sequence[Any]:
    """Refunds that wait for a person to pay them out, oldest first; by some ways to pay or by all.

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
