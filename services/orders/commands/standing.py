"""Where an order stands: what is read off its other columns, written by one function and found by lists."""

from datetime import datetime

from sqlalchemy.orm import Session

from services.orders.domain import views
from services.orders.domain.deadlines import Allowed, Deadlines, deadlines_at
from services.orders.domain.fulfilment import awaiting_inventory, fulfilment_of
from services.orders.models import Order
from shared.messaging.jobs import enqueue


def restate_standing(order: Order, now: datetime) -> None:
    """Bring fulfilment, the views' words and the deadlines in line with all else that the order is."""
    goods = order.goods or ()
    held = bool(order.standing_holds)
    order.fulfilment = fulfilment_of(order.wanted_units, goods)
    order.awaiting = None if order.goods is None else awaiting_inventory(goods)
    order.lifecycle = views.lifecycle_of(order.status, goods, order.returned_units)
    order.queues = views.queues_of(goods)
    order.csr_status = views.csr_status_of(order.status, held=held)
    pickup_groups = {group.id for group in order.delivery_groups if group.pickup_point is not None}
    order.timeline = views.timeline_of(order.status, goods, pickup_groups)
    deadlines = deadlines_at(
        now,
        deadlines_of(order),
        Allowed(
            pay_within_seconds=order.market.pay_within_seconds,
            accept_within_seconds=order.market.accept_within_seconds,
        ),
        status=order.status,
        to_be_paid=not (order.ledger.covered or order.payment_method.pays_on_delivery),
        held=held,
    )
    order.payment_due_at = deadlines.payment_due_at
    order.acceptance_due_at = deadlines.acceptance_due_at
    order.held_since = deadlines.held_since


def deadlines_of(order: Order) -> Deadlines:
    """The deadlines as they stand."""
    return Deadlines(
        payment_due_at=order.payment_due_at,
        acceptance_due_at=order.acceptance_due_at,
        held_since=order.held_since,
    )


def watch_deadline(session: Session, order: Order, before: Deadlines) -> None:
    """Owe a look at the order when its deadline passes, if it has a new one; of a held order nobody looks."""
    deadlines = deadlines_of(order)
    due_at = deadlines.payment_due_at or deadlines.acceptance_due_at
    if due_at is None or deadlines == before or deadlines.held_since is not None:
        return
    enqueue(
        session,
        "deadline",
        key=f"deadline:{order.id}:{due_at.isoformat()}",
        order_id=order.id,
        number=order.number,
        argument={"order_id": str(order.id)},
        run_at=due_at,
    )
