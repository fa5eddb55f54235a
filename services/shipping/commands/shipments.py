"""Actions on a shipment, and what follows from them. The caller owns the transaction."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from services.shipping import events, queries
from services.shipping.commands import parcels, stock
from services.shipping.commands.carriers import name_carrier
from services.shipping.commands.lines import put_aside
from services.shipping.domain.own_tracking import CARRIER
from services.shipping.domain.queues import HANDLING_DAYS, STALLED_AFTER_DAYS, Queue, due_at, queue_of
from services.shipping.domain.shipment_status import (
    IN_THE_WAREHOUSE,
    UNRELEASED,
    refuse_unless_possible,
    status_after,
)
from services.shipping.models import Carrier, Location, OrderState, Pickup, Shipment
from shared import clock
from shared.access import require_current
from shared.errors import Invalid
from shared.events.snapshots import MethodKind, ShipmentStatus
from shared.messaging import outbox
from shared.messaging.jobs import enqueue
from shared.messaging.order_locks import lock_order, next_version


def release_shipment(session: Session, shipment_id: UUID) -> Shipment:
    """Release a shipment to the warehouse and publish shipment.released.

    Raises NotFound, or Refused with its reason: awaiting_inventory, order_not_accepted, on_hold,
    payment_not_recorded, cancel_requested, and those of every command here: wrong_status, already_shipped,
    already_delivered, shipment_cancelled.
    """
    with change(session, shipment_id, "release") as shipment:
        pass
    return shipment


def pick_shipment(session: Session, shipment_id: UUID) -> Shipment:
    """Pick a shipment's goods, without a pick list, and publish shipment.packing.

    All goes into one parcel, whose label falls due.
    """
    with change(session, shipment_id, "pick") as shipment:
        stock.pick_all(session, shipment, held_levels(session, [shipment]))
        parcels.open_parcel(session, shipment)
    return shipment


def pack_shipment(session: Session, shipment_id: UUID) -> Shipment:
    """Pack a shipment and publish shipment.ready; Refused (label_not_ready) until there is a label."""
    with change(session, shipment_id, "pack") as shipment:
        pass
    return shipment


def print_label(session: Session, shipment_id: UUID) -> Shipment:
    """Count a print of a shipment's label; the first one packs it and publishes shipment.ready.

    Refused label_not_ready until documents has stored the label, which is the same at every print.
    """
    shipment = in_hand(session, shipment_id, "print_label")
    is_first = shipment.status is ShipmentStatus.PACKING
    shipment.prints += 1
    move_on(shipment, "print_label")
    if is_first:
        tell(session, shipment.order, events.status_reached(shipment))
    return shipment


def ship_shipment(
    session: Session,
    shipment_id: UUID,
    *,
    carrier: str = "",
    tracking_number: str = "",
    tracking_url: str = "",
) -> Shipment:
    """Ship a shipment with its carrier and publish shipment.shipped; its stock leaves.

    Without a carrier it goes by Waybill's own, with the number and link that its label shows. Raises Invalid
    where another carrier comes without its tracking number or link, Refused tracking_number_taken.
    """
    shipment = in_hand(session, shipment_id, "ship")
    if carrier or tracking_number or tracking_url:
        if len(shipment.parcels) > 1:
            raise Invalid(carrier="must be entered for each parcel, because there are several")
        name_carrier(
            session,
            shipment,
            shipment.parcels[0],
            carrier=carrier or CARRIER,
            tracking_number=tracking_number,
            tracking_url=tracking_url,
        )
    leave(session, shipment)
    tell(session, shipment.order, events.status_reached(shipment))
    return shipment


def leave(session: Session, shipment: Shipment) -> None:
    """Move a shipment and its stock out with its carrier; the caller publishes that."""
    stock.take_out(session, shipment, held_levels(session, [shipment]))
    move_on(shipment, "ship")


def cancel_shipment(session: Session, shipment_id: UUID, *, reason: str) -> Shipment:
    """Cancel a shipment before it leaves, free its stock and publish shipment.cancelled.

    While the order is to be fulfilled, its units are among the order's unassigned lines from then on.
    """
    shipment = in_hand(session, shipment_id, "cancel")
    if shipment.order.to_be_fulfilled:
        put_aside(shipment)
    cancel(session, [shipment], reason, held_levels(session, [shipment]))
    tell(session, shipment.order, events.shipments_cancelled([shipment], reason))
    return shipment


def cancel(session: Session, shipments: list[Shipment], reason: str, levels: stock.Levels) -> None:
    """Cancel open shipments of one order and free their stock; the caller publishes that."""
    for shipment in shipments:
        if shipment.holds_stock:
            stock.free(session, shipment, levels)
        if shipment.status is ShipmentStatus.PACKING:
            for line in queries.open_pick_lines(session, shipment.id):
                line.found = 0  # nobody need look for it any more
        shipment.cancel_reason = reason
        move_on(shipment, "cancel")


def held_levels(session: Session, shipments: list[Shipment]) -> stock.Levels:
    """Lock the stock levels that shipments hold."""
    holding = [shipment for shipment in shipments if shipment.holds_stock]
    skus = {line.sku for shipment in holding for line in shipment.lines}
    locations = {shipment.location for shipment in holding if shipment.location is not None}
    return stock.lock_levels(session, skus, locations) if holding else {}


@contextmanager
def change(
    session: Session, shipment_id: UUID, action: str, news: Callable[[Shipment], events.News] | None = None
) -> Iterator[Shipment]:
    """Make one change of a locked shipment: versioned, moved to the action's next status, and published.

    What is told, unless it is named, is the status it reached; shipment.updated where it has kept its own.
    """
    shipment = in_hand(session, shipment_id, action)
    was = shipment.status
    yield shipment
    move_on(shipment, action)
    news = news or (events.shipment_updated if shipment.status is was else events.status_reached)
    tell(session, shipment.order, news(shipment))


def move_on(shipment: Shipment, action: str) -> None:
    """Move a shipment to the status that an action leads to, raising its version and noting the time."""
    was, shipment.status = shipment.status, status_after(action, shipment.status, shipment.kind)
    shipment.version += 1
    if action == "release":
        shipment.released_at = clock.now()
    if shipment.status is not was and shipment.status not in UNRELEASED:
        setattr(shipment, f"{shipment.status}_at", clock.now())


def tell(session: Session, order: OrderState, *news: events.News) -> None:
    """Publish one event for each change of an order's shipments, all with the same final snapshot."""
    if news:
        for shipment in order.shipments:
            keep_time(session, shipment)
        session.flush()
        version = next_version(session, order.order_id)
        in_hand_now = any(shipment.status in IN_THE_WAREHOUSE for shipment in order.shipments)
        to_find = queries.to_find(session, order.order_id) if in_hand_now else {}
        snapshot = events.shipments_snapshot(order, version, to_find)
        for event in news:
            outbox.publish(session, event(shipments=snapshot))


def in_hand(session: Session, shipment_id: UUID, action: str) -> Shipment:
    """Lock a shipment for an action until the transaction ends.

    Raises NotFound, Stale if the caller decided on an older one, Refused where the action is not possible.
    """
    order_id = queries.order_of(session, shipment_id)
    lock_order(session, order_id)  # whoever changes a shipment has this: the row itself needs no lock
    [shipment] = [one for one in queries.shipments_of_order(session, order_id) if one.id == shipment_id]
    require_current(session, shipment.version, shipment_id)
    refuse_unless_possible(action, shipment.facts)
    return shipment


def keep_time(session: Session, shipment: Shipment) -> None:
    """Update a shipment's queue and deadline, the SKUs it waits for, and whether its order allows release.

    One that is ready for pickup begins to wait for its customer.
    """
    is_waiting = shipment.status is ShipmentStatus.AWAITING_INVENTORY
    shipment.waits_for = sorted({line.sku for line in shipment.lines}) if is_waiting else None
    shipment.let_go = shipment.order.lets_go and shipment.status in UNRELEASED
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
