"""Carriers, couriers and their deliveries as the API writes and reads them."""

from marshmallow import Schema, fields, validate

from services.shipping.api.schemas.addresses import AddressSchema
from services.shipping.api.schemas.appointments import AppointmentSchema
from services.shipping.api.schemas.shipments import (
    ParcelSchema,
    ShipmentLineSchema,
)
from shared.events.snapshots import MethodKind, ShipmentStatus
from shared.web.fields import email_address, text
from shared.web.problems import refusals_by_action


class CarrierArguments(Schema):
    """A carrier to create or replace."""

    name = text(200, shortest=1, required=True)
    tracking_link = fields.String(
        required=True,
        validate=[validate.Length(max=500), validate.Regexp(r"^https?://[^\s{}]+\{number\}[^\s{}]*\Z")],
        metadata={"description": "Where a customer tracks a parcel, with {number} in place of its number."},
    )
    stalled_after_days = fields.Integer(
        load_default=5,
        strict=True,
        validate=validate.Range(1, 365),
        metadata={"description": "A shipment is overdue after so many days without a report of the carrier."},
    )


class CarrierSchema(CarrierArguments):
    """A company that carries parcels."""

    code = fields.String(metadata={"description": "Code of the carrier."})
    version = fields.Integer()
    changed_at = fields.AwareDateTime()


class CourierArguments(Schema):
    """A courier to create or replace."""

    name = text(200, shortest=1, required=True)
    phone = text(50)
    email = email_address(
        may_be_empty=True,
        metadata={"description": "Where the courier is told of each shipment assigned; empty for nowhere."},
    )
    active = fields.Boolean(
        load_default=True, metadata={"description": "Whether new shipments may be assigned."}
    )


class CourierSchema(CourierArguments):
    """A person who delivers a seller's goods."""

    seller = fields.String()
    code = fields.String(metadata={"description": "Code of the courier, among those of the seller."})
    version = fields.Integer()
    changed_at = fields.AwareDateTime()


class AssignmentArguments(Schema):
    """The courier to assign."""

    courier = text(
        40,
        shortest=1,
        required=True,
        allow_none=True,
        metadata={"description": "Code of an active courier of the shipment's seller; null for nobody."},
    )
    note = text(500, prose=True, metadata={"description": "For the courier."})


class CourierDeliverySchema(Schema):
    """What a courier needs to know for a delivery."""

    shipment_id = fields.UUID(attribute="id")
    order_id = fields.UUID()
    number = fields.String()
    market = fields.String()
    kind = fields.Enum(
        MethodKind, by_value=True, metadata={"description": "How the shipment's method is handled."}
    )
    status = fields.Enum(ShipmentStatus, by_value=True)
    version = fields.Integer()
    actions = refusals_by_action()
    due_at = fields.AwareDateTime(
        allow_none=True,
        metadata={"description": "By when the next step is to be taken, in UTC; null once none is left."},
    )
    address = fields.Nested(
        AddressSchema,
        allow_none=True,
        metadata={"description": "Where it goes; null once the person is erased."},
    )
    lines = fields.List(fields.Nested(ShipmentLineSchema))
    parcels = fields.List(fields.Nested(ParcelSchema))
    appointments = fields.List(fields.Nested(AppointmentSchema))
    note = fields.String(
        attribute="courier_note", metadata={"description": "For the courier; empty for nothing."}
    )
    failed_attempts = fields.Integer()
    failure = fields.String()
    currency = fields.String(attribute="order.currency")
    to_collect_minor = fields.Integer(
        attribute="order.to_collect_minor",
        metadata={"description": "Cash on delivery that the order still owes, in minor units of `currency`."},
    )
