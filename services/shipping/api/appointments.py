"""Appointments with customers over HTTP."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from services.shipping import queries
from services.shipping.api.schemas.appointments import (
    AgendaArguments,
    AgendaEntrySchema,
    ScheduleArguments,
    SignArguments,
)
from services.shipping.api.schemas.shipments import ShipmentSchema
from services.shipping.commands import appointments as commands
from services.shipping.domain.appointments import local
from services.shipping.models import Appointment, Shipment
from shared import clock
from shared.events.snapshots import AppointmentKind
from shared.web.auth import requires
from shared.web.blueprint import Blueprint
from shared.web.commands import command, query
from shared.web.paging import decode_cursor, page, page_schema

blueprint = Blueprint(
    "appointments",
    __name__,
    url_prefix="/v1",
    description="Appointments at customers': delivery, installation, service.",
)

KIND = f"any({', '.join(AppointmentKind)})"
APPOINTMENT = f"/shipments/<uuid:shipment_id>/appointments/<{KIND}:kind>"


@blueprint.route(APPOINTMENT, methods=["PUT"])
@blueprint.arguments(ScheduleArguments)
@blueprint.response(200, ShipmentSchema)
@requires("shipping:write")
@command
def schedule_appointment(session: Session, times: dict[str, Any], shipment_id: UUID, kind: str) -> Shipment:
    """Schedule or reschedule a delivery, installation or service; the customer is notified.

    The same times again change nothing. Publishes `appointment.scheduled`. Refused (409) with its reason:
    `appointment_signed` once it was kept, `already_shipped` if the goods came back, `shipment_cancelled`.
    """
    return commands.schedule_appointment(session, shipment_id, AppointmentKind(kind), **times)


@blueprint.route(f"{APPOINTMENT}/sign", methods=["POST"])
@blueprint.arguments(SignArguments)
@blueprint.response(200, ShipmentSchema)
@requires("shipping:write")
@command
def sign_appointment(session: Session, proof: dict[str, Any], shipment_id: UUID, kind: str) -> Shipment:
    """Record that an appointment was kept, and who signed for it.

    Publishes `shipment.updated`. Refused (409) with its reason: `appointment_signed` the second time,
    `already_shipped` if the goods came back, `shipment_cancelled`.
    """
    return commands.sign_appointment(session, shipment_id, AppointmentKind(kind), **proof)


@blueprint.route("/appointments", methods=["GET"])
@blueprint.arguments(AgendaArguments, location="query")
@blueprint.response(200, page_schema(AgendaEntrySchema))
@requires("shipping:read")
@query
def list_appointments(session: Session, arguments: dict[str, Any]) -> dict[str, Any]:
    """The agenda: appointments that you may see, by time."""
    limit = arguments["limit"]
    rows = queries.appointments_page(
        session,
        since=arguments.get("since") or clock.now(),
        until=arguments.get("until"),
        seller=arguments.get("seller"),
        location=arguments.get("location"),
        after=decode_cursor(arguments["cursor"], datetime, UUID, AppointmentKind)
        if "cursor" in arguments
        else None,
        limit=limit + 1,
    )
    entries = [_entry(*row) for row in rows]
    return page(entries, limit, lambda entry: (entry["starts_at"], entry["shipment_id"], entry["kind"]))


def _entry(appointment: Appointment, shipment: Shipment) -> dict[str, Any]:
    zone = shipment.order.time_zone
    return {
        "shipment_id": shipment.id,
        "order_id": shipment.order_id,
        "number": shipment.number,
        "seller": shipment.seller,
        "market": shipment.market,
        "location": shipment.location,
        "address": shipment.address,
        "status": shipment.status,
        "version": shipment.version,
        "actions": shipment.actions,
        "kind": appointment.kind,
        "note": appointment.note,
        "times_scheduled": appointment.times_scheduled,
        "starts_at": appointment.starts_at,
        "ends_at": appointment.ends_at,
        "starts": local(appointment.starts_at, zone),
        "ends": local(appointment.ends_at, zone),
        "time_zone": zone,
        "courier": shipment.courier,
        "signed_at": appointment.signed_at,
        "signed_by": appointment.signed_by,
    }
