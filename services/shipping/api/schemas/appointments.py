"""Appointments as the API writes and reads them."""

from marshmallow import Schema, fields

from services.shipping.api.schemas.addresses import AddressSchema
from shared.events.snapshots import AppointmentKind, ShipmentStatus
from shared.web.fields import text
from shared.web.paging import PageArguments
from shared.web.problems import refusals_by_action

LOCAL = {
    "description": "In the time zone of the order's market, without an offset: 2026-03-04T10:00.",
    "format": "local-date-time",
}


class ScheduleArguments(Schema):
    """The time of an appointment."""

    starts = fields.NaiveDateTime(required=True, metadata=LOCAL)
    ends = fields.NaiveDateTime(required=True, metadata=LOCAL)
    note = text(500, prose=True, metadata={"description": "For whoever comes."})


class SignArguments(Schema):
    """Who signed that the appointment was kept."""

    name = text(200, shortest=1, required=True)


class AppointmentSchema(Schema):
    """An appointment at a customer's."""

    kind = fields.Enum(AppointmentKind, by_value=True, metadata={"description": "What it is for."})
    starts_at = fields.AwareDateTime(metadata={"description": "When it begins, in UTC."})
    ends_at = fields.AwareDateTime(metadata={"description": "When it ends, in UTC."})
    note = fields.String(metadata={"description": "What was noted when it was scheduled; empty for nothing."})
    times_scheduled = fields.Integer(
        metadata={"description": "How often it was scheduled; above 1 it was moved."}
    )
    scheduled_by = fields.String(
        metadata={"description": "Who scheduled it last: the subject of their token."}
    )
    signed_at = fields.AwareDateTime(
        allow_none=True,
        metadata={"description": "When the customer signed that it was kept, in UTC; null until then."},
    )
    signed_by = fields.String(metadata={"description": "Name of whoever signed; empty until then."})


class AgendaArguments(PageArguments):
    """The filters of the agenda."""

    since = fields.AwareDateTime(
        metadata={"description": "The first instant that is asked for, in UTC; now, if left out."}
    )
    until = fields.AwareDateTime(metadata={"description": "The last instant that is asked for, in UTC."})
    seller = text(100, shortest=1, metadata={"description": "Only shipments of this seller, by code."})
    location = text(
        40,
        shortest=1,
        metadata={"description": "Only shipments whose goods come from this location, by code."},
    )


class AgendaEntrySchema(Schema):
    """An appointment, and the shipment it is for."""

    shipment_id = fields.UUID()
    order_id = fields.UUID()
    number = fields.String()
    seller = fields.String()
    market = fields.String()
    location = fields.String(
        allow_none=True,
        metadata={"description": "Code of the location that the goods come from; null for a service."},
    )
    address = fields.Nested(
        AddressSchema,
        allow_none=True,
        metadata={"description": "Where it is; null once the person is erased."},
    )
    status = fields.Enum(
        ShipmentStatus, by_value=True, metadata={"description": "Where the shipment stands."}
    )
    version = fields.Integer()
    actions = refusals_by_action()
    kind = fields.Enum(
        AppointmentKind, by_value=True, metadata={"description": "What the appointment is for."}
    )
    note = fields.String(metadata={"description": "What was noted when it was scheduled; empty for nothing."})
    times_scheduled = fields.Integer(
        metadata={"description": "How often it was scheduled; above 1 it was moved."}
    )
    starts_at = fields.AwareDateTime(metadata={"description": "When it begins, in UTC."})
    ends_at = fields.AwareDateTime(metadata={"description": "When it ends, in UTC."})
    starts = fields.NaiveDateTime(metadata=LOCAL)
    ends = fields.NaiveDateTime(metadata=LOCAL)
    time_zone = fields.String(
        metadata={"description": "Time zone of the market by its IANA name, such as Europe/London."}
    )
    courier = fields.String(allow_none=True)
    signed_at = fields.AwareDateTime(
        allow_none=True,
        metadata={"description": "When the customer signed that it was kept, in UTC; null until then."},
    )
    signed_by = fields.String(metadata={"description": "Name of whoever signed; empty until then."})
