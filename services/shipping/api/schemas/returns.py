"""Returns as the warehouse reads and receives them."""

from marshmallow import Schema, fields

from services.shipping.api.schemas.handovers import TakeBackArguments
from services.shipping.domain.inspection import Condition, ReturnStatus
from shared.web.fields import text
from shared.web.paging import PageArguments


class ReturnPageArguments(PageArguments):
    """The filters of the list of returns."""

    status = fields.Enum(ReturnStatus, by_value=True, load_default=ReturnStatus.EXPECTED)
    number = text(
        100,
        shortest=1,
        metadata={
            "description": "Of the order, of a shipment of it, or of a parcel that went out with its carrier."
        },
    )


class ReceiveReturnArguments(TakeBackArguments):
    """What was received of a return, unit by unit; units not named did not arrive."""

    note = text(500, prose=True)


class FindingSchema(Schema):
    """A number of sales units in the same condition."""

    condition = fields.Enum(Condition, by_value=True)
    quantity = fields.Integer()


class ExpectedLineSchema(Schema):
    """How much of an order line is expected back, and how much was received; in sales units."""

    line_id = fields.UUID()
    sku = fields.String()
    name = fields.String()
    quantity = fields.Integer()
    received = fields.Integer()
    restocked = fields.Integer()
    findings = fields.List(fields.Nested(FindingSchema))


class ExpectedReturnSchema(Schema):
    """A return by a customer."""

    return_id = fields.UUID(attribute="id")
    order_id = fields.UUID()
    order_number = fields.String()
    seller = fields.String()
    market = fields.String()
    status = fields.Enum(ReturnStatus, by_value=True)
    location = fields.String(allow_none=True)
    lines = fields.List(fields.Nested(ExpectedLineSchema))
    note = fields.String()
    received_by = fields.String()
    version = fields.Integer()
    expected_at = fields.AwareDateTime()
    received_at = fields.AwareDateTime(allow_none=True)


class OrderReturnsSchema(Schema):
    """All approved returns of an order."""

    items = fields.List(fields.Nested(ExpectedReturnSchema))
