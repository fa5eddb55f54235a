"""An order's fulfilment, counted in units from the latest snapshot of its shipments."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from shared.events.snapshots import Shipment, ShipmentStatus


class Fulfilment(StrEnum):
    """The fulfilment status of an order."""

    UNFULFILLED = "unfulfilled"
    PREPARING = "preparing"
    READY = "ready"
    PARTLY_SHIPPED = "partly_shipped"
    SHIPPED = "shipped"
    PARTLY_DELIVERED = "partly_delivered"
    DELIVERED = "delivered"
    RETURNED = "returned"

    @property
    def goods_left(self) -> bool:
        """Whether any goods are with a carrier or the customer, so that it is too late to cancel."""
        return self in _GOODS_LEFT


_GOODS_LEFT = frozenset(
    {Fulfilment.PARTLY_SHIPPED, Fulfilment.SHIPPED, Fulfilment.PARTLY_DELIVERED, Fulfilment.DELIVERED}
)


class Stage(StrEnum):
    """The stage of a shipment, as far as it matters to the order."""

    AWAITING = "awaiting"  # lacks stock
    PLANNED = "planned"
    PREPARING = "preparing"  # in the warehouse's hands
    READY = "ready"
    ON_THE_WAY = "on_the_way"
    DELIVERED = "delivered"
    RETURNED = "returned"


# What is cancelled goes back to being unfulfilled.
_STAGES = {
    ShipmentStatus.AWAITING_INVENTORY: Stage.AWAITING,
    ShipmentStatus.INVENTORY_ASSIGNED: Stage.PLANNED,
    ShipmentStatus.RELEASED: Stage.PREPARING,
    ShipmentStatus.PACKING: Stage.PREPARING,
    ShipmentStatus.READY: Stage.READY,
    ShipmentStatus.SHIPPED: Stage.ON_THE_WAY,
    ShipmentStatus.UNDELIVERABLE: Stage.ON_THE_WAY,
    ShipmentStatus.DELIVERED: Stage.DELIVERED,
    ShipmentStatus.RETURNED: Stage.RETURNED,
}


@dataclass(frozen=True, kw_only=True)
class Goods:
    """What one shipment carries of an order, and its stage."""

    number: str  # the shipment's
    group_id: UUID
    stage: Stage
    quantity: int  # in sales units


def goods_of(shipments: Iterable[Shipment]) -> tuple[Goods, ...]:
    """What an order keeps of its shipments; cancelled ones carry nothing."""
    return tuple(
        Goods(
            number=shipment.number,
            group_id=shipment.group_id,
            stage=_STAGES[shipment.status],
            quantity=sum(line.quantity for line in shipment.lines),
        )
        for shipment in shipments
        if shipment.status in _STAGES
    )


def fulfilment_of(wanted_units: int, goods: Iterable[Goods]) -> Fulfilment:
    """The fulfilment status of an order with this many wanted sales units (ordered, less cancelled).

    Units that are in no live shipment count as unfulfilled: while there are any, not all is shipped.
    """
    units: Counter[Stage] = Counter()
    for part in goods:
        units[part.stage] += part.quantity
    left = units[Stage.ON_THE_WAY]
    if wanted_units and units[Stage.RETURNED] >= wanted_units:
        return Fulfilment.RETURNED
    if units[Stage.DELIVERED]:
        whole = units[Stage.DELIVERED] >= wanted_units
        return Fulfilment.DELIVERED if whole else Fulfilment.PARTLY_DELIVERED
    if left:
        return Fulfilment.SHIPPED if left >= wanted_units else Fulfilment.PARTLY_SHIPPED
    if wanted_units and units[Stage.READY] >= wanted_units:
        return Fulfilment.READY
    begun = units[Stage.PREPARING] or units[Stage.READY]
    return Fulfilment.PREPARING if begun else Fulfilment.UNFULFILLED


def units_gone(goods: Iterable[Goods]) -> int:
    """Sales units that have left the warehouse, even if they came back."""
    gone = {Stage.ON_THE_WAY, Stage.DELIVERED, Stage.RETURNED}
    return sum(part.quantity for part in goods if part.stage in gone)


def units_at(stage: Stage, goods: Iterable[Goods]) -> int:
    """Sales units at a stage."""
    return sum(part.quantity for part in goods if part.stage is stage)


def awaiting_inventory(goods: Iterable[Goods]) -> list[str]:
    """The numbers of the shipments that lack stock."""
    return [part.number for part in goods if part.stage is Stage.AWAITING]
