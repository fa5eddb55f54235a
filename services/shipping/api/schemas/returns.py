"""Returns as the warehouse reads and receives them."""

from marshmallow import Schema, fields

from services.shipping.api.schemas.handovers import TakeBackArguments
from services.shipping.domain.inspection import Condition, ReturnStatus
from shared.web.fields import text
from shared.web.paging import PageArguments


class ReturnPageArguments(PageArguments):
    """The filters of the list of returns."""

    status = fields.Enum(
        ReturnStatus,
        by_value=True,
        load_default=ReturnStatus.EXPECTED,
        metadata={"description": "Only returns with this status."},
    )
    number = text(
        100,
        shortest=1,
        metadata={
            "description": (
                "Only returns of the order with this number, or of the order whose shipment, or parcel with"
                " its carrier, has it."
            )
        },
    )


class ReceiveReturnArguments(TakeBackArguments):
    """What was received of a return, unit by unit; units not named did not arrive."""

    note = text(500, prose=True, metadata={"description": "What is to be known of it."})


class FindingSchema(Schema):
    """A number of sales units in the same condition."""

    condition = fields.Enum(
        Condition, by_value=True, metadata={"description": "In which condition these units are."}
    )
    quantity = fields.Integer()


class ExpectedLineSchema(Schema):
    """How much of an order line is expected back, and how much was received; in sales units."""

    line_id = fields.UUID()
    sku = fields.String()
    name = fields.String()
    quantity = fields.Integer(metadata={"description": "How many are expected, in sales units."})
    received = fields.Integer(metadata={"description": "How many arrived, in sales units."})
    restocked = fields.Integer(
        metadata={"description": "How many of these went back to stock, in sales units."}
    )
    findings = fields.List(
        fields.Nested(FindingSchema), metadata={"description": "What arrived, by condition."}
    )


class ExpectedReturnSchema(Schema):
    """A return by a customer."""

    return_id = fields.UUID(attribute="id")
    order_id = fields.UUID()
    order_number = fields.String()
    seller = fields.String()
    market = fields.String()
    status = fields.Enum(
        ReturnStatus, by_value=True, metadata={"description": "Where the return stands for the warehouse."}
    )
    location = fields.String(
        allow_none=True, metadata={"description": "Code of the location where it arrived; null until then."}
    )
    lines = fields.List(fields.Nested(ExpectedLineSchema))
    note = fields.String(metadata={"description": "What was noted when it arrived; empty for nothing."})
    received_by = fields.String(
        metadata={"description": "Who received it: the subject of their token; empty until then."}
    )
    version = fields.Integer()
    expected_at = fields.AwareDateTime(metadata={"description": "Since when it is expected, in UTC."})
    received_at = fields.AwareDateTime(
        allow_none=True, metadata={"description": "When it was received, in UTC; null until then."}
    )


class OrderReturnsSchema(Schema):
    """All approved returns of an order."""

    items = fields.List(fields.Nested(ExpectedReturnSchema))
