"""What can be done to an order. The caller owns the transaction; commands never commit."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from services.orders import events
from services.orders.commands import cancelling
from services.orders.commands.changes import change, locked_order
from services.orders.commands.completion import complete_if_done
from services.orders.commands.crediting import refund_excess
from services.orders.commands.ending import end_order
from services.orders.domain.fulfilment import goods_of
from services.orders.domain.order_status import OrderStatus, refuse_unless_possible, status_after
from services.orders.models import Cancellation, Order
from shared import clock
from shared.access import actor_of
from shared.errors import Refused
from shared.events.snapshots import ShipmentsSnapshot
from shared.messaging import outbox


def accept_order(session: Session, order_id: UUID) -> Order:
    """Promise an order to its customer and tell order.accepted.

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


def cancel_order(
    session: Session,
    order_id: UUID,
    *,
    reason: str,
    lines: Sequence[Mapping[str, Any]] = (),
    confirmed: bool = True,
) -> Order:
    """Cancel an order, or so many units of some of its lines; naming all that is left is naming the order.

    Of a placed order at once: tells order.cancelled or order.updated, and refund.requested if more was
    received than is owed then. Of an accepted one shipping is asked whether the goods have left: tells
    order.cancel_requested. Raises NotFound, Invalid for a line that isn't there, or Refused (wrong_status,
    on_hold, already_shipped, more_than_left; not_confirmed, with what speaks against it, until it is).
    """
    order = locked_order(session, order_id)
    units = cancelling.units_of(order, lines)
    action = "cancel_lines" if units else "cancel"
    refuse_unless_possible(action, order.facts)
    if not confirmed:
        raise Refused(
            "not_confirmed",
            "say that it is meant, with confirm",
            warnings=cancelling.warnings(session, order),
        )
    cancellation = Cancellation(
        order_id=order.id,
        reason=reason,
        lines=units,
        requested_by=actor_of(session).name,
        requested_at=clock.now(),
        refusal="",
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


def follow_shipments(session: Session, shipments: ShipmentsSnapshot) -> None:
    """Bring an order in line with what shipping says of its goods, however often it says so.

    Its fulfilment and what lacks stock; the answer to a cancellation, if one is waited for; and completion.
    """
    order = locked_order(session, shipments.order_id)
    goods = goods_of(shipments.shipments)
    if goods != order.goods:
        # Shipping has told it to whoever needs to know; nothing of it is in the order's own snapshot.
        with change(session, order, "follow_shipments"):
            order.goods = goods
    _hear_cancellation(session, order, shipments)
    complete_if_done(session, order)


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
        end_order(session, order, action, cancellation.reason)
        return
    with change(session, order, action, **_detail(cancellation)):
        order.status = status_after(action, order.status)
        cancelling.take_off(session, order, cancellation.lines)
    outbox.publish(session, events.order_updated(order))
    refund_excess(session, order, cancellation.reason)


def _detail(cancellation: Cancellation) -> dict[str, Any]:
    """What the history tells of it."""
    return {"reason": cancellation.reason} | ({"lines": cancellation.lines} if cancellation.lines else {})
