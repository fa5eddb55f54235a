"""Actions on an order: accept, refuse, hold, cancel, complete. The caller owns the transaction."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services.orders import events
from services.orders.commands.changes import change, complete_if_done, derive_payment, locked_order
from services.orders.commands.credits import cancel_units, refund_excess, units_by_line
from services.orders.domain.fulfilment import goods_of
from services.orders.domain.order_status import refuse_unless_possible, status_after
from services.orders.domain.shown_statuses import Lifecycle
from services.orders.domain.verification import VERIFICATION
from services.orders.models import Cancellation, Hold, Order
from shared import clock
from shared.access import actor_of
from shared.errors import Invalid, NotFound, Refused
from shared.events.snapshots import CancelledLine, ConversationSnapshot, OrderStatus, ShipmentsSnapshot
from shared.messaging import copies, outbox

NOT_PAID_IN_TIME = "not_paid_in_time"
NOT_ACCEPTED_IN_TIME = "not_accepted_in_time"
# When it ended is noted in a column of its own, and told by an event of its own.
_ENDS: dict[OrderStatus, tuple[str, Callable[[Order], outbox.Event]]] = {
    OrderStatus.CANCELLED: ("cancelled_at", events.order_cancelled),
    OrderStatus.REFUSED: ("refused_at", events.order_refused),
    OrderStatus.FAILED: ("failed_at", events.order_failed),
}
NOT_CONTACTED = "customer_not_contacted"
# Statuses of the generic lifecycle that nobody sets: where the goods are says them.
STEPS = {
    Lifecycle.READY_TO_SHIP: "pack its shipments",
    Lifecycle.PARTIALLY_SHIPPED: "ship one of its shipments",
    Lifecycle.PARTIALLY_CLOSED: "deliver one of its shipments",
    Lifecycle.RETURNED: "receive its goods in a return",
}


def accept_order(session: Session, order_id: UUID) -> Order:
    """Accept an order and publish order.accepted.

    Raises NotFound for an unknown id or another seller's order, Refused with its reason
    (wrong_status, on_hold, payment_not_recorded, awaiting_inventory) where it can't be accepted.
    """
    order = locked_order(session, order_id)
    refuse_unless_possible("accept", order.facts)
    with change(session, order, "accept"):
        order.status = status_after("accept", order.status)
        order.accepted_at = clock.now()
    outbox.publish(session, events.order_accepted(order))
    return order


def refuse_order(session: Session, order_id: UUID, *, reason: str) -> Order:
    """Refuse a placed order; publishes order.refused, and refund.requested for money received.

    Raises NotFound, or Refused (wrong_status, on_hold).
    """
    order = locked_order(session, order_id)
    refuse_unless_possible("refuse", order.facts)
    _end(session, order, "refuse", reason)
    return order


def revoke_links(session: Session, order_id: UUID) -> Order:
    """Revoke all links sent to the order's customer so far, and publish order.updated.

    E-mails that are put into words once notifications has heard of it carry a link that opens it. Raises
    NotFound.
    """
    order = locked_order(session, order_id)
    with change(session, order, "revoke_links"):
        order.link_serial += 1
    outbox.publish(session, events.order_updated(order))
    return order


def end_if_overdue(session: Session, order_id: UUID) -> None:
    """Fail an order not paid in time, refuse one not accepted in time; otherwise do nothing.

    A held order has time: its deadline is put off when the last hold is lifted.
    """
    order = locked_order(session, order_id)
    # The job for it falls due by the database's clock: by one that is behind, it would come for nothing.
    now = session.scalars(select(func.clock_timestamp())).one()
    if order.held_since is not None:
        return
    if order.payment_due_at is not None and order.payment_due_at <= now:
        _end(session, order, "fail", NOT_PAID_IN_TIME)
    elif order.acceptance_due_at is not None and order.acceptance_due_at <= now:
        _end(session, order, "refuse", NOT_ACCEPTED_IN_TIME)


def cancel_order(
    session: Session,
    order_id: UUID,
    *,
    reason: str,
    lines: Sequence[Mapping[str, Any]] = (),
    confirmed: bool = True,
) -> Order:
    """Cancel an order, or units of some of its lines; naming all cancels it whole, unless some have left.

    Of a placed order at once: tells order.cancelled or order.updated, and refund.requested if more was
    received than is owed then. Of an accepted one shipping is asked whether the goods have left: tells
    order.cancel_requested. Raises NotFound, Invalid for a line that isn't there, or Refused (wrong_status,
    on_hold, already_shipped, more_than_left; not_confirmed, with what speaks against it, until it is).
    """
    order = locked_order(session, order_id)
    units = _units_of(order, lines)
    action = "cancel_lines" if units else "cancel"
    refuse_unless_possible(action, order.facts)
    if not confirmed:
        raise Refused(
            "not_confirmed",
            "set confirm to true to cancel",
            warnings=_warnings(session, order),
        )
    cancellation = Cancellation(
        order_id=order.id,
        reason=reason,
        lines=units,
        requested_by=actor_of(session).name,
        requested_at=clock.now(),
        refusal="",
        parts=(),
    )
    order.cancellations.append(cancellation)
    status = status_after(action, order.status)
    if status is not OrderStatus.CANCELLING:
        _cancel_for_good(session, order, cancellation, action)
        return order
    with change(session, order, action, **_detail(cancellation)):
        order.status = status
    outbox.publish(session, events.order_cancel_requested(order, cancellation))
    return order


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


def set_lifecycle(
    session: Session, order_id: UUID, *, to: Lifecycle, reason: str = "", confirmed: bool = False
) -> Order:
    """Move an order to a status of the generic lifecycle, by the command that leads there.

    Raises NotFound, Invalid where the command needs a reason and there is none, and Refused as the command
    does; derived_from_shipments, with the step, for what follows from the goods alone.
    """
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


def follow_shipments(session: Session, shipments: ShipmentsSnapshot) -> None:
    """Update an order from the state of its shipments, however often that is reported.

    Its fulfilment and what lacks stock; the answer to a cancellation, if one is waited for; and completion.
    Tells order.updated where stock, or the lack of it, decides whether the order can be accepted.
    """
    order = locked_order(session, shipments.order_id)
    goods, acceptable_since = goods_of(shipments.shipments), order.acceptable_since
    if goods != order.goods:
        with change(session, order, "follow_shipments"):
            order.goods = goods
    # The rest of it shipping has told to whoever needs to know, and is not in the order's own snapshot.
    if order.acceptable_since != acceptable_since:
        outbox.publish(session, events.order_updated(order))
    _hear_cancellation(session, order, shipments)
    complete_if_done(session, order)


def _end(session: Session, order: Order, action: str, reason: str) -> None:
    """End a locked order without delivery: nothing is owed for it any more, and its money is refunded.

    So do the uses of its coupons: they took nothing off in the end.
    """
    status = status_after(action, order.status)
    ended_at, told = _ENDS[status]
    with change(session, order, action, reason=reason):
        order.status = status
        order.end_reason = reason
        setattr(order, ended_at, clock.now())
        for line in order.lines:
            line.cancelled_quantity = line.quantity - line.returned_quantity
        order.cancelled_minor = order.total_minor - order.credited_minor
        derive_payment(session, order)
    outbox.publish(session, told(order))
    refund_excess(session, order, reason)


def _hear_cancellation(session: Session, order: Order, shipments: ShipmentsSnapshot) -> None:
    answer, cancellation = shipments.cancellation, order.cancellation
    if order.status is not OrderStatus.CANCELLING or answer is None or cancellation is None:
        return
    if answer.requested_at != cancellation.requested_at:
        return  # it answers an earlier request
    if answer.done:
        _cancel_for_good(
            session, order, cancellation, "confirm_cancel_lines" if cancellation.lines else "confirm_cancel"
        )
        return
    with change(session, order, "deny_cancel", reason=answer.reason):
        order.status = status_after("deny_cancel", order.status)
        cancellation.done = False
        cancellation.refusal = answer.reason
        cancellation.answered_at = clock.now()
    # Shipping holds a copy that says the order is being cancelled.
    outbox.publish(session, events.order_updated(order))


def _cancel_for_good(session: Session, order: Order, cancellation: Cancellation, action: str) -> None:
    cancellation.done = True
    cancellation.answered_at = clock.now()
    if not cancellation.lines:
        _end(session, order, action, cancellation.reason)
        return
    with change(session, order, action, **_detail(cancellation)):
        order.status = status_after(action, order.status)
        cancel_units(order, cancellation)
        derive_payment(session, order)
    outbox.publish(session, events.order_updated(order))
    refund_excess(session, order, cancellation.reason)


def _detail(cancellation: Cancellation) -> dict[str, Any]:
    """The detail for the order's history."""
    return {"reason": cancellation.reason} | ({"lines": cancellation.lines} if cancellation.lines else {})


def _warnings(session: Session, order: Order) -> list[str]:
    """What to know before cancelling: nobody has written to the customer about this order."""
    conversation = copies.newest(session, order.id, ConversationSnapshot)
    contacted = conversation is not None and conversation.seller_wrote_at is not None
    return [] if contacted else [NOT_CONTACTED]


def _units_of(order: Order, lines: Sequence[Mapping[str, Any]]) -> tuple[CancelledLine, ...]:
    """The units to cancel by line; empty, meaning the whole order, if that is all of them and none has left.

    Raises Invalid as units_by_line does, Refused (more_than_left).
    """
    wanted, lefts = units_by_line(order, lines), _units_left(order)
    for line_id, quantity in wanted.items():
        left = lefts[line_id]
        if quantity > left:
            name = next(line.name for line in order.lines if line.id == line_id)
            raise Refused(
                "more_than_left",
                f"only {left} of {name} can be cancelled",
                line_id=line_id,
                quantity_left=left,
            )
    whole = all(wanted.get(line_id, 0) == left for line_id, left in lefts.items())
    if whole and not order.fulfilment.goods_left:
        return ()
    return tuple(CancelledLine(line_id=line_id, quantity=quantity) for line_id, quantity in wanted.items())


def _units_left(order: Order) -> dict[UUID, int]:
    """Units of each line that are neither cancelled, returned nor refunded."""
    bill = order.bill
    return {
        line.id: min(
            bill.units_left(line.id), line.quantity - line.cancelled_quantity - line.returned_quantity
        )
        for line in order.lines
    }
