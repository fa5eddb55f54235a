"""Events the shipping service publishes. Changing one is changing a contract: see docs/events.md."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from shared.events.snapshots import ReturnLine, ShipmentsSnapshot, StockSnapshot, TrackingStatus


@dataclass(frozen=True, kw_only=True)
class ShipmentEvent:
    """Something happened to the shipments of an order."""

    shipments: ShipmentsSnapshot

    @property
    def snapshot(self) -> ShipmentsSnapshot:
        """The whole state that the event carries."""
        return self.shipments


@dataclass(frozen=True, kw_only=True)
class ShipmentCreated(ShipmentEvent):
    """A shipment was planned; its lines look for stock."""

    NAME: ClassVar[str] = "shipment.created"

    shipment_id: UUID


@dataclass(frozen=True, kw_only=True)
class ShipmentUpdated(ShipmentEvent):
    """A shipment's address, method, lines, parcels or courier changed."""

    NAME: ClassVar[str] = "shipment.updated"

    shipment_id: UUID


@dataclass(frozen=True, kw_only=True)
class ShipmentInventoryAssigned(ShipmentEvent):
    """Every line of a shipment is covered by reserved stock: the promise can be kept."""

    NAME: ClassVar[str] = "shipment.inventory_assigned"

    shipment_id: UUID


@dataclass(frozen=True, kw_only=True)
class ShipmentAwaitingInventory(ShipmentEvent):
    """A shipment lacks stock for a line."""

    NAME: ClassVar[str] = "shipment.awaiting_inventory"

    shipment_id: UUID


@dataclass(frozen=True, kw_only=True)
class ShipmentReleased(ShipmentEvent):
    """A shipment went to the warehouse."""

    NAME: ClassVar[str] = "shipment.released"

    shipment_id: UUID


@dataclass(frozen=True, kw_only=True)
class ShipmentPacking(ShipmentEvent):
    """A shipment was picked and is being packed: its label falls due."""

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
    """A shipment reached its customer."""

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
    """A carrier told where a parcel is."""

    NAME: ClassVar[str] = "tracking.updated"

    shipment_id: UUID
    parcel_id: UUID
    status: TrackingStatus


@dataclass(frozen=True, kw_only=True)
class ReturnReceived(ShipmentEvent):
    """Goods came back and were inspected."""

    NAME: ClassVar[str] = "return.received"

    return_id: UUID
    lines: tuple[ReturnLine, ...]


@dataclass(frozen=True, kw_only=True)
class PickupReminded(ShipmentEvent):
    """A customer is reminded to fetch what waits for pickup, before it is released."""

    NAME: ClassVar[str] = "pickup.reminded"

    shipment_id: UUID


@dataclass(frozen=True, kw_only=True)
class AppointmentScheduled(ShipmentEvent):
    """A delivery or installation got its date."""

    NAME: ClassVar[str] = "appointment.scheduled"

    shipment_id: UUID
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, kw_only=True)
class StockChanged:
    """The levels of a SKU changed; told at most once a second per SKU, its subject is the SKU."""

    NAME: ClassVar[str] = "stock.changed"

    stock: StockSnapshot

    @property
    def snapshot(self) -> StockSnapshot:
        """The whole state that the event carries."""
        return self.stock
