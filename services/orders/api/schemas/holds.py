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
        metadata={"description": "verification, suspicious, no_stock, … or words of one's own."},
    )
    owner = text(
        100, shortest=1, metadata={"description": "Whose call it is to lift it; the caller's if left out."}
    )


class HoldSchema(Schema):
    """Why the order is on hold."""

    hold_id = fields.UUID(attribute="id")
    reason = fields.String()
    owner = fields.String()
    held_at = Instant()
    released_by = fields.String(allow_none=True)
    released_at = Instant(allow_none=True)


class PlacedHoldSchema(Schema):
    """A hold, and the shipments that were released before it."""

    hold = fields.Nested(HoldSchema)
    released_shipments = fields.List(
        fields.String(),
        metadata={"description": "Numbers of shipments the warehouse had already: they go on."},
    )


class HoldListSchema(Schema):
    """All holds of an order, oldest first."""

    items = fields.List(fields.Nested(HoldSchema))
