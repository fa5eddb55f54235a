"""How far an order's goods are, counted in units from the newest snapshot of its shipments."""

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum

from shared.events.snapshots import Shipment


class Fulfilment(StrEnum):
    """How far the goods of an order are."""

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
        """Whether something is with a carrier or the customer, so that cancelling comes too late."""
        return self in _GOODS_LEFT


_GOODS_LEFT = frozenset(
    {Fulfilment.PARTLY_SHIPPED, Fulfilment.SHIPPED, Fulfilment.PARTLY_DELIVERED, Fulfilment.DELIVERED}
)

# A shipment's status, as a stage of its units; what is cancelled goes back to being unfulfilled.
_STAGES = {
    "awaiting_inventory": "planned",
    "inventory_assigned": "planned",
    "released": "preparing",
    "packing": "preparing",
    "ready": "ready",
    "shipped": "on_the_way",
    "undeliverable": "on_the_way",
    "delivered": "delivered",
    "returned": "returned",
}


def fulfilment_of(wanted_units: int, shipments: Iterable[Shipment]) -> Fulfilment:
    """The word for an order of which so many sales units are wanted (ordered, less cancelled).

    Units that are in no live shipment count as unfulfilled: while there are any, not all is shipped.
    """
    units: Counter[str] = Counter()
    for shipment in shipments:
        if stage := _STAGES.get(shipment.status):
            units[stage] += sum(line.quantity for line in shipment.lines)
    left = units["on_the_way"]
    if wanted_units and units["returned"] >= wanted_units:
        return Fulfilment.RETURNED
    if units["delivered"]:
        whole = units["delivered"] >= wanted_units
        return Fulfilment.DELIVERED if whole else Fulfilment.PARTLY_DELIVERED
    if left:
        return Fulfilment.SHIPPED if left >= wanted_units else Fulfilment.PARTLY_SHIPPED
    if wanted_units and units["ready"] >= wanted_units:
        return Fulfilment.READY
    return Fulfilment.PREPARING if units["preparing"] or units["ready"] else Fulfilment.UNFULFILLED


def awaiting_inventory(shipments: Iterable[Shipment]) -> list[str]:
    """The numbers of the shipments that lack stock."""
    return [shipment.number for shipment in shipments if shipment.status == "awaiting_inventory"]
