"""The end of an order that went well; it comes by itself. The caller owns the transaction."""

from sqlalchemy.orm import Session

from services.orders import events
from services.orders.commands.changes import change
from services.orders.domain.order_status import refusals, status_after
from services.orders.models import Order
from shared import clock
from shared.messaging import outbox


def complete_if_done(session: Session, order: Order) -> None:
    """End a locked order of which each unit has arrived, come back or been cancelled, and nothing is owed."""
    if refusals("complete", order.facts):
        return
    with change(session, order, "complete"):
        order.status = status_after("complete", order.status)
        order.completed_at = clock.now()
    outbox.publish(session, events.order_completed(order))
