"""An order's status for others: the generic lifecycle, and the seller's, agent's and customer's views."""

from collections.abc import Collection, Iterable
from enum import StrEnum
from uuid import UUID

from services.orders.domain.fulfilment import Goods, Stage
from services.orders.domain.order_status import OVER
from shared.events.snapshots import OrderStatus


class Lifecycle(StrEnum):
    """The generic lifecycle: one status for the order and its goods together."""

    OPEN = "Open"
    READY_TO_SHIP = "Ready to ship"
    PARTIALLY_SHIPPED = "Partially Shipped"
    PARTIALLY_CLOSED = "Partially Closed"
    CLOSED = "Closed"
    RETURNED = "Returned"
    CANCELED = "Canceled"
    FAILED = "Failed"
    ABANDONED = "Abandoned"


class Queue(StrEnum):
    """The seller's work queues; an order is in each queue that one of its shipments is in."""

    TO_PREPARE = "To prepare"
    READY_TO_SHIP = "Ready to ship"
    IN_TRANSIT = "In transit"
    FINALIZED = "Finalized"


class CsrStatus(StrEnum):
    """The status that a customer-service agent sees."""

    IN_PROGRESS = "In Progress"
    ON_HOLD = "OnHold"
    COMPLETED = "Completed"
    CANCELED = "Canceled"


class TimelineStep(StrEnum):
    """What the customer sees: four steps, the third of two kinds, with the same codes as a shipment's."""

    ACCEPTED = "accepted"
    PREPARING = "preparing"
    SENT = "sent"
    READY_FOR_PICKUP = "ready_for_pickup"
    FINISHED = "finished"


_ENDED_AS = {
    OrderStatus.ABANDONED: Lifecycle.ABANDONED,
    OrderStatus.FAILED: Lifecycle.FAILED,
    OrderStatus.REFUSED: Lifecycle.FAILED,
    OrderStatus.CANCELLED: Lifecycle.CANCELED,
}
_QUEUES = {
    Stage.AWAITING: Queue.TO_PREPARE,
    Stage.PLANNED: Queue.TO_PREPARE,
    Stage.PREPARING: Queue.TO_PREPARE,
    Stage.READY: Queue.READY_TO_SHIP,
    Stage.ON_THE_WAY: Queue.IN_TRANSIT,
    Stage.DELIVERED: Queue.FINALIZED,
}
_OPEN = frozenset({Stage.AWAITING, Stage.PLANNED, Stage.PREPARING, Stage.READY})


def lifecycle_of(status: OrderStatus, goods: Collection[Goods], returned_units: int) -> Lifecycle:
    """The generic lifecycle state, the first that applies; `returned_units` came back after delivery."""
    if status in _ENDED_AS:
        return _ENDED_AS[status]
    stages = {part.stage for part in goods}
    delivered = sum(part.quantity for part in goods if part.stage is Stage.DELIVERED)
    if 0 < delivered <= returned_units or stages == {Stage.RETURNED}:
        return Lifecycle.RETURNED
    if status is OrderStatus.COMPLETED:
        return Lifecycle.CLOSED
    if delivered:
        return Lifecycle.PARTIALLY_CLOSED
    if Stage.ON_THE_WAY in stages:
        return Lifecycle.PARTIALLY_SHIPPED
    return Lifecycle.READY_TO_SHIP if stages & _OPEN == {Stage.READY} else Lifecycle.OPEN


def queues_of(goods: Iterable[Goods]) -> list[str]:
    """The seller's queues that the order is in, in the order of work."""
    found = {_QUEUES[part.stage] for part in goods if part.stage in _QUEUES}
    return [queue.value for queue in Queue if queue in found]


def csr_status_of(status: OrderStatus, *, held: bool) -> CsrStatus | None:
    """The customer-service agent's status; a draft has none."""
    if status in {OrderStatus.DRAFT, OrderStatus.ABANDONED}:
        return None
    if status is OrderStatus.COMPLETED:
        return CsrStatus.COMPLETED
    if status in OVER:
        return CsrStatus.CANCELED
    return CsrStatus.ON_HOLD if held else CsrStatus.IN_PROGRESS


def timeline_of(
    status: OrderStatus, goods: Iterable[Goods], pickup_groups: Collection[UUID]
) -> TimelineStep | None:
    """The furthest step reached by the goods of an order, or of some of its delivery groups.

    None before the order is accepted, and when it has ended without its goods. The third step is of the kind
    of the goods that reached it; where both kinds did, sent ones are further.
    """
    if status not in {OrderStatus.ACCEPTED, OrderStatus.CANCELLING, OrderStatus.COMPLETED}:
        return None
    live = [part for part in goods if part.stage is not Stage.RETURNED]
    if live and all(part.stage is Stage.DELIVERED for part in live):
        return TimelineStep.FINISHED
    fetched = [part.stage for part in live if part.group_id in pickup_groups]
    brought = [part.stage for part in live if part.group_id not in pickup_groups]
    if {Stage.ON_THE_WAY, Stage.DELIVERED} & set(brought):
        return TimelineStep.SENT
    if {Stage.READY, Stage.ON_THE_WAY, Stage.DELIVERED} & set(fetched):
        return TimelineStep.READY_FOR_PICKUP
    begun = {Stage.PREPARING, Stage.READY} & {part.stage for part in live}
    return TimelineStep.PREPARING if begun else TimelineStep.ACCEPTED


def steps_of(reached: TimelineStep | None, *, is_pickup: bool) -> list[tuple[TimelineStep, bool]]:
    """The four steps of goods that are sent or, if `is_pickup`, collected; and whether each was reached."""
    third = TimelineStep.READY_FOR_PICKUP if is_pickup else TimelineStep.SENT
    steps = [TimelineStep.ACCEPTED, TimelineStep.PREPARING, third, TimelineStep.FINISHED]
    furthest = -1 if reached is None else steps.index(reached)
    return [(step, place <= furthest) for place, step in enumerate(steps)]
