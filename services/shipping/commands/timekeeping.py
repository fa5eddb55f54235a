"""What follows from where a shipment is: its queue and due time, what and how long it waits for."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from services.shipping.domain.queues import HANDLING_DAYS, STALLED_AFTER_DAYS, Queue, due_at, queue_of
from services.shipping.models import Carrier, Location, Pickup, Shipment
from shared.events.snapshots import MethodKind, ShipmentStatus
from shared.messaging.jobs import enqueue


def keep_time(session: Session, shipment: Shipment) -> None:
    """Put a shipment into its queue, and note what it waits for.

    One that is ready for pickup begins to wait for its customer.
    """
    is_waiting = shipment.status is ShipmentStatus.AWAITING_INVENTORY
    shipment.waits_for = sorted({line.sku for line in shipment.lines}) if is_waiting else None
    place = session.get(Location, shipment.location) if shipment.location else None
    if shipment.status is ShipmentStatus.READY and shipment.kind is MethodKind.PICKUP:
        assert place is not None
        _wait_to_be_collected(session, shipment, place)
    shipment.queue = queue_of(shipment.status)
    shipment.queue_at = _queue_at(session, shipment, place)


def _queue_at(session: Session, shipment: Shipment, place: Location | None) -> datetime | None:
    if shipment.queue is None:
        return None
    if shipment.queue is Queue.FINALISED:
        return shipment.delivered_at
    # Few and seldom changed; within a session each is read once.
    carrier = session.get(Carrier, shipment.parcels[0].carrier) if shipment.parcels else None
    return due_at(
        shipment.status,
        created_at=shipment.created_at,
        collect_by=shipment.collect_by,
        progress_at=shipment.progress_at,
        handling_days=place.handling_days if place else HANDLING_DAYS,
        stalled_after_days=carrier.stalled_after_days if carrier else STALLED_AFTER_DAYS,
    )


def _wait_to_be_collected(session: Session, shipment: Shipment, place: Location) -> None:
    if shipment.pickup is not None or shipment.ready_at is None:
        return
    collect_by = shipment.ready_at + timedelta(days=place.pickup_days)
    shipment.pickup = Pickup(serial=1, wrong_tries=0, collect_by=collect_by)
    for kind, days in (
        ("pickup_reminder", place.pickup_reminder_days),
        ("pickup_release", place.pickup_days),
    ):
        enqueue(
            session,
            kind,
            key=f"{kind}:{shipment.id}",
            order_id=shipment.order_id,
            number=shipment.order.number,
            argument={"shipment_id": str(shipment.id)},
            run_at=shipment.ready_at + timedelta(days=days),
        )
