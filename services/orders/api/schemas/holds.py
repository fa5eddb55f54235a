"""Holds as the API writes and reads them."""

from marshmallow import Schema, fields

from services.orders.api.schemas.values import Instant
from shared.web.fields import text


class HoldArguments(Schema):
    """Why to put the order on hold."""

    reason = text(
        100,
        shortest=1,
        required=True,
        metadata={"description": "`verification`, `suspicious`, `no_stock` or words of your own."},
    )
    owner = text(100, shortest=1, metadata={"description": "Who is to lift it; you, if left out."})


class HoldSchema(Schema):
    """Why the order is on hold."""

    hold_id = fields.UUID(attribute="id")
    reason = fields.String(
        metadata={"description": "Why: a code such as `verification`, or words of whoever put it."}
    )
    owner = fields.String(metadata={"description": "Who is to lift it."})
    held_at = Instant(metadata={"description": "When it was put on the order, in UTC."})
    released_by = fields.String(
        allow_none=True,
        metadata={
            "description": (
                "Who lifted it: the subject of their token, or the service itself; null while it stands."
            )
        },
    )
    released_at = Instant(
        allow_none=True, metadata={"description": "When it was lifted, in UTC; null while it stands."}
    )


class PlacedHoldSchema(Schema):
    """A hold, and the shipments that were released before it."""

    hold = fields.Nested(HoldSchema)
    released_shipments = fields.List(
        fields.String(),
        metadata={"description": "Numbers of shipments that the warehouse had already begun: they go on."},
    )


class HoldListSchema(Schema):
    """All holds of an order, oldest first."""

    items = fields.List(fields.Nested(HoldSchema))
