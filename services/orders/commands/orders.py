"""What can be done to an order. The caller owns the transaction; commands never commit."""

from uuid import UUID

from sqlalchemy.orm import Session

from services.orders import events
from services.orders.commands import cancelling
from services.orders.commands.changes import change, locked_order
from services.orders.commands.completion import complete_if_done
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


def cancel_order(session: Session, order_id: UUID, *, reason: str, confirmed: bool = True) -> Order:
    """Cancel a placed order at once; of an accepted one, ask shipping whether goods have left.

    Tells order.cancelled (and refund.requested, if money was received) or order.cancel_requested.
    Raises NotFound, or Refused (wrong_status, on_hold, already_shipped; not_confirmed, with what whoever
    cancels should see to first, until it is).
    """
    order = locked_order(session, order_id)
    refuse_unless_possible("cancel", order.facts)
    if not confirmed:
        warnings = cancelling.warnings(session, order)
        raise Refused("not_confirmed", "say that it is meant, with confirm", warnings=warnings)
    cancellation = Cancellation(
        order_id=order.id,
        reason=reason,
        requested_by=actor_of(session).name,
        requested_at=clock.now(),
        refusal="",
    )
    order.cancellations.append(cancellation)
    if status_after("cancel", order.status) is OrderStatus.CANCELLED:
        _cancel_for_good(session, order, cancellation, "cancel")
        return order
    with change(session, order, "cancel", reason=reason):
        order.status = OrderStatus.CANCELLING
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
        _cancel_for_good(session, order, cancellation, "confirm_cancel")
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
    end_order(session, order, action, cancellation.reason)
