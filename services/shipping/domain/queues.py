"""The work queues of warehouse and seller, and the deadline for each shipment in them."""

from datetime import datetime, timedelta
from enum import StrEnum

from shared.events.snapshots import ShipmentStatus

HANDLING_DAYS = 2  # where no location says otherwise
STALLED_AFTER_DAYS = 5  # where no carrier says otherwise

S = ShipmentStatus


class Queue(StrEnum):
    """The seller's queue that a shipment is in."""

    TO_PREPARE = "to_prepare"  # its label is not yet printed
    READY_TO_SHIP = "ready_to_ship"  # ready, and still here
    IN_TRANSIT = "in_transit"  # on its way, nobody has signed for it
    FINALISED = "finalised"  # with its customer


PENDING = (Queue.TO_PREPARE, Queue.READY_TO_SHIP, Queue.IN_TRANSIT)

_QUEUES = {
    S.AWAITING_INVENTORY: Queue.TO_PREPARE,
    S.INVENTORY_ASSIGNED: Queue.TO_PREPARE,
    S.RELEASED: Queue.TO_PREPARE,
    S.PACKING: Queue.TO_PREPARE,
    S.READY: Queue.READY_TO_SHIP,
    S.SHIPPED: Queue.IN_TRANSIT,
    S.UNDELIVERABLE: Queue.IN_TRANSIT,
    S.DELIVERED: Queue.FINALISED,
}


def statuses_of(queue: Queue) -> tuple[ShipmentStatus, ...]:
    """The statuses of the shipments in a queue, in the order a shipment passes through them."""
    return tuple(status for status, its_queue in _QUEUES.items() if its_queue is queue)


def queue_of(status: ShipmentStatus) -> Queue | None:
    """The queue for a shipment's status; None if it was cancelled or came back."""
    return _QUEUES.get(status)


def due_at(
    status: ShipmentStatus,
    *,
    created_at: datetime,
    collect_by: datetime | None,
    progress_at: datetime | None,
    handling_days: int = HANDLING_DAYS,
    stalled_after_days: int = STALLED_AFTER_DAYS,
) -> datetime:
    """By when a pending shipment has to be prepared, collected, moved by its carrier, or decided on.

    `progress_at` is when it last moved after it had left.
    """
    if status is S.SHIPPED and progress_at is not None:
        return progress_at + timedelta(days=stalled_after_days)
    if status is S.UNDELIVERABLE and progress_at is not None:
        return progress_at + timedelta(days=handling_days)
    return collect_by or created_at + timedelta(days=handling_days)
