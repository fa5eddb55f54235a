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
    amount_minor = amount(1, description="Tax included; what the units cost, if left out, and never more.")


class RefundArguments(Schema):
    """What to refund: units of lines, shipping, an amount, everything that is left, or an overpayment."""

    reason = text(500, shortest=1, prose=True, required=True, metadata={"example": "two cups were broken"})
    lines = fields.List(
        fields.Nested(RefundedLineSchema), load_default=list, validate=validate.Length(max=1000)
    )
    shipping_minor = amount(1, description="Of the shipping charges, tax included.")
    amount_minor = amount(1, description="Of nothing in particular, tax included; each rate bears its share.")
    everything = yes_or_no(
        load_default=False, metadata={"description": "All that is left of the bill; then nothing else."}
    )
    overpayment = yes_or_no(
        load_default=False,
        metadata={"description": "What was received above what is owed; the bill stays as it is."},
    )
    restock = yes_or_no(
        metadata={
            "description": "Needed where units are refunded: true opens an approved return for them, and they"
            " are sold again once received; false writes them off or leaves them with the customer."
        }
    )
    method = method_of_payment(
        metadata={"description": "As it was paid, if left out: through the gateway where that can."}
    )


class RefundPartSchema(Schema):
    """What a refund takes off the bill, at one tax rate."""

    kind = fields.String(metadata={"description": "line, shipping, fee, or amount."})
    name = fields.String()
    line_id = fields.UUID(allow_none=True)
    quantity = fields.Integer()
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
        metadata={
            "description": "Asked for here, given at the gateway itself, or a chargeback: requested while "
            "it is open, settled if it is lost, withdrawn if it is won."
        },
    )
    amount_minor = fields.Integer(metadata={"description": "Money that goes back."})
    credited_minor = fields.Integer(
        metadata={"description": "Off the bill, tax included; 0 for an overpayment or a cancelled order."}
    )
    parts = fields.List(fields.Nested(RefundPartSchema))
    restock = fields.Boolean(allow_none=True)
    reason = fields.String()
    state = fields.Enum(RefundState, by_value=True)
    method = method_of_payment()
    failure = fields.String(
        metadata={"description": "Why the gateway did not pay it back; then it is settled by hand."}
    )
    requested_by = fields.String()
    requested_at = Instant()
    reference = fields.String()
    settled_by = fields.String(allow_none=True)
    settled_at = Instant(allow_none=True)


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
    number = fields.String(metadata={"description": "The order's."})
    seller = fields.String()
    market = fields.String()
    customer_name = fields.String(metadata={"description": "Empty once the person is erased."})
    amount_minor = fields.Integer()
    currency = fields.String()
    method = method_of_payment()
    reason = fields.String()
    failure = fields.String(metadata={"description": "Why the gateway did not pay it back."})
    requested_by = fields.String()
    requested_at = Instant()


class SettleArguments(Schema):
    """How a refund was paid out."""

    reference = text(200, shortest=1, required=True, metadata={"description": "The bank's or till's."})


class WithdrawArguments(Schema):
    """Why a refund is withdrawn."""

    reason = text(500, shortest=1, prose=True, required=True)
