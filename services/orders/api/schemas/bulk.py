"""Bulk actions as the API takes them, and the result for each order."""

from marshmallow import Schema, fields, validate

from services.orders.api.schemas.holds import HoldArguments
from services.orders.api.schemas.notes import TagArguments
from services.orders.api.schemas.orders import CancelArguments, ReasonArguments
from shared.events.snapshots import OrderStatus
from shared.web.fields import unique

MOST_ORDERS = 500


class BulkArguments(Schema):
    """The orders."""

    order_ids = fields.List(
        fields.UUID(), required=True, validate=[validate.Length(1, MOST_ORDERS), unique("an order")]
    )


class BulkCancelArguments(BulkArguments, CancelArguments):
    """The orders, and why they are cancelled."""


class BulkRefuseArguments(BulkArguments, ReasonArguments):
    """The orders, and why they are refused."""


class BulkHoldArguments(BulkArguments, HoldArguments):
    """The orders, and why they are held."""


class BulkTagArguments(BulkArguments, TagArguments):
    """The orders, and the tags to add and remove."""


class BulkRowSchema(Schema):
    """The result for one order."""

    order_id = fields.UUID()
    done = fields.Boolean(metadata={"description": "Whether the action was done."})
    number = fields.String(
        metadata={"description": "Number of the order; left out if there is no such order for this token."}
    )
    status = fields.Enum(
        OrderStatus,
        by_value=True,
        metadata={"description": "Status of the order after it. Only where it was done."},
    )
    version = fields.Integer(
        metadata={"description": "Version of the order after it. Only where it was done."}
    )
    reason = fields.String(
        allow_none=True,
        metadata={
            "description": (
                "Code of why it was not done, as the order itself would refuse it, or `not_found`, "
                "`invalid` or `busy`; null if it was done."
            )
        },
    )
    detail = fields.String(allow_none=True)
    facts = fields.Dict(
        keys=fields.String(),
        metadata={"description": "What the reason is about, such as the holds that stand."},
    )


class BulkSchema(Schema):
    """The result for each order, in the order of the request."""

    done = fields.Integer(metadata={"description": "How many were done."})
    not_done = fields.Integer()
    items = fields.List(fields.Nested(BulkRowSchema))
