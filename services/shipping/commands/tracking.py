"""Parcel tracking: carriers' reports, manual entries, and what follows for the shipment."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.shipping import events, queries
from services.shipping.commands.carriers import name_carrier
from services.shipping.commands.handovers import sign_off
from services.shipping.commands.shipments import in_hand, leave, move_on, tell
from services.shipping.domain.tracking_progress import WITH_CARRIER, Scan, newest
from services.shipping.models import Parcel, Shipment, TrackingEvent
from shared import clock
from shared.errors import Invalid, NotFound
from shared.events.snapshots import MethodKind, ShipmentStatus, TrackingStatus
from shared.messaging.order_locks import lock_order

CLOCKS_DIFFER = timedelta(minutes=10)  # a carrier's clock may run ahead of ours by this
# Programs write an instant that they don't know as the first of all, which with an offset lies before the
# year 1: the database would keep it, and nobody could read it back.
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)

S, T = ShipmentStatus, TrackingStatus


def hear_scan(
    session: Session,
    carrier: str,
    *,
    tracking_number: str,
    status: TrackingStatus,
    at: datetime,
    place: str = "",
    note: str = "",
    seller: str | None = None,
    but_not_of: Collection[str] = (),
) -> Parcel:
    """Record a carrier's report about a parcel; one newer than all before publishes tracking.updated.

    A carrier speaks of the parcels of one account: a seller's own, or the one of all sellers but those that
    have their own. The shipment follows: the first scan is the hand-over, and the last parcel's delivery its
    own. What comes late or again is kept for the record and changes nothing. Raises NotFound for a number
    that no parcel has (yet), Refused (tracking_number_ambiguous), Invalid for a time that lies ahead or ages
    ago.
    """
    if at < EARLIEST:
        raise Invalid(at="is too far in the past")
    if at > clock.now() + CLOCKS_DIFFER:
        raise Invalid(at="is in the future")
    order_id, shipment_id, parcel_id = queries.tracked_parcel(
        session, carrier, tracking_number, seller=seller, but_not_of=but_not_of
    )
    lock_order(session, order_id)
    shipment = queries.shipment(session, shipment_id)
    parcel = _parcel(shipment, parcel_id)
    if (parcel.carrier, parcel.tracking_number) != (
        carrier,
        tracking_number,
    ):  # corrected while we waited for the lock
        raise NotFound("parcel", tracking_number)
    said = Scan(status=status, at=at)
    if not _write_down(session, parcel, said, place, note):
        return parcel
    if parcel.scan is not None and newest([parcel.scan, said]) != said:
        return parcel
    parcel.tracking_status, parcel.tracked_at = status, at
    shipment.version += 1
    tell(
        session,
        shipment.order,
        events.tracking_updated(shipment, parcel),
        *_follow_parcels(session, shipment),
    )
    return parcel


def enter_tracking(
    session: Session,
    shipment_id: UUID,
    parcel_id: UUID,
    *,
    carrier: str,
    tracking_number: str,
    tracking_url: str = "",
) -> Shipment:
    """Enter or correct a parcel's carrier and tracking number, and publish tracking.updated.

    Raises NotFound for a parcel that is not the shipment's, Invalid and Refused as name_carrier does.
    """
    shipment = in_hand(session, shipment_id, "track")
    parcel = _parcel(shipment, parcel_id)
    named = {"carrier": carrier, "tracking_number": tracking_number, "tracking_url": tracking_url}
    if not name_carrier(session, shipment, parcel, **named):
        return shipment
    move_on(shipment, "track")
    tell(
        session,
        shipment.order,
        events.shipment_updated(shipment),
        events.tracking_updated(shipment, parcel),
    )
    return shipment


def _write_down(session: Session, parcel: Parcel, said: Scan, place: str, note: str) -> bool:
    """Store a report; returns whether it is new."""
    row = {"parcel_id": parcel.id, "at": said.at, "status": said.status, "place": place, "note": note}
    written = insert(TrackingEvent).values(**row, heard_at=clock.now()).on_conflict_do_nothing()
    first = session.execute(written.returning(TrackingEvent.parcel_id)).first() is not None
    if first:
        session.expire(parcel, ["events"])
    return first


def _follow_parcels(session: Session, shipment: Shipment) -> list[events.News]:
    """Update a shipment from where its parcels are; each step it takes is published."""
    where = {parcel.tracking_status for parcel in shipment.parcels}
    news: list[events.News] = []
    if shipment.status is S.READY and shipment.kind is MethodKind.DELIVERY and where & WITH_CARRIER:
        leave(session, shipment)
        news.append(events.status_reached(shipment))
    if where == {T.DELIVERED} and shipment.status in {S.SHIPPED, S.UNDELIVERABLE}:
        if shipment.status is S.UNDELIVERABLE:
            move_on(shipment, "resend")
            news.append(events.status_reached(shipment))
        move_on(shipment, "deliver")
        sign_off(session, shipment)
        news.append(events.status_reached(shipment))
    elif where & {T.UNDELIVERABLE, T.RETURNING, T.RETURNED} and shipment.status is S.SHIPPED:
        move_on(shipment, "fail")
        shipment.failed_attempts += 1
        shipment.failure = "carrier"
        news.append(events.shipment_undeliverable(shipment))
    return news


def _parcel(shipment: Shipment, parcel_id: UUID) -> Parcel:
    for parcel in shipment.parcels:
        if parcel.id == parcel_id:
            return parcel
    raise NotFound("parcel", parcel_id)
