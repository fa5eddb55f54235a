"""Green, amber, red: can be packed now, can be packed once picked, lacks stock."""

from enum import StrEnum

from services.shipping.domain.shipment_status import OPEN
from shared.events.snapshots import ShipmentStatus


class Readiness(StrEnum):
    """Whether a shipment can be packed."""

    GREEN = "green"  # every unit is off its shelf
    AMBER = "amber"  # every unit is there, but not all are picked
    RED = "red"  # units are missing


def readiness(status: ShipmentStatus, picked: int, units: int) -> Readiness | None:
    """The readiness of a shipment with this many units; None once it has left or was cancelled."""
    if status not in OPEN:
        return None
    if status is ShipmentStatus.AWAITING_INVENTORY:
        return Readiness.RED
    if status is ShipmentStatus.READY:
        return Readiness.GREEN
    return Readiness.GREEN if picked == units else Readiness.AMBER
