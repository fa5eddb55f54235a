"""Returns as the API writes and reads them."""

from marshmallow import Schema, fields, validate

from services.orders.api.schemas.values import (
    LARGEST_QUANTITY,
    Instant,
    amount,
    method_of_payment,
)
from shared.events.snapshots import CloseReason, ReturnReason, ReturnStatus
from shared.web.fields import text
from shared.web.paging import PageArguments
from shared.web.problems import refusals_by_action


class ReturnedLineArguments(Schema):
    """Units of a line to be returned."""

    line_id = fields.UUID(required=True)
    quantity = fields.Integer(required=True, strict=True, validate=validate.Range(1, LARGEST_QUANTITY))


class ReturnArguments(Schema):
    """What is to be returned, and why."""

    reason = fields.Enum(
        ReturnReason, by_value=True, required=True, metadata={"description": "Why the goods come back."}
    )
    note = text(1000, prose=True, metadata={"description": "What whoever asks adds in their own words."})
    lines = fields.List(
        fields.Nested(ReturnedLineArguments), required=True, validate=validate.Length(1, 1000)
    )


class ApproveArguments(Schema):
    """A message to the customer with the approval."""

    answer = text(
        1000,
        prose=True,
        metadata={
            "description": "What the customer is told, such as how to send the goods.",
            "example": "Please send it to our workshop.",
        },
    )


class RejectArguments(Schema):
    """Why the return is rejected; the customer is told."""

    answer = text(
        1000, shortest=1, prose=True, required=True, metadata={"description": "Why; the customer is told."}
    )


class DismissArguments(Schema):
    """Why nothing is refunded for the goods."""

    reason = text(
        500,
        shortest=1,
        prose=True,
        required=True,
        metadata={"description": "Why nothing is given for the goods."},
    )


class RefundReturnArguments(Schema):
    """What to refund for a return: everything that arrived, unless units are named."""

    reason = text(
        500, prose=True, metadata={"description": "Why; needed if it is refunded before the goods are here."}
    )
    lines = fields.List(
        fields.Nested(ReturnedLineArguments),
        load_default=list,
        validate=validate.Length(max=1000),
        metadata={"description": "Units to refund; all that arrived if left out."},
    )
    shipping_minor = amount(1, description="Amount off the shipping charges, tax included, beside the goods.")
    deducted_minor = amount(
        load_default=0, description="Amount that is kept back, tax included, for wear or the way."
    )
    method = method_of_payment(
        metadata={
            "description": (
                "How the money goes back; as it was paid if left out, and through the gateway if that can."
            )
        }
    )


class ReturnLineSchema(Schema):
    """How much of a line is returned."""

    line_id = fields.UUID()
    sku = fields.String()
    requested_quantity = fields.Integer(metadata={"description": "Sales units that the return is for."})
    received_quantity = fields.Integer(metadata={"description": "Sales units that arrived."})
    restocked_quantity = fields.Integer(
        metadata={"description": "Sales units of these that went back to stock."}
    )
    scrapped_quantity = fields.Integer(
        metadata={"description": "Sales units of these that can't be sold any more."}
    )


class ReturnSchema(Schema):
    """A return."""

    return_id = fields.UUID(attribute="id")
    order_id = fields.UUID()
    number = fields.String(
        metadata={"description": "Number of the return: the order's, with /R1, /R2 and so on."}
    )
    status = fields.Enum(ReturnStatus, by_value=True, metadata={"description": "Where the return stands."})
    reason = fields.Enum(ReturnReason, by_value=True, metadata={"description": "Why the goods come back."})
    note = fields.String(
        metadata={"description": "What whoever asked added in their own words; empty for nothing."}
    )
    lines = fields.List(fields.Nested(ReturnLineSchema))
    by_customer = fields.Boolean(
        metadata={"description": "Whether the customer asked for it; otherwise staff did."}
    )
    requested_by = fields.String()
    requested_at = Instant()
    decided_by = fields.String(
        allow_none=True,
        metadata={
            "description": (
                "Who approved or rejected it: the subject of their token, or the service itself; null until"
                " then."
            )
        },
    )
    approved_at = Instant(
        allow_none=True, metadata={"description": "When it was approved, in UTC; null if it was not."}
    )
    answer = fields.String(
        metadata={
            "description": "What the customer is told: how to send the goods, or why not; empty for nothing."
        }
    )
    expires_at = Instant(
        allow_none=True,
        metadata={"description": "Until when the goods are waited for, in UTC; null before it is approved."},
    )
    received_at = Instant(
        allow_none=True,
        metadata={"description": "When the goods arrived and were inspected, in UTC; null until then."},
    )
    closed_at = Instant(
        allow_none=True, metadata={"description": "When it was closed or rejected, in UTC; null until then."}
    )
    close_reason = fields.Enum(
        CloseReason,
        by_value=True,
        allow_none=True,
        metadata={"description": "How it was closed; null until then."},
    )
    exchange_order_id = fields.UUID(
        allow_none=True,
        metadata={"description": "Id of the order that replaces the goods; null if none does."},
    )
    actions = refusals_by_action()


class ReturnListArguments(PageArguments):
    """The filters of the list of returns."""

    status = fields.Enum(
        ReturnStatus,
        by_value=True,
        metadata={"description": "Only returns with this status; all if left out."},
    )


class ReturnableLineSchema(Schema):
    """What the customer can return of a line."""

    line_id = fields.UUID()
    sku = fields.String()
    name = fields.String()
    quantity = fields.Integer(
        metadata={"description": "Sales units that were delivered and are in no return yet."}
    )
    until = Instant(metadata={"description": "Until when a return can be asked for, in UTC."})


class AskedLineSchema(Schema):
    """How much of a line the customer wants to return."""

    line_id = fields.UUID()
    sku = fields.String()
    quantity = fields.Integer(
        attribute="requested_quantity", metadata={"description": "Sales units that the return is for."}
    )


class CustomerReturnSchema(Schema):
    """A return as its customer sees it."""

    return_id = fields.UUID(attribute="id")
    number = fields.String(
        metadata={"description": "Number of the return: the order's, with /R1, /R2 and so on."}
    )
    status = fields.Enum(ReturnStatus, by_value=True, metadata={"description": "Where the return stands."})
    reason = fields.Enum(ReturnReason, by_value=True, metadata={"description": "Why the goods come back."})
    lines = fields.List(fields.Nested(AskedLineSchema))
    requested_at = Instant()
    answer = fields.String(metadata={"description": "How to send the goods, or why not; empty for nothing."})
    expires_at = Instant(
        allow_none=True,
        metadata={"description": "Until when the goods are waited for, in UTC; null before it is approved."},
    )
    received_at = Instant(
        allow_none=True,
        metadata={"description": "When the goods arrived and were inspected, in UTC; null until then."},
    )
    closed_at = Instant(
        allow_none=True, metadata={"description": "When it was closed or rejected, in UTC; null until then."}
    )


class CustomerReturnsSchema(Schema):
    """What the customer can return from an order, and the returns requested so far."""

    returnable = fields.List(fields.Nested(ReturnableLineSchema))
    returns = fields.List(fields.Nested(CustomerReturnSchema))
