"""A seller's open tasks on an order, how long they have been open, and when they become overdue."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from services.notifications.domain.order_snapshots import OrderSnapshots
from shared.events.snapshots import (
    LEFT,
    OrderSnapshot,
    RefundKind,
    RefundState,
    ReturnStatus,
    ShipmentsSnapshot,
    ShipmentStatus,
)


class Matter(StrEnum):
    """A kind of open task of the seller."""

    ACCEPTANCE = "acceptance"  # the order may be accepted
    SHIPMENT = "shipment"  # goods of an accepted order
    RETURN = "return"  # a return is to be decided
    REFUND = "refund"  # money is to go back
    REPLY = "reply"  # the customer waits for an answer


PATIENCE = {
    Matter.ACCEPTANCE: timedelta(days=1),
    Matter.SHIPMENT: timedelta(days=2),
    Matter.RETURN: timedelta(days=2),
    Matter.REFUND: timedelta(days=3),
}

_GONE = LEFT | {ShipmentStatus.CANCELLED}


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """An open task on an order."""

    matter: Matter
    since: datetime
    due_at: datetime


def waiting_matters(
    known: OrderSnapshots, unanswered_since: datetime | None, reply_due_at: datetime | None
) -> Iterator[Waiting]:
    """All open tasks of the seller in an order's newest state; none if it is on hold or finished."""
    order = known.order
    if order.anonymised_at is None and unanswered_since and reply_due_at:
        yield Waiting(matter=Matter.REPLY, since=unanswered_since, due_at=reply_due_at)
    if order.anonymised_at is not None or order.holds:  # deadlines stand still while a hold stands
        return
    for matter, since in _since(order, known.shipments):
        yield Waiting(matter=matter, since=since, due_at=since + PATIENCE[matter])


def _since(order: OrderSnapshot, shipments: ShipmentsSnapshot | None) -> Iterator[tuple[Matter, datetime]]:
    is_over = order.cancelled_at or order.refused_at or order.failed_at or order.completed_at
    if order.acceptable_since is not None:
        yield Matter.ACCEPTANCE, order.acceptable_since
    if not is_over and order.accepted_at is not None:
        known = shipments.shipments if shipments else ()
        if not known or any(shipment.status not in _GONE for shipment in known):
            yield Matter.SHIPMENT, order.accepted_at
    asked = [
        one.requested_at or order.placed_at for one in order.returns if one.status == ReturnStatus.REQUESTED
    ]
    if asked:
        yield Matter.RETURN, min(asked)
    requested = [
        refund.requested_at
        for refund in order.refunds
        if refund.state == RefundState.REQUESTED and refund.kind == RefundKind.REFUND
    ]
    if requested:
        yield Matter.REFUND, min(requested)


def next_morning(after: datetime, time_zone: str, hour: int) -> datetime:
    """The next time from a moment on when it is this hour in a market."""
    local = after.astimezone(ZoneInfo(time_zone))
    morning = local.replace(hour=hour, minute=0, second=0, microsecond=0)
    return morning if morning >= local else morning + timedelta(days=1)
