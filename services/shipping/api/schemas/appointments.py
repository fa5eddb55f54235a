"""Appointments as the API writes and reads them."""

from marshmallow import Schema, fields

from services.shipping.api.schemas.addresses import AddressSchema
from shared.events.snapshots import AppointmentKind, ShipmentStatus
from shared.web.fields import text
from shared.web.paging import PageArguments
from shared.web.problems import refusals_by_action

LOCAL = {
    "description": "As clocks in the order's market show it, without an offset: 2026-03-04T10:00.",
    "format": "local-date-time",
}


class ScheduleArguments(Schema):
    """The time of an appointment."""

    starts = fields.NaiveDateTime(required=True, metadata=LOCAL)
    ends = fields.NaiveDateTime(required=True, metadata=LOCAL)
    note = text(500, prose=True)


class SignArguments(Schema):
    """Who signed that the appointment was kept."""

    name = text(200, shortest=1, required=True)


class AppointmentSchema(Schema):
    """An appointment at a customer's."""

    kind = fields.Enum(AppointmentKind, by_value=True)
    starts_at = fields.AwareDateTime()
    ends_at = fields.AwareDateTime()
    note = fields.String()
    times_scheduled = fields.Integer(metadata={"description": "Above 1 it was moved."})
    scheduled_by = fields.String()
    signed_at = fields.AwareDateTime(allow_none=True)
    signed_by = fields.String()


class AgendaArguments(PageArguments):
    """The filters of the agenda."""

    since = fields.AwareDateTime(metadata={"description": "Now, unless given."})
    until = fields.AwareDateTime()
    seller = text(100, shortest=1)
    location = text(40, shortest=1, metadata={"description": "Where the goods come from."})


class AgendaEntrySchema(Schema):
    """An appointment, and the shipment it is for."""

    shipment_id = fields.UUID()
    order_id = fields.UUID()
    number = fields.String()
    seller = fields.String()
    market = fields.String()
    location = fields.String(
        allow_none=True, metadata={"description": "Where the goods come from; a service has none."}
    )
    address = fields.Nested(
        AddressSchema,
        allow_none=True,
        metadata={"description": "Name, place and phone; null once the person was erased."},
    )
    status = fields.Enum(
        ShipmentStatus, by_value=True, metadata={"description": "The shipment's, as are version and actions."}
    )
    version = fields.Integer()
    actions = refusals_by_action()
    kind = fields.Enum(AppointmentKind, by_value=True)
    note = fields.String()
    times_scheduled = fields.Integer(metadata={"description": "Above 1 it was moved."})
    starts_at = fields.AwareDateTime()
    ends_at = fields.AwareDateTime()
    starts = fields.NaiveDateTime(metadata=LOCAL)
    ends = fields.NaiveDateTime(metadata=LOCAL)
    time_zone = fields.String(metadata={"description": "The market's, as IANA names it."})
    courier = fields.String(allow_none=True)
    signed_at = fields.AwareDateTime(allow_none=True)
    signed_by = fields.String()
