"""The end of an order that went well; it comes by itself. The caller owns the transaction."""

from sqlalchemy.orm import Session

from services.orders import events
from services.orders.commands.changes import change
from services.orders.domain.fulfilment import Fulfilment
from services.orders.domain.order_status import OrderStatus, status_after
from services.orders.models import Order
from shared import clock
from shared.messaging import outbox


def complete_if_done(session: Session, order: Order) -> None:
    """End a locked order whose every unit is delivered or cancelled and of which nothing is owed."""
    done = order.fulfilment is Fulfilment.DELIVERED and order.ledger.covered
    if order.status is not OrderStatus.ACCEPTED or not done:
        return
    with change(session, order, "complete"):
        order.status = status_after("complete", order.status)
        order.completed_at = clock.now()
    outbox.publish(session, events.order_completed(order))
