"""Payments and refunds as the API writes and reads them."""

from marshmallow import EXCLUDE, Schema, fields, validate

from services.orders.api.schemas.values import (
    Instant,
    amount,
    known_currency,
    method_of_payment,
    text,
)
from services.orders.domain.payments import PaymentState


class PaymentArguments(Schema):
    """Money received; a reference or a supporting document is needed."""

    amount_minor = amount(1, description="What is still owed, if left out.")
    method = method_of_payment(metadata={"description": "The order's, if left out; never `online`."})
    reference = text(200, metadata={"example": "TRF 2026-11-21 / 4711"})
    document_id = fields.UUID(metadata={"description": "Of a document uploaded to the documents service."})


class PaymentSchema(Schema):
    """Money received."""

    payment_id = fields.UUID(attribute="id")
    order_id = fields.UUID()
    method = method_of_payment()
    amount_minor = fields.Integer()
    reference = fields.String()
    document_id = fields.UUID(allow_none=True)
    recorded_by = fields.String()
    recorded_at = Instant()


class PaymentStandingSchema(Schema):
    """What the order's ledger means."""

    method = fields.String()
    state = fields.Enum(PaymentState, by_value=True)
    owed_minor = fields.Integer(metadata={"description": "What the order comes to, less what was cancelled."})
    received_minor = fields.Integer()
    refunded_minor = fields.Integer()
    covered = fields.Boolean(metadata={"description": "Whether the money received covers what is owed."})
    covered_at = Instant(allow_none=True)


class PendingPaymentSchema(Schema):
    """Money that is still to come."""

    method = method_of_payment()
    amount_minor = fields.Integer()


class PaymentListSchema(Schema):
    """All money received for an order, oldest first, and what is still to come."""

    items = fields.List(fields.Nested(PaymentSchema))
    pending = fields.Nested(
        PendingPaymentSchema, allow_none=True, metadata={"description": "Null when nothing is owed any more."}
    )
    payment = fields.Nested(PaymentStandingSchema)


class RefundSchema(Schema):
    """Money that goes back."""

    refund_id = fields.UUID(attribute="id")
    amount_minor = fields.Integer()
    reason = fields.String()
    state = fields.String(metadata={"description": "requested or settled."})
    requested_by = fields.String()
    requested_at = Instant()
    reference = fields.String()
    settled_by = fields.String(allow_none=True)
    settled_at = Instant(allow_none=True)


class SettleArguments(Schema):
    """How a refund was paid out."""

    reference = text(200, shortest=1, required=True, metadata={"description": "The bank's or till's."})


class GatewayPaymentSchema(Schema):
    """What the gateway received."""

    class Meta:
        """A gateway may say more than we need."""

        unknown = EXCLUDE

    order_id = fields.UUID(required=True)
    amount_minor = amount(1, required=True)
    currency = fields.String(required=True, validate=known_currency)
    reference = text(200, shortest=1, required=True, metadata={"description": "The gateway's own id of it."})


class GatewayCallArguments(Schema):
    """A call of the payment gateway, in the form of Standard Webhooks."""

    class Meta:
        """A gateway may say more than we need."""

        unknown = EXCLUDE

    type = fields.String(required=True, validate=validate.OneOf(["payment.succeeded"]))
    timestamp = Instant(required=True)
    data = fields.Nested(GatewayPaymentSchema, required=True)
