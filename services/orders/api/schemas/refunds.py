"""Refunds as the API writes and reads them."""

from marshmallow import Schema, fields, validate

from services.orders.api.schemas.values import (
    LARGEST_QUANTITY,
    Instant,
    amount,
    method_of_payment,
    yes_or_no,
)
from shared.events.snapshots import PaymentMethod, RefundKind, RefundState
from shared.web.fields import text
from shared.web.paging import PageArguments


class RefundedLineSchema(Schema):
    """Units of a line to be refunded."""

    line_id = fields.UUID(required=True)
    quantity = fields.Integer(required=True, strict=True, validate=validate.Range(1, LARGEST_QUANTITY))
    amount_minor = amount(
        1,
        description=(
            "Amount to refund for them, tax included; what the units cost if left out, and never more."
        ),
    )


class RefundArguments(Schema):
    """What to refund: units of lines, shipping, an amount, everything that is left, or an overpayment."""

    reason = text(
        500,
        shortest=1,
        prose=True,
        required=True,
        metadata={
            "description": "Why; it is kept with the refund and stands on the credit note.",
            "example": "two cups were broken",
        },
    )
    lines = fields.List(
        fields.Nested(RefundedLineSchema),
        load_default=list,
        validate=validate.Length(max=1000),
        metadata={"description": "Units of lines to refund."},
    )
    shipping_minor = amount(1, description="Amount off the shipping charges, tax included.")
    amount_minor = amount(
        1, description="Amount off the bill as a whole, tax included; each tax rate bears its share."
    )
    everything = yes_or_no(
        load_default=False,
        metadata={"description": "Refund all that is left of the bill; then nothing else may be named."},
    )
    overpayment = yes_or_no(
        load_default=False,
        metadata={"description": "Pay back what was received beyond what is owed; the bill stays as it is."},
    )
    restock = yes_or_no(
        metadata={
            "description": (
                "Needed if units are refunded. True opens an approved return for them, and they are sold "
                "again once received; false writes them off or leaves them with the customer."
            )
        }
    )
    method = method_of_payment(
        metadata={
            "description": (
                "How the money goes back; as it was paid if left out, and through the gateway if that can."
            )
        }
    )


class RefundPartSchema(Schema):
    """What a refund takes off the bill, at one tax rate."""

    kind = fields.String(
        metadata={"description": "line, shipping, fee, or amount (of nothing in particular)."}
    )
    name = fields.String(metadata={"description": "Name of the line or fee; empty for an amount."})
    line_id = fields.UUID(
        allow_none=True, metadata={"description": "Id of the order line; null if it is of none."}
    )
    quantity = fields.Integer(metadata={"description": "In sales units; 0 if no units are refunded."})
    tax_rate_basis_points = fields.Integer()
    net_minor = fields.Integer()
    tax_minor = fields.Integer()
    gross_minor = fields.Integer()


class RefundSchema(Schema):
    """A refund: the credit on the bill, and the money paid back for it."""

    refund_id = fields.UUID(attribute="id")
    kind = fields.Enum(
        RefundKind,
        by_value=True,
        metadata={"description": "Who asked for it."},
    )
    amount_minor = fields.Integer(metadata={"description": "Money that goes back."})
    credited_minor = fields.Integer(
        metadata={
            "description": (
                "What it takes off the bill, tax included; 0 for an overpayment or a cancelled order."
            )
        }
    )
    parts = fields.List(
        fields.Nested(RefundPartSchema),
        metadata={"description": "What of the bill it credits; the parts add up to `credited_minor`."},
    )
    restock = fields.Boolean(
        allow_none=True,
        metadata={
            "description": "Whether the units come back to be sold again; null if no units are refunded."
        },
    )
    reason = fields.String(metadata={"description": "Why, as whoever asked said."})
    state = fields.Enum(RefundState, by_value=True, metadata={"description": "Where it stands."})
    method = method_of_payment(metadata={"description": "How the money goes back."})
    failure = fields.String(
        metadata={
            "description": (
                "Why the gateway did not pay it back, so that it is paid out by hand; empty if it did or "
                "may still."
            )
        }
    )
    requested_by = fields.String()
    requested_at = Instant()
    reference = fields.String(
        metadata={
            "description": (
                "Reference of the payout: the bank's, the till's or the gateway's; empty until it is settled."
            )
        }
    )
    settled_by = fields.String(
        allow_none=True,
        metadata={
            "description": (
                "Who settled it: the subject of their token, or the service itself; null until then."
            )
        },
    )
    settled_at = Instant(
        allow_none=True, metadata={"description": "When it was settled, in UTC; null until then."}
    )


class RefundListSchema(Schema):
    """All refunds of an order, oldest first."""

    items = fields.List(fields.Nested(RefundSchema))


class RefundsToPayArguments(PageArguments):
    """Which refunds to list."""

    method = fields.List(
        method_of_payment(),
        load_default=list,
        validate=validate.Length(max=len(PaymentMethod)),
        metadata={"description": "How the money goes back; all ways, if left out."},
    )


class RefundToPaySchema(Schema):
    """A refund waiting to be paid out."""

    refund_id = fields.UUID()
    order_id = fields.UUID()
    number = fields.String(metadata={"description": "Number of the order."})
    seller = fields.String()
    market = fields.String()
    customer_name = fields.String(
        metadata={"description": "Name of the customer; empty once the person is erased."}
    )
    amount_minor = fields.Integer(metadata={"description": "Money that goes back."})
    currency = fields.String()
    method = method_of_payment(metadata={"description": "How the money goes back."})
    reason = fields.String(metadata={"description": "Why, as whoever asked said."})
    failure = fields.String(
        metadata={"description": "Why the gateway did not pay it back; empty if it was not asked to."}
    )
    requested_by = fields.String()
    requested_at = Instant()


class SettleArguments(Schema):
    """How a refund was paid out."""

    reference = text(
        200,
        shortest=1,
        required=True,
        metadata={"description": "Reference of the payout: the bank's or the till's."},
    )


class WithdrawArguments(Schema):
    """Why a refund is withdrawn."""

    reason = text(
        500,
        shortest=1,
        prose=True,
        required=True,
        metadata={"description": "Why; it is kept in the order's history."},
    )
