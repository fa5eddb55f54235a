"""The generic lifecycle as commands: each state runs the step that leads there, or names it."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.orders.commands.changes import complete_if_done, locked_order
from services.orders.commands.drafts import abandon_draft
from services.orders.commands.orders import cancel_order, refuse_order
from services.orders.domain.order_status import refuse_unless_possible, status_after
from services.orders.domain.shown_statuses import Lifecycle
from services.orders.models import Draft, Order
from shared.access import visible
from shared.errors import Invalid, Refused
from shared.events.snapshots import OrderStatus

# What nobody sets: where the goods are says it.
STEPS = {
    Lifecycle.READY_TO_SHIP: "pack its shipments",
    Lifecycle.PARTIALLY_SHIPPED: "ship one of its shipments",
    Lifecycle.PARTIALLY_CLOSED: "deliver one of its shipments",
    Lifecycle.RETURNED: "receive its goods in a return",
}


@dataclass(frozen=True, kw_only=True)
class LifecycleReached:
    """The state that an order, or the draft of one, has reached."""

    order_id: UUID
    version: int
    status: OrderStatus
    lifecycle: Lifecycle


def set_lifecycle(
    session: Session, order_id: UUID, *, to: Lifecycle, reason: str = "", confirmed: bool = False
) -> LifecycleReached:
    """Move an order, or a draft, to a state of the generic lifecycle, by the command that leads there.

    Raises NotFound, Invalid where the command needs a reason and there is none, and Refused as the command
    does; derived_from_shipments, with the step, for what follows from the goods alone.
    """
    mine = visible(
        session, select(Draft.id).where(Draft.id == order_id), Draft.seller_code, Draft.market_code
    )
    if to is Lifecycle.ABANDONED and session.scalar(mine) is not None:
        draft = abandon_draft(session, order_id).draft
        return LifecycleReached(order_id=draft.id, version=draft.version, status=draft.status, lifecycle=to)
    order = _led(session, order_id, to, reason, confirmed=confirmed)
    return LifecycleReached(
        order_id=order.id, version=order.version, status=order.status, lifecycle=order.lifecycle
    )


def _led(session: Session, order_id: UUID, to: Lifecycle, reason: str, *, confirmed: bool) -> Order:
    order = locked_order(session, order_id)
    if to in STEPS:
        raise Refused("derived_from_shipments", f"to get there, {STEPS[to]}", step=STEPS[to])
    if to is Lifecycle.ABANDONED:
        order.status = status_after("abandon", order.status)  # an order is no draft: this refuses
    elif to is Lifecycle.CLOSED:
        refuse_unless_possible("complete", order.facts)
        complete_if_done(session, order)
    elif not reason:
        raise Invalid(reason="is required for this state")
    elif to is Lifecycle.FAILED:
        refuse_order(session, order_id, reason=reason)
    else:
        cancel_order(session, order_id, reason=reason, confirmed=confirmed)
    return order
