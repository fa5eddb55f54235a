"""Queries for carriers and the parcels under their numbers, couriers and their deliveries, appointments."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import exists, select, tuple_
from sqlalchemy.orm import Session

from services.shipping.domain.shipment_status import COURIERS_CARE, ON_THEIR_WAY
from services.shipping.models import Appointment, Carrier, Courier, Parcel, Shipment
from services.shipping.queries.visibility import in_sight, within
from shared.access import actor_of, seen
from shared.errors import NotFound, Refused
from shared.events.snapshots import AppointmentKind, ShipmentStatus

MOST_UNDER_ONE_NUMBER = 100  # parcels looked at; carriers use a number again after a year or more


def tracked_parcel(
    session: Session,
    carrier: str,
    tracking_number: str,
    *,
    seller: str | None,
    but_not_of: Collection[str] = (),
) -> tuple[UUID, UUID, UUID]:
    """The order, shipment and parcel under a carrier's number: of one seller, or of all but some.

    What is on its way comes first, then what has arrived, then what was cancelled; among equals the newest.
    Raises NotFound, Refused (tracking_number_ambiguous) where the best are of several orders on their way, or
    of several sellers: whoever enters another one's number must not get, or turn away, that one's news.
    """
    on_its_way = Shipment.status.in_(ON_THEIR_WAY)
    found = (
        select(
            Shipment.order_id,
            Shipment.id.label("shipment_id"),
            Parcel.id.label("parcel_id"),
            Shipment.seller,
            Shipment.status,
        )
        .join(Shipment, Shipment.id == Parcel.shipment_id)
        .where(
            Parcel.tracking_number == tracking_number,
            Parcel.carrier == carrier,
            Shipment.seller == seller if seller else Shipment.seller.not_in(but_not_of),
        )
        .order_by(on_its_way.desc(), Shipment.status == ShipmentStatus.CANCELLED, Parcel.id.desc())
        .limit(MOST_UNDER_ONE_NUMBER)
    )
    rows = session.execute(found).all()
    if not rows:
        raise NotFound("parcel", tracking_number)
    best = [row for row in rows if _standing(row.status) is _standing(rows[0].status)]
    moving = rows[0].status in ON_THEIR_WAY
    if len({row.order_id if moving else row.seller for row in best}) > 1:
        raise Refused(
            "tracking_number_ambiguous", "parcels of several orders have this number: correct the wrong ones"
        )
    return rows[0].order_id, rows[0].shipment_id, rows[0].parcel_id


def _standing(status: ShipmentStatus) -> ShipmentStatus | None:
    if status in ON_THEIR_WAY:
        return ShipmentStatus.SHIPPED
    return ShipmentStatus.CANCELLED if status is ShipmentStatus.CANCELLED else None


def is_tracked_elsewhere(session: Session, carrier: str, tracking_number: str, shipment: Shipment) -> bool:
    """Whether a parcel of another order of the seller is, or soon will be, on its way under this number."""
    other = (
        select(Parcel.id)
        .join(Shipment, Shipment.id == Parcel.shipment_id)
        .where(
            Parcel.tracking_number == tracking_number,
            Parcel.carrier == carrier,
            Shipment.seller == shipment.seller,
            Shipment.order_id != shipment.order_id,
            Shipment.status.in_(ON_THEIR_WAY),
        )
    )
    return bool(session.scalar(select(exists(other))))


def carrier(session: Session, code: str) -> Carrier:
    """A carrier; raises NotFound."""
    found = session.get(Carrier, code)
    if found is None:
        raise NotFound("carrier", code)
    return found


def carriers_page(session: Session, *, after: str | None, limit: int) -> list[Carrier]:
    """Carriers by code, after the one given."""
    page = select(Carrier).order_by(Carrier.code).limit(limit)
    return list(session.scalars(page if after is None else page.where(Carrier.code > after)))


def courier(session: Session, seller: str, code: str) -> Courier:
    """A courier of a seller that the actor may see; raises NotFound."""
    rows = select(Courier).where(Courier.seller == seller, Courier.code == code)
    return seen(session, rows, "courier", code, Courier.seller)


def couriers_page(session: Session, *, after: tuple[str, str] | None, limit: int) -> list[Courier]:
    """Couriers of the sellers that the actor may see, by seller and code."""
    page = (
        select(Courier)
        .where(*within(Courier.seller, actor_of(session).sellers))
        .order_by(Courier.seller, Courier.code)
        .limit(limit)
    )
    place = tuple_(Courier.seller, Courier.code)
    return list(session.scalars(page if after is None else page.where(place > after)))


def deliveries_page(
    session: Session, seller: str, code: str, *, after: UUID | None, limit: int
) -> list[Shipment]:
    """What a courier currently has to deliver, oldest first."""
    page = (
        select(Shipment)
        .where(
            Shipment.seller == seller,
            Shipment.courier == code,
            Shipment.status.in_(COURIERS_CARE),
            *in_sight(session),
        )
        .order_by(Shipment.id)
        .limit(limit)
    )
    page = page if after is None else page.where(Shipment.id > after)
    return list(session.scalars(page).unique())


def appointments_page(
    session: Session,
    *,
    since: datetime,
    until: datetime | None,
    seller: str | None = None,
    location: str | None = None,
    after: tuple[datetime, UUID, str] | None,
    limit: int,
) -> list[tuple[Appointment, Shipment]]:
    """Appointments that the actor may see, by time; optionally of one seller, or from one location."""
    page = (
        select(Appointment, Shipment)
        .join(Shipment, Shipment.id == Appointment.shipment_id)
        .where(
            Appointment.starts_at >= since,
            Shipment.status != ShipmentStatus.CANCELLED,
            *in_sight(session),
        )
        .order_by(Appointment.starts_at, Appointment.shipment_id, Appointment.kind)
        .limit(limit)
    )
    if until is not None:
        page = page.where(Appointment.starts_at < until)
    if seller is not None:
        page = page.where(Shipment.seller == seller)
    if location is not None:
        page = page.where(Shipment.location == location)
    if after is not None:
        starts_at, shipment_id, kind = after
        place = tuple_(Appointment.starts_at, Appointment.shipment_id, Appointment.kind)
        page = page.where(place > (starts_at, shipment_id, AppointmentKind(kind)))
    return [(appointment, shipment) for appointment, shipment in session.execute(page).unique()]
