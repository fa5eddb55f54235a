"""Payments as the API writes and reads them."""

from marshmallow import EXCLUDE, Schema, fields, validate

from services.orders.api.schemas.values import (
    Instant,
    amount,
    code,
    known_currency,
    method_of_payment,
)
from services.orders.domain.bank_statements import LineState
from services.orders.domain.payments import ChargebackStep, Discrepancy, ReportKind
from shared.events.snapshots import PaymentState
from shared.web.fields import text
from shared.web.paging import PageArguments

MOST_SELLERS = 50


class PaymentArguments(Schema):
    """A payment received; a reference or a supporting document is required."""

    amount_minor = amount(1, description="What is still owed, if left out.")
    method = method_of_payment(metadata={"description": "The order's, if left out; never `online`."})
    reference = text(200, metadata={"example": "TRF 2026-11-21 / 4711"})
    document_id = fields.UUID(
        metadata={"description": "Of a stored document of the order; known seconds after it was uploaded."}
    )


class PaymentSchema(Schema):
    """A payment received."""

    payment_id = fields.UUID(attribute="id")
    order_id = fields.UUID()
    method = method_of_payment()
    amount_minor = fields.Integer()
    reference = fields.String()
    document_id = fields.UUID(allow_none=True)
    recorded_by = fields.String()
    recorded_at = Instant()
    voided_by = fields.String(allow_none=True)
    voided_at = Instant(allow_none=True)
    void_reason = fields.String()


class ReceivedArguments(PageArguments):
    """The sellers whose payments to list."""

    seller = fields.List(
        fields.String(validate=code), load_default=list, validate=validate.Length(max=MOST_SELLERS)
    )


class ReceivedSchema(PaymentSchema):
    """A payment in the list for all orders."""

    payment_id = fields.UUID()
    number = fields.String(metadata={"description": "The order's."})
    seller = fields.String()
    market = fields.String()
    customer_name = fields.String(metadata={"description": "Empty once the person is erased."})
    currency = fields.String()


class VoidArguments(Schema):
    """Why a recorded payment is void."""

    reason = text(500, shortest=1, prose=True, required=True, metadata={"example": "recorded twice"})


class PaymentStandingSchema(Schema):
    """The payment status of an order."""

    method = fields.String()
    state = fields.Enum(PaymentState, by_value=True)
    owed_minor = fields.Integer(
        metadata={"description": "What the order comes to, less what was cancelled and credited."}
    )
    received_minor = fields.Integer()
    refunded_minor = fields.Integer()
    covered = fields.Boolean(metadata={"description": "Whether the money received covers what is owed."})
    covered_at = Instant(allow_none=True)
    credited_minor = fields.Integer(metadata={"description": "What refunds have taken off the bill."})
    refund_pending_minor = fields.Integer(metadata={"description": "Requested back, not paid out yet."})


class PendingPaymentSchema(Schema):
    """A payment still outstanding."""

    method = method_of_payment()
    amount_minor = fields.Integer()


class DiscrepancySchema(Schema):
    """A gateway report that could not be booked automatically, or that needs a response."""

    discrepancy_id = fields.UUID(attribute="id")
    order_id = fields.UUID(metadata={"description": "Which the gateway named."})
    kind = fields.Enum(ReportKind, by_value=True, metadata={"description": "payment, refund or chargeback."})
    reference = fields.String(metadata={"description": "The gateway's own id of it."})
    payment_reference = fields.String(
        metadata={"description": "Of the payment that was given back; empty of a payment."}
    )
    step = fields.Enum(
        ChargebackStep, by_value=True, allow_none=True, metadata={"description": "Of a chargeback."}
    )
    amount_minor = fields.Integer()
    currency = fields.String(metadata={"description": "The one that was told; it may not be the order's."})
    why = fields.Enum(
        Discrepancy,
        by_value=True,
        metadata={
            "description": "It was counted before, with another amount or for another order; it is in "
            "another currency than the order; its payment was not told yet; it may be a refund of ours "
            "that is not settled yet; it is more than was received and has not gone back. An open "
            "chargeback is counted, and waits for its end."
        },
    )
    state = fields.Enum(LineState, by_value=True, metadata={"description": "open, assigned or ignored."})
    payment_id = fields.UUID(allow_none=True, metadata={"description": "Which it was recorded as."})
    refund_id = fields.UUID(allow_none=True, metadata={"description": "… or which refund it is."})
    reason = fields.String(metadata={"description": "Why it was set aside."})
    told_at = Instant()
    decided_by = fields.String(allow_none=True)
    decided_at = Instant(allow_none=True)


class DiscrepancyListArguments(PageArguments):
    """The filters of the list of discrepancies."""

    state = fields.Enum(
        LineState, by_value=True, load_default=LineState.OPEN, metadata={"description": "open: the queue."}
    )


class RecordDiscrepancyArguments(Schema):
    """How much was received or paid back."""

    amount_minor = amount(1, required=True, description="In the order's currency.")


class IgnoreDiscrepancyArguments(Schema):
    """Why no further money was received or paid back."""

    reason = text(500, shortest=1, prose=True, required=True)


class PaymentListSchema(Schema):
    """All payments recorded for an order, oldest first, and what is still outstanding."""

    items = fields.List(fields.Nested(PaymentSchema))
    pending = fields.Nested(
        PendingPaymentSchema, allow_none=True, metadata={"description": "Null when nothing is owed any more."}
    )
    payment = fields.Nested(PaymentStandingSchema)
    discrepancies = fields.List(
        fields.Nested(DiscrepancySchema),
        metadata={"description": "What the gateway told and waits to be decided by a person."},
    )


class TransactionSchema(Schema):
    """Money received, paid back, to be paid back or still outstanding."""

    kind = fields.String(metadata={"description": "payment, refund or chargeback."})
    transaction_id = fields.UUID(
        allow_none=True, metadata={"description": "The payment's or refund's; null for what is awaited."}
    )
    state = fields.String(
        metadata={
            "description": "recorded, voided; requested, settled, withdrawn; pending for what is awaited."
        }
    )
    method = method_of_payment()
    amount_minor = fields.Integer()
    reference = fields.String()
    by = fields.String(allow_none=True, metadata={"description": "Who recorded or requested it."})
    at = Instant(allow_none=True)


class TransactionListSchema(Schema):
    """The order's ledger, oldest first; the amount still due comes last."""

    items = fields.List(fields.Nested(TransactionSchema))
    payment = fields.Nested(PaymentStandingSchema)
    discrepancies = fields.List(
        fields.Nested(DiscrepancySchema),
        metadata={"description": "What the gateway told and waits for a person."},
    )


class GatewayPaymentSchema(Schema):
    """A payment that the gateway received."""

    class Meta:
        """A gateway may send more than we need."""

        unknown = EXCLUDE

    order_id = fields.UUID(required=True)
    amount_minor = amount(1, required=True)
    currency = fields.String(required=True, validate=known_currency)
    reference = text(200, shortest=1, required=True, metadata={"description": "The gateway's own id of it."})


class GatewayCallArguments(Schema):
    """A webhook from the payment gateway, in the Standard Webhooks format."""

    class Meta:
        """A gateway may send more than we need."""

        unknown = EXCLUDE

    type = fields.String(required=True, validate=validate.OneOf(["payment.succeeded"]))
    timestamp = Instant(required=True)
    data = fields.Nested(GatewayPaymentSchema, required=True)


class GatewayChargebackSchema(GatewayPaymentSchema):
    """The part of a payment that was charged back."""

    payment_reference = text(
        200, shortest=1, required=True, metadata={"description": "The gateway's own id of the payment."}
    )


class GatewayRefundSchema(GatewayChargebackSchema):
    """The part of a payment that the gateway paid back."""

    refund_id = fields.UUID(
        metadata={"description": "Ours, as we asked for it by; left out where nobody here asked."}
    )


class RefundCallArguments(GatewayCallArguments):
    """A webhook about a refund."""

    type = fields.String(required=True, validate=validate.OneOf(["refund.succeeded"]))
    data = fields.Nested(GatewayRefundSchema, required=True)


class ChargebackCallArguments(GatewayCallArguments):
    """A webhook about a chargeback; of several, the timestamp says which is the latest."""

    type = fields.String(
        required=True, validate=validate.OneOf([f"chargeback.{step}" for step in ChargebackStep])
    )
    data = fields.Nested(GatewayChargebackSchema, required=True)
