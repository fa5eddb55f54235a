"""Shipments as the API writes and reads them."""

from marshmallow import Schema, fields, validate

from services.shipping.api.schemas.addresses import AddressSchema, DispatchSchema
from services.shipping.api.schemas.appointments import AppointmentSchema
from services.shipping.api.schemas.handovers import PickupSchema, SignOffSchema
from services.shipping.api.schemas.tracking import TrackingEventSchema, TrackingNumber
from services.shipping.domain.queues import Queue
from services.shipping.domain.readiness import Readiness
from services.shipping.domain.timeline import TimelineStep
from shared.events.snapshots import MethodKind, ShipmentStatus, TrackingStatus
from shared.web.fields import text
from shared.web.paging import PageArguments
from shared.web.problems import refusals_by_action


class HandOverArguments(Schema):
    """The carrier of a shipment; nothing for Waybill's own, which assigns number and link itself."""

    carrier = text(
        100,
        metadata={
            "description": "Code of a listed carrier, or another carrier's name; Waybill's own if left out."
        },
    )
    tracking_number = TrackingNumber(
        load_default="",
        metadata={
            "description": "The carrier's number of the parcel; needed for any carrier but Waybill's own."
        },
    )
    tracking_url = fields.Url(
        schemes={"http", "https"},
        load_default="",
        validate=validate.Length(max=1000),
        metadata={"description": "Where the customer tracks it; needed for a carrier that is not listed."},
    )


class CancelArguments(Schema):
    """Why a shipment is cancelled, or rejected at its location."""

    reason = text(
        500,
        shortest=1,
        prose=True,
        required=True,
        metadata={"description": "Why; it is kept with the shipment."},
    )


class ShipmentPageArguments(PageArguments):
    """The filters of the list of shipments."""

    number = text(
        100,
        shortest=1,
        metadata={"description": "Number of the shipment, of its order, or of a parcel with its carrier."},
    )
    status = fields.Enum(
        ShipmentStatus, by_value=True, metadata={"description": "Only shipments with this status."}
    )


class ShipmentLineSchema(Schema):
    """How much of an order line a shipment carries."""

    line_id = fields.UUID()
    sku = fields.String()
    name = fields.String()
    quantity = fields.Integer(metadata={"description": "How many, in sales units."})
    units = fields.Integer(metadata={"description": "How many, in stock-keeping units."})
    picked = fields.Integer(metadata={"description": "How many are off their shelf, in stock-keeping units."})
    checked = fields.Integer(
        metadata={"description": "How many were scanned while they were packed, in stock-keeping units."}
    )
    specifications = fields.Function(
        lambda line: line.goods.specifications if line.goods else {},
        metadata={
            "type": "object",
            "additionalProperties": {"type": "string"},
            "description": "What a picker looks at, by name: colour, size, how to handle it.",
        },
    )


class UnassignedLineSchema(Schema):
    """How much of an order line is in no shipment, because the one it was in was cancelled."""

    line_id = fields.UUID()
    group_id = fields.UUID()
    sku = fields.String()
    name = fields.String()
    quantity = fields.Integer(metadata={"description": "How many are in no shipment, in sales units."})
    units = fields.Integer(metadata={"description": "How many are in no shipment, in stock-keeping units."})


class ContentSchema(Schema):
    """How much of a line is in a parcel."""

    line_id = fields.UUID(required=True)
    units = fields.Integer(
        required=True,
        strict=True,
        validate=validate.Range(1, 1_000_000_000),
        metadata={"description": "How many are in it, in stock-keeping units."},
    )


class ParcelSchema(Schema):
    """A parcel with its tracking number and label."""

    parcel_id = fields.UUID(attribute="id")
    carrier = fields.String()
    tracking_number = fields.String()
    tracking_url = fields.String()
    weight_grams = fields.Integer(metadata={"description": "Weight in grams; 0 if nobody weighed it."})
    length_mm = fields.Integer(metadata={"description": "In millimetres; 0 if nobody measured it."})
    width_mm = fields.Integer()
    height_mm = fields.Integer()
    contents = fields.List(fields.Nested(ContentSchema), metadata={"description": "What is in it."})
    label_document_id = fields.UUID(
        allow_none=True,
        metadata={"description": "Id of its label in the documents service; null until that is stored."},
    )
    tracking_status = fields.Enum(TrackingStatus, by_value=True, allow_none=True)
    tracked_at = fields.AwareDateTime(allow_none=True)
    events = fields.List(
        fields.Nested(TrackingEventSchema), metadata={"description": "The carrier's reports, oldest first."}
    )


class TimelineStepSchema(Schema):
    """A step that the customer sees."""

    step = fields.Enum(
        TimelineStep,
        by_value=True,
        metadata={"description": "The step; the third depends on how it reaches the customer."},
    )
    label = fields.String(metadata={"description": "Its name in the customer's language."})
    at = fields.AwareDateTime(
        allow_none=True, metadata={"description": "When it was reached, in UTC; null while it lies ahead."}
    )


class ShipmentSchema(Schema):
    """Lines of one delivery group of an order that ship from one location."""

    shipment_id = fields.UUID(attribute="id")
    order_id = fields.UUID()
    number = fields.String()
    group_id = fields.UUID()
    seller = fields.String()
    market = fields.String()
    method = fields.String()
    kind = fields.Enum(MethodKind, by_value=True, metadata={"description": "How the method is handled."})
    pickup_point = fields.String(allow_none=True)
    dispatch = fields.Nested(DispatchSchema, metadata={"description": "Where the customer gets it."})
    address = fields.Nested(
        AddressSchema,
        allow_none=True,
        metadata={"description": "Where it goes; null if it is collected, and once the person is erased."},
    )
    status = fields.Enum(ShipmentStatus, by_value=True)
    readiness = fields.Enum(
        Readiness,
        by_value=True,
        allow_none=True,
    )
    waits_until = fields.Date(
        allow_none=True,
        metadata={
            "description": (
                "First day on which its pre-ordered goods may leave, in the market's time zone; null if "
                "they may now."
            )
        },
    )
    location = fields.String(
        allow_none=True,
        metadata={
            "description": (
                "Code of the location that it is sent from; null while none has its stock, and for what "
                "needs no packing."
            )
        },
    )
    rejected_by = fields.List(
        fields.String(),
        metadata={"description": "Codes of locations that turned it down and are not asked again."},
    )
    lines = fields.List(fields.Nested(ShipmentLineSchema))
    parcels = fields.List(fields.Nested(ParcelSchema))
    prints = fields.Integer(metadata={"description": "How often its label was printed."})
    cancel_reason = fields.String(
        metadata={
            "description": (
                "Why it was cancelled, in words of whoever did or as a code such as `merged`; empty if it "
                "was not."
            )
        }
    )
    version = fields.Integer()
    created_at = fields.AwareDateTime()
    released_at = fields.AwareDateTime(
        allow_none=True,
        metadata={"description": "When it was released to the warehouse, in UTC; null until then."},
    )
    packing_at = fields.AwareDateTime(
        allow_none=True, metadata={"description": "When picking began, in UTC; null until then."}
    )
    ready_at = fields.AwareDateTime(
        allow_none=True, metadata={"description": "When it was ready, in UTC; null until then."}
    )
    shipped_at = fields.AwareDateTime(
        allow_none=True, metadata={"description": "When it left with its carrier, in UTC; null until then."}
    )
    delivered_at = fields.AwareDateTime(
        allow_none=True,
        metadata={"description": "When it was recorded that the customer has it, in UTC; null until then."},
    )
    cancelled_at = fields.AwareDateTime(
        allow_none=True, metadata={"description": "When it was cancelled, in UTC; null if it was not."}
    )
    undeliverable_at = fields.AwareDateTime(
        allow_none=True,
        metadata={"description": "When it last could not be delivered, in UTC; null if that never was."},
    )
    returned_at = fields.AwareDateTime(
        allow_none=True,
        metadata={"description": "When it was taken back as undeliverable, in UTC; null if it was not."},
    )
    queue = fields.Enum(
        Queue,
        by_value=True,
        allow_none=True,
        metadata={"description": "The work queue that it is in; null once it was cancelled or came back."},
    )
    due_at = fields.AwareDateTime(
        allow_none=True,
        metadata={"description": "By when the next step is to be taken, in UTC; null once none is left."},
    )
    overdue = fields.Boolean(metadata={"description": "Whether that time is over."})
    timeline = fields.List(fields.Nested(TimelineStepSchema))
    courier = fields.String(allow_none=True)
    courier_note = fields.String(metadata={"description": "For the courier; empty for nothing."})
    failed_attempts = fields.Integer()
    failure = fields.String(metadata={"description": "Why it could not be delivered the last time."})
    pickup = fields.Nested(
        PickupSchema,
        allow_none=True,
        metadata={"description": "How it waits to be collected; null if it does not and never did."},
    )
    appointments = fields.List(fields.Nested(AppointmentSchema))
    sign_off = fields.Nested(
        SignOffSchema,
        allow_none=True,
        metadata={"description": "Proof that the customer has it; null until then."},
    )
    download_url = fields.String()
    actions = refusals_by_action()


class CancelledLineSchema(Schema):
    """How much of an order line was to be cancelled."""

    line_id = fields.UUID()
    quantity = fields.Integer(metadata={"description": "How many, in sales units."})


class CancellationSchema(Schema):
    """Shipping's answer to the request to cancel the order."""

    requested_at = fields.AwareDateTime(
        attribute="cancel_requested_at", metadata={"description": "When orders asked for it, in UTC."}
    )
    done = fields.Boolean(
        attribute="cancel_done",
        metadata={"description": "Whether it was cancelled: all that was asked for, or nothing."},
    )
    reason = fields.String(
        attribute="cancel_reason",
        metadata={"description": "Code of why it was not, such as `already_shipped`; empty if it was."},
    )
    lines = fields.List(
        fields.Nested(CancelledLineSchema),
        attribute="cancel_lines",
        metadata={"description": "Units that were to be cancelled; empty for the whole order."},
    )


class OrderShipmentsSchema(Schema):
    """All shipments of an order, and shipping's answer to the latest request to cancel it."""

    items = fields.List(fields.Nested(ShipmentSchema))
    unassigned = fields.List(
        fields.Nested(UnassignedLineSchema),
        metadata={
            "description": (
                "What is in no shipment, because the shipment that it was in was cancelled by hand."
            )
        },
    )
    cancellation = fields.Nested(
        CancellationSchema,
        allow_none=True,
        metadata={
            "description": "The answer to the latest request to cancel the order; null if there was none."
        },
    )


class PrintedLabelSchema(Schema):
    """Where a label can be had, and how often it has been printed."""

    document_id = fields.UUID(attribute="label_document_id")
    path = fields.Function(
        lambda shipment: f"/v1/documents/{shipment.label_document_id}/content",
        metadata={"type": "string", "description": "Path of the label's file in the documents service."},
    )
    prints = fields.Integer(metadata={"description": "How often it was printed, this time included."})
    status = fields.Enum(ShipmentStatus, by_value=True)
