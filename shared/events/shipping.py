"""Events the shipping service publishes. Changing one is changing a contract: see docs/events.md."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from shared.events.snapshots import ReturnLine, ShipmentsSnapshot, StockSnapshot, TrackingStatus


@dataclass(frozen=True, kw_only=True)
class ShipmentEvent:
    """Something happened to an order's shipments."""

    shipments: ShipmentsSnapshot

    @property
    def snapshot(self) -> ShipmentsSnapshot:
        """The whole state carried by the event."""
        return self.shipments


@dataclass(frozen=True, kw_only=True)
class ShipmentCreated(ShipmentEvent):
    """A shipment was planned; stock is now sought for its lines."""

    NAME: ClassVar[str] = "shipment.created"

    shipment_id: UUID


@dataclass(frozen=True, kw_only=True)
class ShipmentUpdated(ShipmentEvent):
    """A shipment's address, method, lines, parcels or courier changed."""

    NAME: ClassVar[str] = "shipment.updated"

    shipment_id: UUID


@dataclass(frozen=True, kw_only=True)
class ShipmentInventoryAssigned(ShipmentEvent):
    """Stock is reserved for every line of a shipment."""

    NAME: ClassVar[str] = "shipment.inventory_assigned"

    shipment_id: UUID


@dataclass(frozen=True, kw_only=True)
class ShipmentAwaitingInventory(ShipmentEvent):
    """A shipment lacks stock for at least one line."""

    NAME: ClassVar[str] = "shipment.awaiting_inventory"

    shipment_id: UUID


@dataclass(frozen=True, kw_only=True)
class ShipmentReleased(ShipmentEvent):
    """A shipment was released to the warehouse."""

    NAME: ClassVar[str] = "shipment.released"

    shipment_id: UUID


@dataclass(frozen=True, kw_only=True)
class ShipmentPacking(ShipmentEvent):
    """A shipment was picked and is being packed: its label becomes due."""

    NAME: ClassVar[str] = "shipment.packing"

    shipment_id: UUID


@dataclass(frozen=True, kw_only=True)
class ShipmentReady(ShipmentEvent):
    """A shipment is packed and labelled, or ready to be collected."""

    NAME: ClassVar[str] = "shipment.ready"

    shipment_id: UUID


@dataclass(frozen=True, kw_only=True)
class ShipmentShipped(ShipmentEvent):
    """A shipment left with a carrier or courier."""

    NAME: ClassVar[str] = "shipment.shipped"

    shipment_id: UUID


@dataclass(frozen=True, kw_only=True)
class ShipmentDelivered(ShipmentEvent):
    """A shipment was delivered to its customer."""

    NAME: ClassVar[str] = "shipment.delivered"

    shipment_id: UUID


@dataclass(frozen=True, kw_only=True)
class ShipmentUndeliverable(ShipmentEvent):
    """A carrier could not deliver a shipment."""

    NAME: ClassVar[str] = "shipment.undeliverable"

    shipment_id: UUID
    reason: str


@dataclass(frozen=True, kw_only=True)
class ShipmentReturned(ShipmentEvent):
    """An undeliverable shipment came back."""

    NAME: ClassVar[str] = "shipment.returned"

    shipment_id: UUID


@dataclass(frozen=True, kw_only=True)
class ShipmentCancelled(ShipmentEvent):
    """Open shipments of an order were cancelled and their stock freed."""

    NAME: ClassVar[str] = "shipment.cancelled"

    shipment_ids: tuple[UUID, ...]
    reason: str


@dataclass(frozen=True, kw_only=True)
class ShipmentCancelRefused(ShipmentEvent):
    """Goods have left, so nothing of the order was cancelled."""

    NAME: ClassVar[str] = "shipment.cancel_refused"

    reason: str


@dataclass(frozen=True, kw_only=True)
class TrackingUpdated(ShipmentEvent):
    """A carrier reported where a parcel is."""

    NAME: ClassVar[str] = "tracking.updated"

    shipment_id: UUID
    parcel_id: UUID
    status: TrackingStatus


@dataclass(frozen=True, kw_only=True)
class ReturnReceived(ShipmentEvent):
    """Returned goods arrived and were inspected."""

    NAME: ClassVar[str] = "return.received"

    return_id: UUID
    lines: tuple[ReturnLine, ...]


@dataclass(frozen=True, kw_only=True)
class PickupReminded(ShipmentEvent):
    """A customer is reminded to collect a shipment before its stock is released."""

    NAME: ClassVar[str] = "pickup.reminded"

    shipment_id: UUID


@dataclass(frozen=True, kw_only=True)
class AppointmentScheduled(ShipmentEvent):
    """A delivery or installation appointment was scheduled."""

    NAME: ClassVar[str] = "appointment.scheduled"

    shipment_id: UUID
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, kw_only=True)
class StockChanged:
    """The stock levels of a SKU changed; published at most once a second per SKU; its subject is the SKU."""

    NAME: ClassVar[str] = "stock.changed"

    stock: StockSnapshot

    @property
    def snapshot(self) -> StockSnapshot:
        """The whole state carried by the event."""
        return self.stock
