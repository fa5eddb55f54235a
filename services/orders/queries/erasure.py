"""The progress of a person's erasure, and what is kept of them."""

from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.orders import queries
from services.orders.models import Order
from shared.errors import NotFound

MOST_NAMED = 20
# What stays, and why; each service says so of its own in docs/operations.md.
KEPT = (
    {"what": "invoices", "why": "tax_law"},
    {"what": "credit_notes", "why": "tax_law"},
    {"what": "amounts_and_goods", "why": "bookkeeping"},
)


def erasure(session: Session, customer_id: UUID) -> dict[str, Any]:
    """When a customer was erased and which orders are still to end; NotFound if no erasure was requested."""
    customer = queries.customer(session, customer_id)
    if customer.erased_at is None:
        raise NotFound("erasure", customer_id)
    left = (
        select(Order.number)
        .where(Order.customer_id == customer_id, Order.anonymised_at.is_(None))
        .order_by(Order.id)
        .limit(MOST_NAMED + 1)
    )
    numbers = session.scalars(left).all()
    return {
        "customer_id": customer.id,
        "erased_at": customer.erased_at,
        "erased_by": customer.erased_by,
        "orders_left": numbers[:MOST_NAMED],
        "more_left": len(numbers) > MOST_NAMED,
        "kept": KEPT,
    }
