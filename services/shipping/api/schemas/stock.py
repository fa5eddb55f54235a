"""Stock as the API writes and reads it."""

from marshmallow import Schema, fields, validate

from services.shipping.domain.stock_movements import MovementKind
from shared.events.snapshots import ShipmentStatus
from shared.web.fields import text
from shared.web.paging import PageArguments

LARGEST = 1_000_000_000
REASON = {"description": "Why; kept in the ledger with whoever says so."}


class CountArguments(Schema):
    """A stock count."""

    on_hand = fields.Integer(required=True, strict=True, validate=validate.Range(0, LARGEST))
    reason = text(500, shortest=1, prose=True, required=True, metadata=REASON)


class ReceiptArguments(Schema):
    """Goods that arrived."""

    quantity = fields.Integer(
        required=True,
        strict=True,
        validate=validate.Range(1, LARGEST),
        metadata={"description": "In stock-keeping units."},
    )
    reason = text(500, prose=True, metadata=REASON)


class ScrapArguments(Schema):
    """Goods that can't be sold any more."""

    quantity = fields.Integer(
        required=True,
        strict=True,
        validate=validate.Range(1, LARGEST),
        metadata={"description": "In stock-keeping units."},
    )
    reason = text(500, shortest=1, prose=True, required=True, metadata=REASON)


class BinArguments(Schema):
    """The shelf of a SKU."""

    bin = text(
        100,
        required=True,
        metadata={"description": "The shelf; pick lists go by it, in the order of its letters and digits."},
    )


class StockPageArguments(PageArguments):
    """The filters of the list of stock."""

    sku = text(100, shortest=1)
    location = text(40, shortest=1)


class StockLevelSchema(Schema):
    """How much of a SKU a location has, in stock-keeping units."""

    sku = fields.String()
    location = fields.String()
    on_hand = fields.Integer()
    reserved = fields.Integer(metadata={"description": "Promised to shipments."})
    picked = fields.Integer(metadata={"description": "Of these, no longer on their shelf."})
    bin = fields.String(metadata={"description": "The shelf."})
    available = fields.Integer(metadata={"description": "What can still be promised."})
    as_of = fields.AwareDateTime(metadata={"description": "When it last changed."})
    version = fields.Integer()


class MovementSchema(Schema):
    """One change of a stock level, as recorded in the ledger."""

    position = fields.Integer(metadata={"description": "Counts the level's movements from 1."})
    kind = fields.Enum(MovementKind, by_value=True)
    on_hand_change = fields.Integer()
    reserved_change = fields.Integer()
    picked_change = fields.Integer()
    reason = fields.String()
    actor = fields.String()
    shipment_id = fields.UUID(allow_none=True)
    at = fields.AwareDateTime()


class ReservationSchema(Schema):
    """Units reserved for a shipment."""

    units = fields.Integer()
    picked = fields.Integer(metadata={"description": "Of these, no longer on their shelf."})
    shipment_id = fields.UUID()
    shipment = fields.String(metadata={"description": "Its number."})
    status = fields.Enum(ShipmentStatus, by_value=True)
    order_id = fields.UUID()
    order = fields.String(metadata={"description": "Its number."})
