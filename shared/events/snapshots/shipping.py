"""The shipping service's snapshots of an order's shipments and of stock, and its enums."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from shared import skus
from shared.events.open_enum import OpenEnum
from shared.events.snapshots.orders import CancelledLine, ReturnLine
from shared.events.snapshots.people import People


@dataclass(frozen=True, kw_only=True)
class ShipmentLine:
    """How much of an order line a shipment carries."""

    line_id: UUID
    sku: str
    quantity: int  # sales units
    units: int  # stock-keeping units: quantity times sales coefficient
    # What a picker needs, told while the warehouse has the shipment in hand: released or packing.
    bin: str = ""  # the shelf, as of then
    barcode: str = ""
    specifications: dict[str, str] = field(default_factory=dict)


class TrackingStatus(OpenEnum):
    """Where a parcel is; carriers' own status codes are mapped to these."""

    ANNOUNCED = "announced"  # the carrier knows of it and has not got it yet
    COLLECTED = "collected"  # the carrier has it
    IN_TRANSIT = "in_transit"
    OUT_FOR_DELIVERY = "out_for_delivery"
    ATTEMPTED = "attempted"  # nobody took it; the carrier tries again
    UNDELIVERABLE = "undeliverable"  # the carrier gave up
    RETURNING = "returning"  # on its way back to its sender
    DELIVERED = "delivered"
    RETURNED = "returned"  # back where it came from


@dataclass(frozen=True, kw_only=True)
class Parcel:
    """A parcel of a shipment."""

    parcel_id: UUID
    carrier: str
    tracking_number: str
    tracking_url: str
    weight_grams: int = 0
    label_document_id: UUID | None = None
    tracking_status: str = ""  # a TrackingStatus, once the carrier has said anything
    tracked_at: datetime | None = None  # when that was so
    # What is in it, in whole sales units and in units; of a shipment's only parcel it may be left out.
    lines: tuple[ShipmentLine, ...] = ()


class AppointmentKind(OpenEnum):
    """What an appointment is for."""

    DELIVERY = "delivery"
    INSTALLATION = "installation"
    SERVICE = "service"


@dataclass(frozen=True, kw_only=True)
class Appointment:
    """An appointment at a customer's address."""

    kind: AppointmentKind
    starts_at: datetime
    ends_at: datetime
    signed_at: datetime | None = None  # the customer signed that it was done


class ShipmentStatus(OpenEnum):
    """The status of a shipment."""

    AWAITING_INVENTORY = "awaiting_inventory"  # lacks stock for a line; holds none
    INVENTORY_ASSIGNED = "inventory_assigned"  # every line is covered by reserved stock
    RELEASED = "released"  # the warehouse may pick it
    PACKING = "packing"  # on a pick list or picked; its label falls due
    READY = "ready"  # packed and labelled, or waiting to be collected
    SHIPPED = "shipped"  # left with a carrier; its stock has left the ledger
    DELIVERED = "delivered"  # reached its customer
    UNDELIVERABLE = "undeliverable"  # the carrier could not deliver it
    RETURNED = "returned"  # undeliverable, and back
    CANCELLED = "cancelled"  # final; its stock is free again


# Out of the warehouse, wherever they are now.
LEFT = frozenset(
    {ShipmentStatus.SHIPPED, ShipmentStatus.DELIVERED, ShipmentStatus.UNDELIVERABLE, ShipmentStatus.RETURNED}
)


class MethodKind(OpenEnum):
    """How a delivery method is handled in the warehouse."""

    DELIVERY = "delivery"  # a carrier or courier takes it to an address
    PICKUP = "pickup"  # the customer fetches it with a code
    HAND_OVER = "hand_over"  # given over in person
    DOWNLOAD = "download"  # nothing to pack
    SERVICE = "service"  # somebody comes and does it; signed for


@dataclass(frozen=True, kw_only=True)
class Shipment:
    """The lines of one delivery group shipped from one location."""

    shipment_id: UUID
    number: str
    group_id: UUID
    method: str
    status: ShipmentStatus
    location: str
    lines: tuple[ShipmentLine, ...]
    parcels: tuple[Parcel, ...] = ()
    created_at: datetime
    released_at: datetime | None = None
    packing_at: datetime | None = None
    ready_at: datetime | None = None
    shipped_at: datetime | None = None
    delivered_at: datetime | None = None
    cancelled_at: datetime | None = None
    undeliverable_at: datetime | None = None
    returned_at: datetime | None = None
    method_kind: MethodKind = MethodKind.DELIVERY
    collect_by: datetime | None = None  # until when what is ready for pickup is kept
    collect_code: int = 0  # which of its codes holds (shared.collect_codes); 0 while there is none
    collect_reminded_at: datetime | None = None
    download_url: str = ""
    appointments: tuple[Appointment, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ReceivedReturn:
    """What came back of a return, after inspection: how many units of each line, and where they went."""

    return_id: UUID
    location: str
    received_at: datetime
    lines: tuple[ReturnLine, ...]


@dataclass(frozen=True, kw_only=True)
class Cancellation:
    """Shipping's answer to the latest order.cancel_requested."""

    requested_at: datetime  # the request it answers
    done: bool  # all open shipments were cancelled; else none was
    reason: str = ""  # why not: already_shipped, …
    lines: tuple[CancelledLine, ...] = ()  # what was asked for; nothing: the whole order


@dataclass(frozen=True, kw_only=True)
class ShipmentsSnapshot:
    """All shipments of an order, as the shipping service knows them."""

    SOURCE: ClassVar[str] = "shipping"

    order_id: UUID
    number: str
    version: int
    # Only couriers and delivery, as shipping will use it: by shipment, and by group as of its last shipment.
    people: People
    shipments: tuple[Shipment, ...]
    cancellation: Cancellation | None = None
    unassigned: tuple[ShipmentLine, ...] = ()  # in no shipment, since somebody deleted the one they were in
    returns: tuple[ReceivedReturn, ...] = ()

    @property
    def subject(self) -> str:
        """The order's id, which events use as their subject."""
        return str(self.order_id)


@dataclass(frozen=True, kw_only=True)
class StockLevel:
    """Stock-keeping units at one location."""

    location: str
    on_hand: int
    reserved: int
    seller: str = ""  # whose the location is; * for everyone's; not said by what is older than this field


@dataclass(frozen=True, kw_only=True)
class StockSnapshot:
    """All stock levels of one SKU, of any seller; a guide while an order is composed, never a promise."""

    SOURCE: ClassVar[str] = "shipping"

    sku: str
    version: int
    as_of: datetime
    levels: tuple[StockLevel, ...]

    @property
    def subject(self) -> str:
        """The SKU, which events use as their subject."""
        return skus.subject(self.sku)
