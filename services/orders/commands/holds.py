"""Holds on an order, placed and released. The caller owns the transaction."""

from uuid import UUID

from sqlalchemy.orm import Session

from services.orders import events
from services.orders.commands.changes import change, locked_order
from services.orders.domain.order_status import refuse_unless_possible
from services.orders.domain.verification import VERIFICATION
from services.orders.models import Hold, Order
from shared import clock
from shared.access import actor_of
from shared.errors import NotFound, Refused
from shared.messaging import outbox


def place_hold(session: Session, order_id: UUID, reason: str, *, owner: str | None = None) -> Hold:
    """Put another hold on an order and publish order.held; its owner is the actor, unless one is named.

    While any stands the order is neither accepted, released nor ended, and its deadlines stand still; what
    shipping released before it hears of the hold stays released. Raises NotFound, or Refused (wrong_status).
    """
    order = locked_order(session, order_id)
    refuse_unless_possible("hold", order.facts)
    return hold_locked(session, order, reason, owner=owner)


def hold_locked(session: Session, order: Order, reason: str, *, owner: str | None = None) -> Hold:
    """Put a hold on an order that the caller has locked and knows can be held."""
    hold = Hold(
        order_id=order.id,
        reason=reason,
        owner=owner or actor_of(session).name,
        held_at=clock.now(),
        released_by=None,
        released_at=None,
    )
    with change(session, order, "hold", reason=hold.reason, owner=hold.owner):
        order.holds.append(hold)
        session.flush()
    outbox.publish(session, events.order_held(order, hold))
    return hold


def release_hold(session: Session, order_id: UUID, hold_id: UUID) -> Hold:
    """Lift one hold and publish order.hold_released; other holds remain.

    Whoever lifts the hold `verification` has verified the order.
    Raises NotFound, or Refused (not_held) where it was lifted before.
    """
    order = locked_order(session, order_id)
    hold = next((hold for hold in order.holds if hold.id == hold_id), None)
    if hold is None:
        raise NotFound("hold", hold_id)
    if hold.released_at is not None:
        raise Refused("not_held", f"{hold.released_by} has already lifted it", released_at=hold.released_at)
    with change(session, order, "release_hold", hold_id=hold.id, reason=hold.reason, owner=hold.owner):
        hold.released_by = actor_of(session).name
        hold.released_at = clock.now()
        if hold.reason == VERIFICATION:
            order.verified_by, order.verified_at = hold.released_by, hold.released_at
    outbox.publish(session, events.order_hold_released(order, hold))
    return hold
