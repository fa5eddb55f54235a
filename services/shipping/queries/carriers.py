"""Carriers and what they carry under which number, couriers and what they deliver, appointments."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import exists, select, tuple_
from sqlalchemy.orm import Session

from services.shipping.domain.appointments import AppointmentKind
from services.shipping.domain.shipment_status import COURIERS_CARE, ON_THEIR_WAY, ShipmentStatus
from services.shipping.models import Appointment, Carrier, Courier, Parcel, Shipment
from services.shipping.queries.visibility import visible, within
from shared.access import actor_of
from shared.errors import NotFound


def tracked_parcel(session: Session, carrier: str, tracking_number: str) -> tuple[UUID, UUID, UUID]:
    """Order, shipment and parcel of a carrier's number; the newest, for carriers use theirs again."""
    found = (
        select(Shipment.order_id, Shipment.id, Parcel.id)
        .join(Shipment, Shipment.id == Parcel.shipment_id)
        .where(Parcel.tracking_number == tracking_number, Parcel.carrier == carrier)
        .order_by((Shipment.status == ShipmentStatus.CANCELLED), Parcel.id.desc())
        .limit(1)
    )
    row = session.execute(found).first()
    if row is None:
        raise NotFound("parcel", tracking_number)
    order_id, shipment_id, parcel_id = row
    return order_id, shipment_id, parcel_id


def is_tracked_elsewhere(session: Session, carrier: str, tracking_number: str, order_id: UUID) -> bool:
    """Whether a parcel of another order is on its way, or about to be, under this number."""
    other = (
        select(Parcel.id)
        .join(Shipment, Shipment.id == Parcel.shipment_id)
        .where(
            Parcel.tracking_number == tracking_number,
            Parcel.carrier == carrier,
            Shipment.order_id != order_id,
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
    """Carriers by code, from above the one named."""
    page = select(Carrier).order_by(Carrier.code).limit(limit)
    return list(session.scalars(page if after is None else page.where(Carrier.code > after)))


def courier(session: Session, seller: str, code: str) -> Courier:
    """A courier of a seller that the actor may see; raises NotFound."""
    found = session.get(Courier, (seller, code))
    if found is None or not actor_of(session).may_see_seller(seller):
        raise NotFound("courier", code)
    return found


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
    """What a courier is to deliver now, oldest first."""
    page = (
        select(Shipment)
        .where(
            Shipment.seller == seller,
            Shipment.courier == code,
            Shipment.status.in_(COURIERS_CARE),
            *visible(actor_of(session)),
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
    after: tuple[datetime, UUID, str] | None,
    limit: int,
) -> list[tuple[Appointment, Shipment]]:
    """Appointments at shipments that the actor may see, in the order of time."""
    page = (
        select(Appointment, Shipment)
        .join(Shipment, Shipment.id == Appointment.shipment_id)
        .where(
            Appointment.starts_at >= since,
            Shipment.status != ShipmentStatus.CANCELLED,
            *visible(actor_of(session)),
        )
        .order_by(Appointment.starts_at, Appointment.shipment_id, Appointment.kind)
        .limit(limit)
    )
    if until is not None:
        page = page.where(Appointment.starts_at < until)
    if after is not None:
        starts_at, shipment_id, kind = after
        place = tuple_(Appointment.starts_at, Appointment.shipment_id, Appointment.kind)
        page = page.where(place > (starts_at, shipment_id, AppointmentKind(kind)))
    return [(appointment, shipment) for appointment, shipment in session.execute(page).unique()]
