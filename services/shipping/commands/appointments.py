"""Appointments with customers: scheduled, rescheduled, signed off."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from services.shipping import events
from services.shipping.commands.shipments import change, in_hand, move_on, tell
from services.shipping.domain.appointments import window
from services.shipping.models import Appointment, Shipment
from shared import clock
from shared.access import actor_of
from shared.errors import NotFound, Refused
from shared.events.snapshots import AppointmentKind


def schedule_appointment(
    session: Session, shipment_id: UUID, kind: AppointmentKind, *, starts: datetime, ends: datetime, note: str
) -> Shipment:
    """Schedule or reschedule a delivery, installation or service, and publish appointment.scheduled.

    The times are as clocks in the market show them. Raises Invalid for one that is over or does not exist;
    Refused appointment_signed once it was kept. The same date again changes nothing.
    """
    shipment = in_hand(session, shipment_id, "schedule")
    starts_at, ends_at = window(starts, ends, shipment.order.time_zone, clock.now())
    known = _known(shipment, kind)
    if known is not None and known.signed_at is not None:
        raise Refused("appointment_signed", "the customer has already signed it off")
    if known is None:
        known = Appointment(
            kind=kind,
            starts_at=starts_at,
            ends_at=ends_at,
            note=note,
            times_scheduled=1,
            scheduled_by=actor_of(session).name,
            signed_by="",
        )
        shipment.appointments.append(known)
    elif (known.starts_at, known.ends_at, known.note) == (starts_at, ends_at, note):
        return shipment
    else:
        known.starts_at, known.ends_at, known.note = starts_at, ends_at, note
        known.times_scheduled += 1
        known.scheduled_by = actor_of(session).name
    move_on(shipment, "schedule")
    tell(session, shipment.order, events.appointment_scheduled(shipment, known))
    return shipment


def sign_appointment(session: Session, shipment_id: UUID, kind: AppointmentKind, *, name: str) -> Shipment:
    """Record that an appointment was kept and who signed for it, and publish shipment.updated.

    Raises NotFound where there is none; Refused appointment_signed the second time, shipment_cancelled.
    """
    with change(session, shipment_id, "schedule") as shipment:
        known = _known(shipment, kind)
        if known is None:
            raise NotFound("appointment", kind)
        if known.signed_at is not None:
            raise Refused("appointment_signed", "the customer has already signed it off")
        known.signed_at, known.signed_by = clock.now(), name
    return shipment


def _known(shipment: Shipment, kind: AppointmentKind) -> Appointment | None:
    return next((one for one in shipment.appointments if one.kind is kind), None)
