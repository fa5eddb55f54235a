"""What shipping tells: its rows as the contract has them."""

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
    UnassignedLine,
)
from shared.events import snapshots
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
    """A shipment was planned."""
    return partial(ShipmentCreated, shipment_id=shipment.id)


def shipment_updated(shipment: Shipment) -> News:
    """A shipment's address, method, lines or parcels changed."""
    return partial(ShipmentUpdated, shipment_id=shipment.id)


def status_reached(shipment: Shipment) -> News:
    """A shipment moved on to the state that it is in now."""
    return partial(_REACHED[shipment.status], shipment_id=shipment.id)


def shipment_undeliverable(shipment: Shipment) -> News:
    """A shipment could not be delivered."""
    return partial(ShipmentUndeliverable, shipment_id=shipment.id, reason=shipment.failure)


def tracking_updated(shipment: Shipment, parcel: Parcel) -> News:
    """A parcel is somewhere else, or is tracked under another number."""
    return partial(
        TrackingUpdated,
        shipment_id=shipment.id,
        parcel_id=parcel.id,
        status=parcel.tracking_status or TrackingStatus.ANNOUNCED,
    )


def pickup_reminded(shipment: Shipment) -> News:
    """A customer is reminded to collect a shipment."""
    return partial(PickupReminded, shipment_id=shipment.id)


def appointment_scheduled(shipment: Shipment, appointment: Appointment) -> News:
    """A delivery, installation or service got its date, or another one."""
    return partial(
        AppointmentScheduled,
        shipment_id=shipment.id,
        starts_at=appointment.starts_at,
        ends_at=appointment.ends_at,
    )


def return_received(received: ExpectedReturn) -> News:
    """Goods came back and were inspected."""
    return partial(ReturnReceived, return_id=received.id, lines=_return_lines(received))


def shipments_cancelled(shipments: list[Shipment], reason: str) -> News:
    """Open shipments were cancelled; none, where an order that is to be cancelled had none."""
    return partial(ShipmentCancelled, shipment_ids=tuple(each.id for each in shipments), reason=reason)


def cancel_refused(reason: str) -> News:
    """Nothing was cancelled, for goods have left."""
    return partial(ShipmentCancelRefused, reason=reason)


def stock_changed(
    sku: str, version: int, as_of: datetime, levels: Sequence[StockLevel], owners: Mapping[str, str]
) -> StockChanged:
    """The levels of a SKU changed, by whatever many movements; `owners` are the sellers by location."""
    return StockChanged(
        stock=snapshots.StockSnapshot(
            sku=sku,
            version=version,
            as_of=as_of,
            levels=tuple(
                snapshots.StockLevel(
                    location=level.location,
                    on_hand=level.on_hand,
                    reserved=level.reserved,
                    seller=owners[level.location],
                )
                for level in levels
            ),
        )
    )


def shipments_snapshot(order: OrderState, version: int, to_find: ToFind) -> snapshots.ShipmentsSnapshot:
    """All that shipping knows of an order; `to_find` is what pickers must know of its lines."""
    return snapshots.ShipmentsSnapshot(
        order_id=order.order_id,
        number=order.number,
        version=version,
        people=snapshots.People(
            delivery={
                str(whose): msgspec.convert(shipment.address, snapshots.Address)
                for shipment in order.shipments
                if shipment.address and shipment.status is not ShipmentStatus.CANCELLED
                for whose in (shipment.group_id, shipment.id)
            },
            couriers={
                str(shipment.id): snapshots.Courier(
                    code=shipment.taken_by.code,
                    name=shipment.taken_by.name,
                    email=shipment.taken_by.email,
                    assigned_at=shipment.courier_assigned_at,
                    note=shipment.courier_note,
                )
                for shipment in order.shipments
                if shipment.taken_by and shipment.courier_assigned_at and _is_to_be_taken(shipment)
            },
        ),
        shipments=tuple(_shipment(shipment, to_find) for shipment in order.shipments),
        cancellation=_cancellation(order),
        returns=tuple(
            snapshots.ReceivedReturn(
                return_id=one.id,
                location=one.location or "",
                received_at=one.received_at,
                lines=_return_lines(one),
            )
            for one in order.returns
            if one.status is ReturnStatus.RECEIVED and one.received_at is not None
        ),
        unassigned=tuple(_line(line, {}) for line in order.unassigned),
    )


def _is_to_be_taken(shipment: Shipment) -> bool:
    """Whether its courier still has it to deliver, to an address that was not erased."""
    is_open = shipment.status in OPEN | COURIERS_CARE
    return is_open and shipment.address is not None


def _cancellation(order: OrderState) -> snapshots.Cancellation | None:
    if order.cancel_requested_at is None or order.cancel_done is None:
        return None
    return snapshots.Cancellation(
        requested_at=order.cancel_requested_at,
        done=order.cancel_done,
        reason=order.cancel_reason,
        lines=msgspec.convert(order.cancel_lines or [], tuple[snapshots.CancelledLine, ...]),
    )


def _shipment(shipment: Shipment, to_find: ToFind) -> snapshots.Shipment:
    return snapshots.Shipment(
        shipment_id=shipment.id,
        number=shipment.number,
        group_id=shipment.group_id,
        method=shipment.method,
        method_kind=shipment.kind,
        status=shipment.status,
        location=shipment.location or "",
        lines=tuple(_line(line, to_find.get((shipment.id, line.line_id), {})) for line in shipment.lines),
        parcels=tuple(_parcel(parcel, shipment.lines) for parcel in shipment.parcels),
        created_at=shipment.created_at,
        released_at=shipment.released_at,
        packing_at=shipment.packing_at,
        ready_at=shipment.ready_at,
        shipped_at=shipment.shipped_at,
        delivered_at=shipment.delivered_at,
        undeliverable_at=shipment.undeliverable_at,
        returned_at=shipment.returned_at,
        cancelled_at=shipment.cancelled_at,
        collect_by=shipment.collect_by,
        collect_code=shipment.pickup.serial if shipment.pickup else 0,
        collect_reminded_at=shipment.pickup.reminded_at if shipment.pickup else None,
        download_url=shipment.download_url,
        appointments=tuple(
            snapshots.Appointment(
                kind=one.kind, starts_at=one.starts_at, ends_at=one.ends_at, signed_at=one.signed_at
            )
            for one in shipment.appointments
        ),
    )


def _line(line: ShipmentLine | UnassignedLine, to_find: Mapping[str, Any]) -> snapshots.ShipmentLine:
    return snapshots.ShipmentLine(
        line_id=line.line_id, sku=line.sku, quantity=line.quantity, units=line.units, **to_find
    )


def _parcel(parcel: Parcel, lines: Sequence[ShipmentLine]) -> snapshots.Parcel:
    units = {content.line_id: content.units for content in parcel.contents}
    return snapshots.Parcel(
        parcel_id=parcel.id,
        carrier=parcel.carrier,
        tracking_number=parcel.tracking_number,
        tracking_url=parcel.tracking_url,
        weight_grams=parcel.weight_grams,
        label_document_id=parcel.label_document_id,
        tracking_status=parcel.tracking_status or "",
        tracked_at=parcel.tracked_at,
        lines=tuple(
            snapshots.ShipmentLine(
                line_id=line.line_id,
                sku=line.sku,
                quantity=units[line.line_id] // line.coefficient,
                units=units[line.line_id],
            )
            for line in lines
            if line.line_id in units
        ),
    )


def _return_lines(received: ExpectedReturn) -> tuple[snapshots.ReturnLine, ...]:
    return tuple(
        snapshots.ReturnLine(
            line_id=line.line_id,
            sku=line.sku,
            requested_quantity=line.quantity,
            received_quantity=line.received,
            restocked_quantity=line.restocked,
            scrapped_quantity=line.received - line.restocked,
        )
        for line in received.lines
    )
