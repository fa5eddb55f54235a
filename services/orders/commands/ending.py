"""Orders that end before their time: refused, failed, cancelled. The caller owns the transaction."""

from collections.abc import Callable
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services.orders import events
from services.orders.commands.changes import change, locked_order
from services.orders.commands.crediting import refund_excess
from services.orders.commands.ledger import restate_payment
from services.orders.domain.order_status import OrderStatus, refuse_unless_possible, status_after
from services.orders.models import Order
from shared import clock
from shared.messaging import outbox

NOT_PAID_IN_TIME = "not_paid_in_time"
NOT_ACCEPTED_IN_TIME = "not_accepted_in_time"

# When it ended is noted in a column of its own, and told by an event of its own.
_ENDS: dict[OrderStatus, tuple[str, Callable[[Order], outbox.Event]]] = {
    OrderStatus.CANCELLED: ("cancelled_at", events.order_cancelled),
    OrderStatus.REFUSED: ("refused_at", events.order_refused),
    OrderStatus.FAILED: ("failed_at", events.order_failed),
}


def refuse_order(session: Session, order_id: UUID, *, reason: str) -> Order:
    """Have the seller turn a placed order down; tells order.refused, and refund.requested for money received.

    Raises NotFound, or Refused (wrong_status, on_hold).
    """
    order = locked_order(session, order_id)
    refuse_unless_possible("refuse", order.facts)
    end_order(session, order, "refuse", reason)
    return order


def end_if_overdue(session: Session, order_id: UUID) -> None:
    """Fail an order that was not paid in time, refuse one that was not accepted in time; else do nothing.

    A held order has time: its deadline is put off when the last hold is lifted.
    """
    order = locked_order(session, order_id)
    # The job for it falls due by the database's clock: by one that is behind, it would come for nothing.
    now = session.scalars(select(func.clock_timestamp())).one()
    if order.held_since is not None:
        return
    if order.payment_due_at is not None and order.payment_due_at <= now:
        end_order(session, order, "fail", NOT_PAID_IN_TIME)
    elif order.acceptance_due_at is not None and order.acceptance_due_at <= now:
        end_order(session, order, "refuse", NOT_ACCEPTED_IN_TIME)


def end_order(session: Session, order: Order, action: str, reason: str) -> None:
    """End a locked order without its goods: nothing of it is wanted or owed any more, its money goes back."""
    status = status_after(action, order.status)
    ended_at, told = _ENDS[status]
    with change(session, order, action, reason=reason):
        order.status = status
        order.end_reason = reason
        setattr(order, ended_at, clock.now())
        for line in order.lines:
            line.cancelled_quantity = line.quantity - line.returned_quantity
        order.cancelled_minor = order.total_minor - order.credited_minor
        restate_payment(session, order)
    outbox.publish(session, told(order))
    refund_excess(session, order, reason)
