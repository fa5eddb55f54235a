"""The history of an order as the API shows it."""

from marshmallow import Schema, fields

from services.orders.api.schemas.values import Instant
from shared.web.paging import page_schema


class HistoryItemSchema(Schema):
    """Something that happened to the order: a change made here, or what another service reported."""

    at = Instant(metadata={"description": "When it happened, in UTC."})
    source = fields.String(metadata={"description": "The service where it happened."})
    actor = fields.String(
        metadata={"description": "Who did it: the subject of their token, or the service itself."}
    )
    action = fields.String(
        metadata={
            "description": (
                "The command, such as `accept`, or the event of another service, such as `shipment.shipped`."
            )
        }
    )
    version = fields.Integer(
        allow_none=True,
        metadata={
            "description": "Version of the order after it; null for what changed nothing of the order itself."
        },
    )
    before = fields.Dict(metadata={"description": "What differs, before it."})
    after = fields.Dict(metadata={"description": "The same after it."})
    detail = fields.Dict(
        metadata={"description": "What else is known of it, such as the reason that was given."}
    )
    state = fields.String(
        metadata={
            "description": (
                "done; or, of what the order has not followed: pending, dead (given up) or skipped (by an "
                "operator)."
            )
        }
    )
    error = fields.String(
        allow_none=True, metadata={"description": "Why the order could not follow it; null if it did."}
    )


HistoryPageSchema = page_schema(HistoryItemSchema)
