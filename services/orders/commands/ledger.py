"""The order's own reading of its ledger: derived from the rows of payments and refunds, never set."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services.orders.models import Order, Payment, Refund
from shared import clock


def restate_payment(session: Session, order: Order) -> None:
    """Bring the order's sums and the word shown for them in line with its payments and settled refunds."""
    session.flush()
    received = select(func.coalesce(func.sum(Payment.amount_minor), 0)).where(Payment.order_id == order.id)
    refunded = select(func.coalesce(func.sum(Refund.amount_minor), 0)).where(
        Refund.order_id == order.id, Refund.settled_at.is_not(None)
    )
    sums = session.execute(
        select(received.scalar_subquery().label("received"), refunded.scalar_subquery().label("refunded"))
    ).one()
    order.received_minor = int(sums.received)
    order.refunded_minor = int(sums.refunded)
    order.payment_state = order.ledger.state
    if not order.ledger.covered:
        order.covered_at = None
    elif order.covered_at is None:
        order.covered_at = clock.now()
