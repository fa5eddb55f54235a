"""What a customer sees of the goods: no staff, no stock, no internal ids."""

from marshmallow import Schema, fields

from services.shipping.api.schemas.appointments import LOCAL
from services.shipping.api.schemas.shipments import TimelineStepSchema
from shared.events.snapshots import AppointmentKind, TrackingStatus


class CustomerLineSchema(Schema):
    """A line of a shipment."""

    sku = fields.String()
    name = fields.String()
    quantity = fields.Integer(metadata={"description": "In sales units."})


class CustomerEventSchema(Schema):
    """A tracking event of a parcel."""

    status = fields.Enum(TrackingStatus, by_value=True, metadata={"description": "Where the parcel was."})
    at = fields.AwareDateTime(metadata={"description": "When that was, in UTC."})
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

    kind = fields.Enum(
        AppointmentKind, by_value=True, metadata={"description": "What the appointment is for."}
    )
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
        allow_none=True,
        metadata={
            "description": "Code that the customer shows to collect it; null unless it waits to be collected."
        },
    )
    collect_by = fields.AwareDateTime(
        allow_none=True,
        metadata={
            "description": (
                "Until when it is kept for the customer, in UTC; null unless it waits to be collected."
            )
        },
    )
    download_url = fields.String(
        allow_none=True, metadata={"description": "Where the customer downloads it; null for none."}
    )
    appointments = fields.List(fields.Nested(CustomerAppointmentSchema))


class CustomerTrackingSchema(Schema):
    """Where the goods of an order are."""

    number = fields.String(metadata={"description": "Number of the order, as people call it."})
    locale = fields.String()
    shipments = fields.List(fields.Nested(CustomerShipmentSchema))
