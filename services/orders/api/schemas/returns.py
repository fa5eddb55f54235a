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

    reason = fields.Enum(ReturnReason, by_value=True, required=True)
    note = text(1000, prose=True, metadata={"description": "In the words of whoever asks."})
    lines = fields.List(
        fields.Nested(ReturnedLineArguments), required=True, validate=validate.Length(1, 1000)
    )


class ApproveArguments(Schema):
    """A message to the customer with the approval."""

    answer = text(1000, prose=True, metadata={"example": "Please send it to our workshop."})


class RejectArguments(Schema):
    """Why the return is rejected; the customer is told."""

    answer = text(1000, shortest=1, prose=True, required=True)


class DismissArguments(Schema):
    """Why nothing is refunded for the goods."""

    reason = text(500, shortest=1, prose=True, required=True)


class RefundReturnArguments(Schema):
    """What to refund for a return: everything that arrived, unless units are named."""

    reason = text(500, prose=True, metadata={"description": "Needed while the goods are not here."})
    lines = fields.List(
        fields.Nested(ReturnedLineArguments),
        load_default=list,
        validate=validate.Length(max=1000),
    )
    shipping_minor = amount(1, description="Of the shipping charges, tax included, beside the goods.")
    deducted_minor = amount(load_default=0, description="Kept back, tax included, for wear or the way.")
    method = method_of_payment(
        metadata={"description": "As it was paid, if left out: through the gateway where that can."}
    )


class ReturnLineSchema(Schema):
    """How much of a line is returned."""

    line_id = fields.UUID()
    sku = fields.String()
    requested_quantity = fields.Integer()
    received_quantity = fields.Integer()
    restocked_quantity = fields.Integer()
    scrapped_quantity = fields.Integer()


class ReturnSchema(Schema):
    """A return."""

    return_id = fields.UUID(attribute="id")
    order_id = fields.UUID()
    number = fields.String()
    status = fields.Enum(ReturnStatus, by_value=True)
    reason = fields.Enum(ReturnReason, by_value=True)
    note = fields.String()
    lines = fields.List(fields.Nested(ReturnLineSchema))
    by_customer = fields.Boolean()
    requested_by = fields.String()
    requested_at = Instant()
    decided_by = fields.String(allow_none=True)
    approved_at = Instant(allow_none=True)
    answer = fields.String(metadata={"description": "What the customer is told."})
    expires_at = Instant(allow_none=True)
    received_at = Instant(allow_none=True)
    closed_at = Instant(allow_none=True)
    close_reason = fields.Enum(CloseReason, by_value=True, allow_none=True)
    exchange_order_id = fields.UUID(allow_none=True)
    actions = refusals_by_action()


class ReturnListArguments(PageArguments):
    """The filters of the list of returns."""

    status = fields.Enum(ReturnStatus, by_value=True, metadata={"description": "All, if left out."})


class ReturnableLineSchema(Schema):
    """What the customer can return of a line."""

    line_id = fields.UUID()
    sku = fields.String()
    name = fields.String()
    quantity = fields.Integer(metadata={"description": "Delivered, and in no return yet."})
    until = Instant(metadata={"description": "When the days for asking are over."})


class AskedLineSchema(Schema):
    """How much of a line the customer wants to return."""

    line_id = fields.UUID()
    sku = fields.String()
    quantity = fields.Integer(attribute="requested_quantity")


class CustomerReturnSchema(Schema):
    """A return as its customer sees it."""

    return_id = fields.UUID(attribute="id")
    number = fields.String()
    status = fields.Enum(ReturnStatus, by_value=True)
    reason = fields.Enum(ReturnReason, by_value=True)
    lines = fields.List(fields.Nested(AskedLineSchema))
    requested_at = Instant()
    answer = fields.String()
    expires_at = Instant(allow_none=True)
    received_at = Instant(allow_none=True)
    closed_at = Instant(allow_none=True)


class CustomerReturnsSchema(Schema):
    """What the customer can return from an order, and the returns requested so far."""

    returnable = fields.List(fields.Nested(ReturnableLineSchema))
    returns = fields.List(fields.Nested(CustomerReturnSchema))
