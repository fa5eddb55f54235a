"""An order as its customer sees it."""

from marshmallow import Schema, fields

from services.orders.api.schemas.values import Instant
from services.orders.domain.shown_statuses import TimelineStep
from shared.events.snapshots import OrderStatus, PaymentState


class ProgressStepSchema(Schema):
    """One of the four steps."""

    step = fields.Enum(TimelineStep, by_value=True, metadata={"description": "The step."})
    reached = fields.Boolean(metadata={"description": "Whether it was reached."})
    at = Instant(allow_none=True, metadata={"description": "When it was reached, in UTC; null until then."})


class ProgressLineSchema(Schema):
    """Goods that the customer is to receive."""

    name = fields.String()
    quantity = fields.Integer(metadata={"description": "In sales units, without what was cancelled."})


class ProgressParcelSchema(Schema):
    """A parcel on its way."""

    carrier = fields.String()
    tracking_number = fields.String()
    tracking_url = fields.String()


class ProgressDeliverySchema(Schema):
    """Goods that go to one place by one method, and their progress."""

    method_name = fields.String()
    is_pickup = fields.Boolean(
        metadata={"description": "Whether the customer collects it; otherwise it is delivered."}
    )
    steps = fields.List(fields.Nested(ProgressStepSchema))
    lines = fields.List(fields.Nested(ProgressLineSchema))
    parcels = fields.List(fields.Nested(ProgressParcelSchema))
    collect_by = Instant(
        allow_none=True,
        metadata={
            "description": (
                "Until when it is kept for the customer, in UTC; null if nothing waits to be collected."
            )
        },
    )


class ProgressPaperSchema(Schema):
    """A document for the customer."""

    document_id = fields.UUID()
    kind = fields.String(metadata={"description": "invoice or credit_note."})
    number = fields.String(metadata={"description": "Number of the document."})


class ProgressSellerSchema(Schema):
    """Whom the customer can contact."""

    name = fields.String()
    email = fields.String(metadata={"description": "Where the customer writes to the seller."})
    website = fields.String(metadata={"description": "The seller's website; empty for none."})


class ProgressMessagesSchema(Schema):
    """The messages about the order."""

    count = fields.Integer(
        metadata={"description": "How many messages there are between customer and seller."}
    )
    answered = fields.Boolean(metadata={"description": "Whether the seller wrote last."})


class ProgressSchema(Schema):
    """The progress of an order, without the customer's personal data."""

    number = fields.String()
    status = fields.Enum(OrderStatus, by_value=True)
    locale = fields.String()
    currency = fields.String()
    time_zone = fields.String(metadata={"description": "Time zone of the market by its IANA name."})
    placed_at = Instant()
    total_minor = fields.Integer(
        metadata={"description": "What the order came to when it was placed or last edited."}
    )
    payment_state = fields.Enum(PaymentState, by_value=True)
    seller = fields.Nested(ProgressSellerSchema)
    deliveries = fields.List(fields.Nested(ProgressDeliverySchema))
    papers = fields.List(fields.Nested(ProgressPaperSchema))
    messages = fields.Nested(ProgressMessagesSchema)
