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

    amount_minor = amount(1, description="Amount received; what is still owed, if left out.")
    method = method_of_payment(
        metadata={
            "description": (
                "How it was paid; as the order says, if left out. Not `online`, which the gateway reports "
                "itself."
            )
        }
    )
    reference = text(
        200, metadata={"description": "Reference of the bank or till.", "example": "TRF 2026-11-21 / 4711"}
    )
    document_id = fields.UUID(
        metadata={
            "description": (
                "Id of a stored document of the order that proves it. An upload is known here within seconds."
            )
        }
    )


class PaymentSchema(Schema):
    """A payment received."""

    payment_id = fields.UUID(attribute="id")
    order_id = fields.UUID()
    method = method_of_payment()
    amount_minor = fields.Integer(
        metadata={"description": "Amount received, in minor units of the order's currency."}
    )
    reference = fields.String(
        metadata={"description": "Reference of the bank, till or gateway; empty if a document proves it."}
    )
    document_id = fields.UUID(
        allow_none=True, metadata={"description": "Id of the document that proves it; null for none."}
    )
    recorded_by = fields.String()
    recorded_at = Instant()
    voided_by = fields.String(
        allow_none=True,
        metadata={"description": "Who voided it: the subject of their token; null if nobody did."},
    )
    voided_at = Instant(
        allow_none=True,
        metadata={
            "description": "When it was voided, in UTC; null if it was not. A voided payment does not count."
        },
    )
    void_reason = fields.String(metadata={"description": "Why it was voided; empty if it was not."})


class ReceivedArguments(PageArguments):
    """The sellers whose payments to list."""

    seller = fields.List(
        fields.String(validate=code),
        load_default=list,
        validate=validate.Length(max=MOST_SELLERS),
        metadata={"description": "Only payments for orders of these sellers, by code; all if left out."},
    )


class ReceivedSchema(PaymentSchema):
    """A payment in the list for all orders."""

    payment_id = fields.UUID()
    number = fields.String(metadata={"description": "Number of the order."})
    seller = fields.String()
    market = fields.String()
    customer_name = fields.String(
        metadata={"description": "Name of the customer; empty once the person is erased."}
    )
    currency = fields.String()


class VoidArguments(Schema):
    """Why a recorded payment is void."""

    reason = text(
        500,
        shortest=1,
        prose=True,
        required=True,
        metadata={"description": "Why it is void; it is kept with the payment.", "example": "recorded twice"},
    )


class PaymentStandingSchema(Schema):
    """The payment status of an order."""

    method = fields.String(metadata={"description": "How the customer pays, as the order says."})
    state = fields.Enum(PaymentState, by_value=True)
    owed_minor = fields.Integer(
        metadata={
            "description": (
                "What the customer has to pay in the end: the total, less what was cancelled and credited."
            )
        }
    )
    received_minor = fields.Integer(metadata={"description": "All that was received."})
    refunded_minor = fields.Integer(metadata={"description": "What of it was paid back."})
    covered = fields.Boolean(
        metadata={
            "description": (
                "Whether the money received, without what was or is to be paid back, is enough for what is "
                "owed."
            )
        }
    )
    covered_at = Instant(
        allow_none=True, metadata={"description": "Since when it is enough, in UTC; null while it is not."}
    )
    credited_minor = fields.Integer(metadata={"description": "What refunds have taken off the bill."})
    refund_pending_minor = fields.Integer(metadata={"description": "Refunds requested and not paid out yet."})


class PendingPaymentSchema(Schema):
    """A payment still outstanding."""

    method = method_of_payment()
    amount_minor = fields.Integer(metadata={"description": "Amount still to be paid."})


class DiscrepancySchema(Schema):
    """A gateway report that could not be booked automatically, or that needs a response."""

    discrepancy_id = fields.UUID(attribute="id")
    order_id = fields.UUID(metadata={"description": "Id of the order that the gateway named."})
    kind = fields.Enum(ReportKind, by_value=True, metadata={"description": "What the gateway reported."})
    reference = fields.String(
        metadata={"description": "The gateway's own id of the payment, refund or chargeback."}
    )
    payment_reference = fields.String(
        metadata={
            "description": "The gateway's own id of the payment that was given back; empty for a payment."
        }
    )
    step = fields.Enum(
        ChargebackStep,
        by_value=True,
        allow_none=True,
        metadata={"description": "How far a chargeback is; null for what is none."},
    )
    amount_minor = fields.Integer(
        metadata={"description": "Amount that was reported, in minor units of the `currency` beside it."}
    )
    currency = fields.String(
        metadata={"description": "ISO 4217 code that was reported; it may not be the order's."}
    )
    why = fields.Enum(
        Discrepancy,
        by_value=True,
        metadata={"description": "Why it could not be booked automatically."},
    )
    state = fields.Enum(
        LineState,
        by_value=True,
        metadata={"description": "Whether it was decided; only open, assigned and ignored occur."},
    )
    payment_id = fields.UUID(
        allow_none=True,
        metadata={
            "description": "Id of the payment that it was recorded as; null if it was not recorded as one."
        },
    )
    refund_id = fields.UUID(
        allow_none=True,
        metadata={
            "description": "Id of the refund that it was recorded as; null if it was not recorded as one."
        },
    )
    reason = fields.String(metadata={"description": "Why it was set aside; empty if it was not."})
    told_at = Instant(metadata={"description": "When the gateway reported it, in UTC."})
    decided_by = fields.String(allow_none=True)
    decided_at = Instant(allow_none=True)


class DiscrepancyListArguments(PageArguments):
    """The filters of the list of discrepancies."""

    state = fields.Enum(
        LineState,
        by_value=True,
        load_default=LineState.OPEN,
        metadata={"description": "Only reports in this state."},
    )


class RecordDiscrepancyArguments(Schema):
    """How much was received or paid back."""

    amount_minor = amount(
        1, required=True, description="Amount received or paid back, in minor units of the order's currency."
    )


class IgnoreDiscrepancyArguments(Schema):
    """Why no further money was received or paid back."""

    reason = text(
        500,
        shortest=1,
        prose=True,
        required=True,
        metadata={"description": "Why no further money was received or paid back."},
    )


class PaymentListSchema(Schema):
    """All payments recorded for an order, oldest first, and what is still outstanding."""

    items = fields.List(fields.Nested(PaymentSchema))
    pending = fields.Nested(
        PendingPaymentSchema,
        allow_none=True,
        metadata={"description": "What is still to be paid; null if nothing is."},
    )
    payment = fields.Nested(PaymentStandingSchema)
    discrepancies = fields.List(
        fields.Nested(DiscrepancySchema),
        metadata={"description": "Reports of the gateway that wait for a person."},
    )


class TransactionSchema(Schema):
    """Money received, paid back, to be paid back or still outstanding."""

    kind = fields.String(metadata={"description": "payment, refund or chargeback."})
    transaction_id = fields.UUID(
        allow_none=True,
        metadata={"description": "Id of the payment or refund; null for what is still to be paid."},
    )
    state = fields.String(
        metadata={
            "description": (
                "Of a payment: recorded or voided; of a refund or chargeback: requested, settled or "
                "withdrawn; pending: still to be paid."
            )
        }
    )
    method = method_of_payment()
    amount_minor = fields.Integer(metadata={"description": "Amount; `kind` says which way it went."})
    reference = fields.String(
        metadata={"description": "Reference of the bank, till or gateway; empty for none."}
    )
    by = fields.String(
        allow_none=True,
        metadata={
            "description": (
                "Who recorded or requested it: the subject of their token, or the service itself; null for "
                "what is still to be paid."
            )
        },
    )
    at = Instant(
        allow_none=True,
        metadata={
            "description": "When it was recorded or requested, in UTC; null for what is still to be paid."
        },
    )


class TransactionListSchema(Schema):
    """The order's ledger, oldest first; the amount still due comes last."""

    items = fields.List(fields.Nested(TransactionSchema))
    payment = fields.Nested(PaymentStandingSchema)
    discrepancies = fields.List(
        fields.Nested(DiscrepancySchema),
        metadata={"description": "Reports of the gateway that wait for a person."},
    )


class GatewayPaymentSchema(Schema):
    """A payment that the gateway received."""

    class Meta:
        """A gateway may send more than we need."""

        unknown = EXCLUDE

    order_id = fields.UUID(
        required=True,
        metadata={"description": "Id of the order. A payment may name a draft, which it places."},
    )
    amount_minor = amount(1, required=True, description="Amount, in minor units of `currency`.")
    currency = fields.String(required=True, validate=known_currency)
    reference = text(
        200,
        shortest=1,
        required=True,
        metadata={"description": "The gateway's own id of it, by which it counts once."},
    )


class GatewayCallArguments(Schema):
    """A webhook from the payment gateway, in the Standard Webhooks format."""

    class Meta:
        """A gateway may send more than we need."""

        unknown = EXCLUDE

    type = fields.String(
        required=True,
        validate=validate.OneOf(["payment.succeeded"]),
        metadata={"description": "`payment.succeeded`."},
    )
    timestamp = Instant(required=True, metadata={"description": "When the gateway sent it, in UTC."})
    data = fields.Nested(GatewayPaymentSchema, required=True)


class GatewayChargebackSchema(GatewayPaymentSchema):
    """The part of a payment that was charged back."""

    payment_reference = text(
        200,
        shortest=1,
        required=True,
        metadata={"description": "The gateway's own id of the payment that it is of."},
    )


class GatewayRefundSchema(GatewayChargebackSchema):
    """The part of a payment that the gateway paid back."""

    refund_id = fields.UUID(
        metadata={
            "description": (
                "Id of the refund here, as the gateway was asked for it; left out if nobody here asked."
            )
        }
    )


class RefundCallArguments(GatewayCallArguments):
    """A webhook about a refund."""

    type = fields.String(
        required=True,
        validate=validate.OneOf(["refund.succeeded"]),
        metadata={"description": "`refund.succeeded`."},
    )
    data = fields.Nested(GatewayRefundSchema, required=True)


class ChargebackCallArguments(GatewayCallArguments):
    """A webhook about a chargeback; of several, the timestamp says which is the latest."""

    type = fields.String(
        required=True,
        validate=validate.OneOf([f"chargeback.{step}" for step in ChargebackStep]),
        metadata={
            "description": (
                "`chargeback.opened`, `chargeback.won` or `chargeback.lost`; the latest by `timestamp` "
                "counts."
            )
        },
    )
    data = fields.Nested(GatewayChargebackSchema, required=True)
