"""What a customer sees of the goods: no staff, no stock, no internal ids."""

from marshmallow import Schema, fields

from services.shipping.api.schemas.appointments import LOCAL
from services.shipping.api.schemas.shipments import TimelineStepSchema
from shared.events.snapshots import AppointmentKind, TrackingStatus


class CustomerLineSchema(Schema):
    """A line of a shipment."""

    sku = fields.String()
    name = fields.String()
    quantity = fields.Integer()


class CustomerEventSchema(Schema):
    """A tracking event of a parcel."""

    status = fields.Enum(TrackingStatus, by_value=True)
    at = fields.AwareDateTime()
    place = fields.String()


class CustomerParcelSchema(Schema):
    """A parcel and where it is."""

    carrier = fields.String()
    tracking_number = fields.String()
    tracking_url = fields.String()
    tracking_status = fields.Enum(TrackingStatus, by_value=True, allow_none=True)
    events = fields.List(fields.Nested(CustomerEventSchema))


class CustomerAppointmentSchema(Schema):
    """An appointment, in local time."""

    kind = fields.Enum(AppointmentKind, by_value=True)
    starts = fields.NaiveDateTime(metadata=LOCAL)
    ends = fields.NaiveDateTime(metadata=LOCAL)
    time_zone = fields.String()


class CustomerShipmentSchema(Schema):
    """A shipment as its customer sees it."""

    number = fields.String()
    timeline = fields.List(fields.Nested(TimelineStepSchema))
    lines = fields.List(fields.Nested(CustomerLineSchema))
    parcels = fields.List(fields.Nested(CustomerParcelSchema))
    collect_code = fields.String(
        allow_none=True, metadata={"description": "To be shown where it is collected."}
    )
    collect_by = fields.AwareDateTime(allow_none=True)
    download_url = fields.String(allow_none=True)
    appointments = fields.List(fields.Nested(CustomerAppointmentSchema))


class CustomerTrackingSchema(Schema):
    """Where the goods of an order are."""

    number = fields.String()
    locale = fields.String()
    shipments = fields.List(fields.Nested(CustomerShipmentSchema))
