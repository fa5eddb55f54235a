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

    carrier = text(100)
    tracking_number = TrackingNumber(load_default="")
    tracking_url = fields.Url(schemes={"http", "https"}, load_default="", validate=validate.Length(max=1000))


class CancelArguments(Schema):
    """Why a shipment is cancelled, or rejected at its location."""

    reason = text(500, shortest=1, prose=True, required=True)


class ShipmentPageArguments(PageArguments):
    """The filters of the list of shipments."""

    number = text(
        100,
        shortest=1,
        metadata={"description": "Of the shipment, of its order, or of a parcel with its carrier."},
    )
    status = fields.Enum(ShipmentStatus, by_value=True)


class ShipmentLineSchema(Schema):
    """How much of an order line a shipment carries."""

    line_id = fields.UUID()
    sku = fields.String()
    name = fields.String()
    quantity = fields.Integer(metadata={"description": "In sales units."})
    units = fields.Integer(metadata={"description": "In stock-keeping units."})
    picked = fields.Integer(metadata={"description": "Units that are off their shelf."})
    checked = fields.Integer(metadata={"description": "Units that were scanned while they were packed."})
    specifications = fields.Function(
        lambda line: line.goods.specifications if line.goods else {},
        metadata={
            "type": "object",
            "additionalProperties": {"type": "string"},
            "description": "What a picker looks at.",
        },
    )


class UnassignedLineSchema(Schema):
    """How much of an order line is in no shipment, because the one it was in was cancelled."""

    line_id = fields.UUID()
    group_id = fields.UUID()
    sku = fields.String()
    name = fields.String()
    quantity = fields.Integer(metadata={"description": "In sales units."})
    units = fields.Integer(metadata={"description": "In stock-keeping units."})


class ContentSchema(Schema):
    """How much of a line is in a parcel."""

    line_id = fields.UUID(required=True)
    units = fields.Integer(
        required=True,
        strict=True,
        validate=validate.Range(1, 1_000_000_000),
        metadata={"description": "In stock-keeping units."},
    )


class ParcelSchema(Schema):
    """A parcel with its tracking number and label."""

    parcel_id = fields.UUID(attribute="id")
    carrier = fields.String()
    tracking_number = fields.String()
    tracking_url = fields.String()
    weight_grams = fields.Integer(metadata={"description": "0 where nobody weighed it."})
    length_mm = fields.Integer(metadata={"description": "0 where nobody measured it, as the other two."})
    width_mm = fields.Integer()
    height_mm = fields.Integer()
    contents = fields.List(fields.Nested(ContentSchema))
    label_document_id = fields.UUID(allow_none=True)
    tracking_status = fields.Enum(TrackingStatus, by_value=True, allow_none=True)
    tracked_at = fields.AwareDateTime(allow_none=True)
    events = fields.List(fields.Nested(TrackingEventSchema), metadata={"description": "Oldest first."})


class TimelineStepSchema(Schema):
    """A step that the customer sees."""

    step = fields.Enum(TimelineStep, by_value=True)
    label = fields.String(metadata={"description": "In the customer's language."})
    at = fields.AwareDateTime(allow_none=True, metadata={"description": "Null while it lies ahead."})


class ShipmentSchema(Schema):
    """Lines of one delivery group of an order that ship from one location."""

    shipment_id = fields.UUID(attribute="id")
    order_id = fields.UUID()
    number = fields.String()
    group_id = fields.UUID()
    seller = fields.String()
    market = fields.String()
    method = fields.String()
    kind = fields.Enum(MethodKind, by_value=True, metadata={"description": "What the method comes down to."})
    pickup_point = fields.String(allow_none=True)
    dispatch = fields.Nested(DispatchSchema)
    address = fields.Nested(
        AddressSchema,
        allow_none=True,
        metadata={"description": "Null where it is fetched, and once the person was erased."},
    )
    status = fields.Enum(ShipmentStatus, by_value=True)
    readiness = fields.Enum(
        Readiness,
        by_value=True,
        allow_none=True,
        metadata={"description": "Green can be packed, amber once it is picked, red lacks stock."},
    )
    waits_until = fields.Date(
        allow_none=True, metadata={"description": "The day from which its pre-ordered goods may leave."}
    )
    location = fields.String(allow_none=True)
    rejected_by = fields.List(
        fields.String(), metadata={"description": "Locations that turned it down and are not asked again."}
    )
    lines = fields.List(fields.Nested(ShipmentLineSchema))
    parcels = fields.List(fields.Nested(ParcelSchema))
    prints = fields.Integer(metadata={"description": "How often its label was printed."})
    cancel_reason = fields.String()
    version = fields.Integer()
    created_at = fields.AwareDateTime()
    released_at = fields.AwareDateTime(allow_none=True)
    packing_at = fields.AwareDateTime(allow_none=True)
    ready_at = fields.AwareDateTime(allow_none=True)
    shipped_at = fields.AwareDateTime(allow_none=True)
    delivered_at = fields.AwareDateTime(allow_none=True)
    cancelled_at = fields.AwareDateTime(allow_none=True)
    undeliverable_at = fields.AwareDateTime(allow_none=True)
    returned_at = fields.AwareDateTime(allow_none=True)
    queue = fields.Enum(Queue, by_value=True, allow_none=True)
    due_at = fields.AwareDateTime(
        allow_none=True, metadata={"description": "Until when its next step is to be taken."}
    )
    overdue = fields.Boolean()
    timeline = fields.List(fields.Nested(TimelineStepSchema))
    courier = fields.String(allow_none=True)
    courier_note = fields.String()
    failed_attempts = fields.Integer()
    failure = fields.String(metadata={"description": "Why it could not be delivered the last time."})
    pickup = fields.Nested(PickupSchema, allow_none=True)
    appointments = fields.List(fields.Nested(AppointmentSchema))
    sign_off = fields.Nested(SignOffSchema, allow_none=True)
    download_url = fields.String()
    actions = refusals_by_action()


class CancelledLineSchema(Schema):
    """How much of an order line was to be cancelled."""

    line_id = fields.UUID()
    quantity = fields.Integer(metadata={"description": "In sales units."})


class CancellationSchema(Schema):
    """Shipping's answer to the request to cancel the order."""

    requested_at = fields.AwareDateTime(attribute="cancel_requested_at")
    done = fields.Boolean(attribute="cancel_done")
    reason = fields.String(attribute="cancel_reason")
    lines = fields.List(
        fields.Nested(CancelledLineSchema),
        attribute="cancel_lines",
        metadata={"description": "What was to be cancelled; none named: the whole order."},
    )


class OrderShipmentsSchema(Schema):
    """All shipments of an order, and shipping's answer to the latest request to cancel it."""

    items = fields.List(fields.Nested(ShipmentSchema))
    unassigned = fields.List(fields.Nested(UnassignedLineSchema))
    cancellation = fields.Nested(CancellationSchema, allow_none=True)


class PrintedLabelSchema(Schema):
    """Where a label can be had, and how often it has been printed."""

    document_id = fields.UUID(attribute="label_document_id")
    path = fields.Function(
        lambda shipment: f"/v1/documents/{shipment.label_document_id}/content",
        metadata={"type": "string", "description": "The label's address at the documents service."},
    )
    prints = fields.Integer()
    status = fields.Enum(ShipmentStatus, by_value=True)
