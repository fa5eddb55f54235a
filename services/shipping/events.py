"""The events that shipping publishes: its rows in the form of the contract."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

import msgspec

from services.shipping.domain.inspection import ReturnStatus
from services.shipping.domain.shipment_status import COURIERS_CARE, OPEN
from services.shipping.models import (
    Appointment,
    ExpectedReturn,
    OrderState,
    Parcel,
    Shipment,
    ShipmentLine,
    StockLevel,
)
from shared.events import snapshots
from shared.events.from_rows import each, made_of
from shared.events.shipping import (
    AppointmentScheduled,
    PickupReminded,
    ReturnReceived,
    ShipmentAwaitingInventory,
    ShipmentCancelled,
    ShipmentCancelRefused,
    ShipmentCreated,
    ShipmentDelivered,
    ShipmentInventoryAssigned,
    ShipmentPacking,
    ShipmentReady,
    ShipmentReleased,
    ShipmentReturned,
    ShipmentShipped,
    ShipmentUndeliverable,
    ShipmentUpdated,
    StockChanged,
    TrackingUpdated,
)
from shared.events.snapshots import ShipmentStatus, TrackingStatus
from shared.messaging.outbox import Event

# An event that only lacks the snapshot: all events of a transaction tell the state that it ends in.
News = Callable[..., Event]

# Fields of a shipment's line in the contract, by shipment and line.
ToFind = Mapping[tuple[UUID, UUID], Mapping[str, Any]]

_REACHED: dict[ShipmentStatus, News] = {
    ShipmentStatus.AWAITING_INVENTORY: ShipmentAwaitingInventory,
    ShipmentStatus.INVENTORY_ASSIGNED: ShipmentInventoryAssigned,
    ShipmentStatus.RELEASED: ShipmentReleased,
    ShipmentStatus.PACKING: ShipmentPacking,
    ShipmentStatus.READY: ShipmentReady,
    ShipmentStatus.SHIPPED: ShipmentShipped,
    ShipmentStatus.DELIVERED: ShipmentDelivered,
    ShipmentStatus.RETURNED: ShipmentReturned,
}


def shipment_created(shipment: Shipment) -> News:
    """A shipment was created."""
    return partial(ShipmentCreated, shipment_id=shipment.id)


def shipment_updated(shipment: Shipment) -> News:
    """A shipment's address, method, lines or parcels changed."""
    return partial(ShipmentUpdated, shipment_id=shipment.id)


def status_reached(shipment: Shipment) -> News:
    """A shipment reached its current status."""
    return partial(_REACHED[shipment.status], shipment_id=shipment.id)


def shipment_undeliverable(shipment: Shipment) -> News:
    """A shipment could not be delivered."""
    return partial(ShipmentUndeliverable, shipment_id=shipment.id, reason=shipment.failure)


def tracking_updated(shipment: Shipment, parcel: Parcel) -> News:
    """A parcel has a new tracking status, or another number."""
    return partial(
        TrackingUpdated,
        shipment_id=shipment.id,
        parcel_id=parcel.id,
        status=parcel.tracking_status or TrackingStatus.ANNOUNCED,
    )


def pickup_reminded(shipment: Shipment) -> News:
    """The customer was reminded to collect a shipment."""
    return partial(PickupReminded, shipment_id=shipment.id)


def appointment_scheduled(shipment: Shipment, appointment: Appointment) -> News:
    """A delivery, installation or service was scheduled or rescheduled."""
    return partial(
        AppointmentScheduled,
        shipment_id=shipment.id,
        starts_at=appointment.starts_at,
        ends_at=appointment.ends_at,
    )


def return_received(received: ExpectedReturn) -> News:
    """A return was received and inspected."""
    return partial(ReturnReceived, return_id=received.id, lines=_return_lines(received))


def shipments_cancelled(shipments: list[Shipment], reason: str) -> News:
    """Open shipments were cancelled; the list is empty if the order to be cancelled had none."""
    return partial(ShipmentCancelled, shipment_ids=tuple(each.id for each in shipments), reason=reason)


def cancel_refused(reason: str) -> News:
    """Nothing was cancelled, because goods have left."""
    return partial(ShipmentCancelRefused, reason=reason)


def stock_changed(
    sku: str, version: int, as_of: datetime, levels: Sequence[StockLevel], owners: Mapping[str, str]
) -> StockChanged:
    """The levels of a SKU changed, by one movement or many; `owners` are the sellers by location."""
    told = tuple(_level(level, seller=owners[level.location]) for level in levels)
    return StockChanged(stock=snapshots.StockSnapshot(sku=sku, version=version, as_of=as_of, levels=told))


def shipments_snapshot(order: OrderState, version: int, to_find: ToFind) -> snapshots.ShipmentsSnapshot:
    """Everything shipping knows about an order; `to_find` tells pickers where and what its lines are."""
    return _shipments(
        order, version=version, shipments=tuple(_shipment(one, to_find) for one in order.shipments)
    )


def _people(order: OrderState) -> snapshots.People:
    return snapshots.People(
        delivery={
            str(whose): msgspec.convert(shipment.address, snapshots.Address)
            for shipment in order.shipments
            if shipment.address and shipment.status is not ShipmentStatus.CANCELLED
            for whose in (shipment.group_id, shipment.id)
        },
        couriers={
            str(shipment.id): _courier(shipment)
            for shipment in order.shipments
            if shipment.courier_assigned_at and shipment.taken_by and _is_to_be_taken(shipment)
        },
    )


def _is_to_be_taken(shipment: Shipment) -> bool:
    """Whether its courier still has to deliver it, to an address that was not erased."""
    is_open = shipment.status in OPEN | COURIERS_CARE
    return is_open and shipment.address is not None


def _cancellation(order: OrderState) -> snapshots.Cancellation | None:
    if order.cancel_requested_at is None or order.cancel_done is None:
        return None
    return _answered(order)


def _shipment(shipment: Shipment, to_find: ToFind) -> snapshots.Shipment:
    return _planned(
        shipment,
        lines=tuple(_line(line, **to_find.get((shipment.id, line.line_id), {})) for line in shipment.lines),
        parcels=tuple(_packed(parcel, lines=_content(parcel, shipment.lines)) for parcel in shipment.parcels),
    )


def _content(parcel: Parcel, lines: Sequence[ShipmentLine]) -> tuple[snapshots.ShipmentLine, ...]:
    units = {content.line_id: content.units for content in parcel.contents}
    return tuple(
        snapshots.ShipmentLine(
            line_id=line.line_id,
            sku=line.sku,
            quantity=units[line.line_id] // line.coefficient,
            units=units[line.line_id],
        )
        for line in lines
        if line.line_id in units
    )


_level = made_of(snapshots.StockLevel)
_courier = made_of(
    snapshots.Courier,
    code="taken_by.code",
    name="taken_by.name",
    email="taken_by.email",
    assigned_at="courier_assigned_at",
    note="courier_note",
)
_line = made_of(
    snapshots.ShipmentLine, bin=lambda _: None, barcode=lambda _: None, specifications=lambda _: None
)
_packed = made_of(snapshots.Parcel, parcel_id="id")
_planned = made_of(
    snapshots.Shipment,
    shipment_id="id",
    method_kind="kind",
    location=lambda shipment: shipment.location or "",
    collect_code=lambda shipment: shipment.pickup.serial if shipment.pickup else None,
    collect_reminded_at=lambda shipment: shipment.pickup.reminded_at if shipment.pickup else None,
    appointments=each(made_of(snapshots.Appointment), "appointments"),
)
_return_lines = each(
    made_of(
        snapshots.ReturnLine,
        requested_quantity="quantity",
        received_quantity="received",
        restocked_quantity="restocked",
        scrapped_quantity=lambda line: line.received - line.restocked,
    ),
    "lines",
)
_received = made_of(
    snapshots.ReceivedReturn,
    return_id="id",
    location=lambda received: received.location or "",
    lines=_return_lines,
)
_answered = made_of(
    snapshots.Cancellation,
    requested_at="cancel_requested_at",
    done="cancel_done",
    reason="cancel_reason",
    lines=lambda order: msgspec.convert(order.cancel_lines or [], tuple[snapshots.CancelledLine, ...]),
)
_shipments = made_of(
    snapshots.ShipmentsSnapshot,
    people=_people,
    cancellation=_cancellation,
    returns=lambda order: tuple(
        _received(one) for one in order.returns if one.status is ReturnStatus.RECEIVED and one.received_at
    ),
    unassigned=each(_line, "unassigned"),
)
