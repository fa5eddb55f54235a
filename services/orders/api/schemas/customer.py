"""An order as its customer sees it."""

from marshmallow import Schema, fields

from services.orders.api.schemas.values import Instant
from services.orders.domain.shown_statuses import TimelineStep
from shared.events.snapshots import OrderStatus, PaymentState


class ProgressStepSchema(Schema):
    """One of the four steps."""

    step = fields.Enum(TimelineStep, by_value=True)
    reached = fields.Boolean()
    at = Instant(allow_none=True)


class ProgressLineSchema(Schema):
    """Goods that the customer is to receive."""

    name = fields.String()
    quantity = fields.Integer()


class ProgressParcelSchema(Schema):
    """A parcel on its way."""

    carrier = fields.String()
    tracking_number = fields.String()
    tracking_url = fields.String()


class ProgressDeliverySchema(Schema):
    """Goods that go to one place by one method, and their progress."""

    method_name = fields.String()
    is_pickup = fields.Boolean()
    steps = fields.List(fields.Nested(ProgressStepSchema))
    lines = fields.List(fields.Nested(ProgressLineSchema))
    parcels = fields.List(fields.Nested(ProgressParcelSchema))
    collect_by = Instant(allow_none=True)


class ProgressPaperSchema(Schema):
    """A document for the customer."""

    document_id = fields.UUID()
    kind = fields.String()
    number = fields.String()


class ProgressSellerSchema(Schema):
    """Whom the customer can contact."""

    name = fields.String()
    email = fields.String()
    website = fields.String()


class ProgressMessagesSchema(Schema):
    """The messages about the order."""

    count = fields.Integer()
    answered = fields.Boolean(metadata={"description": "The seller wrote last."})


class ProgressSchema(Schema):
    """The progress of an order, without the customer's personal data."""

    number = fields.String()
    status = fields.Enum(OrderStatus, by_value=True)
    locale = fields.String()
    currency = fields.String()
    time_zone = fields.String(metadata={"description": "The market's."})
    placed_at = Instant()
    total_minor = fields.Integer()
    payment_state = fields.Enum(PaymentState, by_value=True)
    seller = fields.Nested(ProgressSellerSchema)
    deliveries = fields.List(fields.Nested(ProgressDeliverySchema))
    papers = fields.List(fields.Nested(ProgressPaperSchema))
    messages = fields.Nested(ProgressMessagesSchema)
