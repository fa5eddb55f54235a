"""Queries for gateway reports that cannot be booked automatically."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.orders.domain.bank_statements import LineState
from services.orders.models import PaymentDiscrepancy
from shared.access import seen, visible


def discrepancy(session: Session, discrepancy_id: UUID) -> PaymentDiscrepancy:
    """One discrepancy; raises NotFound, also for one the caller may not see."""
    return seen(
        session,
        select(PaymentDiscrepancy).where(PaymentDiscrepancy.id == discrepancy_id),
        "payment discrepancy",
        discrepancy_id,
        PaymentDiscrepancy.seller_code,
        PaymentDiscrepancy.market_code,
    )


def discrepancies(
    session: Session, state: LineState, limit: int, after: UUID | None
) -> Sequence[PaymentDiscrepancy]:
    """Discrepancies in a state, oldest first."""
    page = (
        select(PaymentDiscrepancy)
        .where(PaymentDiscrepancy.state == state)
        .order_by(PaymentDiscrepancy.id)
        .limit(limit)
    )
    page = visible(session, page, PaymentDiscrepancy.seller_code, PaymentDiscrepancy.market_code)
    if after is not None:
        page = page.where(PaymentDiscrepancy.id > after)
    return session.scalars(page).all()


def open_of_order(session: Session, order_id: UUID) -> Sequence[PaymentDiscrepancy]:
    """The open discrepancies of an order, oldest first."""
    waiting = select(PaymentDiscrepancy).filter_by(order_id=order_id, state=LineState.OPEN)
    return session.scalars(waiting.order_by(PaymentDiscrepancy.id)).all()
