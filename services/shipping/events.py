"""What shipping tells: its rows as the contract has them."""

from collections.abc import Callable
from functools import partial

import msgspec

from services.shipping.domain.shipment_status import ShipmentStatus
from services.shipping.models import OrderState, Parcel, Shipment, ShipmentLine
from shared.events import snapshots
from shared.events.shipping import (
    ShipmentAwaitingInventory,
    ShipmentCancelled,
    ShipmentCancelRefused,
    ShipmentCreated,
    ShipmentDelivered,
    ShipmentInventoryAssigned,
    ShipmentPacking,
    ShipmentReady,
    ShipmentReleased,
    ShipmentShipped,
    ShipmentUpdated,
)
from shared.messaging.outbox import Event

# An event that only lacks the snapshot: all events of a transaction tell the state that it ends in.
News = Callable[..., Event]

_REACHED: dict[ShipmentStatus, News] = {
    ShipmentStatus.AWAITING_INVENTORY: ShipmentAwaitingInventory,
    ShipmentStatus.INVENTORY_ASSIGNED: ShipmentInventoryAssigned,
    ShipmentStatus.RELEASED: ShipmentReleased,
    ShipmentStatus.PACKING: ShipmentPacking,
    ShipmentStatus.READY: ShipmentReady,
    ShipmentStatus.SHIPPED: ShipmentShipped,
    ShipmentStatus.DELIVERED: ShipmentDelivered,
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


def shipments_cancelled(shipments: list[Shipment], reason: str) -> News:
    """Open shipments were cancelled; none, where an order that is to be cancelled had none."""
    return partial(ShipmentCancelled, shipment_ids=tuple(each.id for each in shipments), reason=reason)


def cancel_refused(reason: str) -> News:
    """Nothing was cancelled, for goods have left."""
    return partial(ShipmentCancelRefused, reason=reason)


def shipments_snapshot(order: OrderState, version: int) -> snapshots.ShipmentsSnapshot:
    """All that shipping knows of an order."""
    return snapshots.ShipmentsSnapshot(
        order_id=order.order_id,
        number=order.number,
        version=version,
        people=snapshots.People(
            delivery={
                str(shipment.group_id): msgspec.convert(shipment.address, snapshots.Address)
                for shipment in order.shipments
                if shipment.address and shipment.status is not ShipmentStatus.CANCELLED
            }
        ),
        shipments=tuple(_shipment(shipment) for shipment in order.shipments),
        cancellation=_cancellation(order),
    )


def _cancellation(order: OrderState) -> snapshots.Cancellation | None:
    if order.cancel_requested_at is None or order.cancel_done is None:
        return None
    return snapshots.Cancellation(
        requested_at=order.cancel_requested_at, done=order.cancel_done, reason=order.cancel_reason
    )


def _shipment(shipment: Shipment) -> snapshots.Shipment:
    return snapshots.Shipment(
        shipment_id=shipment.id,
        number=shipment.number,
        group_id=shipment.group_id,
        method=shipment.method,
        method_kind=shipment.kind,
        status=shipment.status,
        location=shipment.location or "",
        lines=tuple(_line(line) for line in shipment.lines),
        parcels=tuple(_parcel(parcel) for parcel in shipment.parcels),
        created_at=shipment.created_at,
        released_at=shipment.released_at,
        packing_at=shipment.packing_at,
        ready_at=shipment.ready_at,
        shipped_at=shipment.shipped_at,
        delivered_at=shipment.delivered_at,
        undeliverable_at=shipment.undeliverable_at,
        returned_at=shipment.returned_at,
        cancelled_at=shipment.cancelled_at,
    )


def _line(line: ShipmentLine) -> snapshots.ShipmentLine:
    return snapshots.ShipmentLine(
        line_id=line.line_id, sku=line.sku, quantity=line.quantity, units=line.units
    )


def _parcel(parcel: Parcel) -> snapshots.Parcel:
    return snapshots.Parcel(
        parcel_id=parcel.id,
        carrier=parcel.carrier,
        tracking_number=parcel.tracking_number,
        tracking_url=parcel.tracking_url,
        weight_grams=parcel.weight_grams,
        label_document_id=parcel.label_document_id,
    )
