"""Stock as the API writes and reads it."""

from marshmallow import Schema, fields, validate

from services.shipping.domain.stock_movements import MovementKind
from shared.events.snapshots import ShipmentStatus
from shared.web.fields import text
from shared.web.paging import PageArguments

LARGEST = 1_000_000_000
REASON = {"description": "Why; it is kept in the ledger with whoever says so."}


class CountArguments(Schema):
    """A stock count."""

    on_hand = fields.Integer(
        required=True,
        strict=True,
        validate=validate.Range(0, LARGEST),
        metadata={"description": "How many were counted, in stock-keeping units."},
    )
    reason = text(500, shortest=1, prose=True, required=True, metadata=REASON)


class ReceiptArguments(Schema):
    """Goods that arrived."""

    quantity = fields.Integer(
        required=True,
        strict=True,
        validate=validate.Range(1, LARGEST),
        metadata={"description": "How many arrived, in stock-keeping units."},
    )
    reason = text(500, prose=True, metadata=REASON)


class ScrapArguments(Schema):
    """Goods that can't be sold any more."""

    quantity = fields.Integer(
        required=True,
        strict=True,
        validate=validate.Range(1, LARGEST),
        metadata={"description": "How many are scrapped, in stock-keeping units."},
    )
    reason = text(500, shortest=1, prose=True, required=True, metadata=REASON)


class BinArguments(Schema):
    """The shelf of a SKU."""

    bin = text(
        100,
        required=True,
        metadata={
            "description": "The shelf. Pick lists are sorted by it, in the order of its letters and digits."
        },
    )


class StockPageArguments(PageArguments):
    """The filters of the list of stock."""

    sku = text(100, shortest=1, metadata={"description": "Only this SKU."})
    location = text(40, shortest=1, metadata={"description": "Only at this location, by code."})


class StockLevelSchema(Schema):
    """How much of a SKU a location has, in stock-keeping units."""

    sku = fields.String()
    location = fields.String()
    on_hand = fields.Integer(metadata={"description": "How many are there, in stock-keeping units."})
    reserved = fields.Integer(
        metadata={"description": "How many of these are promised to shipments, in stock-keeping units."}
    )
    picked = fields.Integer(
        metadata={"description": "How many of the reserved ones are off their shelf, in stock-keeping units."}
    )
    bin = fields.String(metadata={"description": "The shelf; empty if none is known."})
    available = fields.Integer(
        metadata={
            "description": (
                "How many can still be promised, in stock-keeping units: `on_hand` less `reserved`."
            )
        }
    )
    as_of = fields.AwareDateTime(metadata={"description": "When it last changed, in UTC."})
    version = fields.Integer()


class MovementSchema(Schema):
    """One change of a stock level, as recorded in the ledger."""

    position = fields.Integer(
        metadata={"description": "Counts the movements of this SKU at this location from 1, without gaps."}
    )
    kind = fields.Enum(MovementKind, by_value=True, metadata={"description": "What happened."})
    on_hand_change = fields.Integer(
        metadata={"description": "By how much `on_hand` changed, in stock-keeping units."}
    )
    reserved_change = fields.Integer(
        metadata={"description": "By how much `reserved` changed, in stock-keeping units."}
    )
    picked_change = fields.Integer(
        metadata={"description": "By how much `picked` changed, in stock-keeping units."}
    )
    reason = fields.String(metadata={"description": "Why, in words; empty if a shipment is the reason."})
    actor = fields.String(
        metadata={"description": "Who did it: the subject of their token, or the service itself."}
    )
    shipment_id = fields.UUID(
        allow_none=True, metadata={"description": "Id of the shipment that it was for; null for none."}
    )
    at = fields.AwareDateTime(metadata={"description": "When it happened, in UTC."})


class ReservationSchema(Schema):
    """Units reserved for a shipment."""

    units = fields.Integer(metadata={"description": "How many are reserved, in stock-keeping units."})
    picked = fields.Integer(
        metadata={"description": "How many of these are off their shelf, in stock-keeping units."}
    )
    shipment_id = fields.UUID()
    shipment = fields.String(metadata={"description": "Number of the shipment."})
    status = fields.Enum(ShipmentStatus, by_value=True)
    order_id = fields.UUID()
    order = fields.String(metadata={"description": "Number of the order."})
