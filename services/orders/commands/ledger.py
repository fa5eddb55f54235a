"""The order's own reading of its ledger: derived from the rows of payments and refunds, never set."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services.orders.domain.refunds import RefundState
from services.orders.models import Order, Payment
from shared import clock


def restate_payment(session: Session, order: Order) -> None:
    """Bring the order's sums and the word shown for them in line with its payments and refunds."""
    session.flush()
    received = select(func.coalesce(func.sum(Payment.amount_minor), 0)).where(
        Payment.order_id == order.id, Payment.voided_at.is_(None)
    )
    order.received_minor = int(session.execute(received).scalar_one())
    standing = [refund for refund in order.refunds if refund.state is not RefundState.WITHDRAWN]
    settled = [refund for refund in standing if refund.state is RefundState.SETTLED]
    order.credited_minor = sum(refund.credited_minor for refund in standing)
    order.refunded_minor = sum(refund.amount_minor for refund in settled)
    order.refund_pending_minor = sum(refund.amount_minor for refund in standing) - order.refunded_minor
    order.payment_state = order.ledger.state
    if not order.ledger.covered:
        order.covered_at = None
    elif order.covered_at is None:
        order.covered_at = clock.now()
