"""Stock as the API writes and reads it."""

from marshmallow import Schema, fields, validate

from shared.web.paging import PageArguments

LARGEST = 1_000_000_000
REASON = {"description": "Why; kept in the ledger with whoever says so."}


class CountArguments(Schema):
    """What somebody counted."""

    on_hand = fields.Integer(required=True, strict=True, validate=validate.Range(0, LARGEST))
    reason = fields.String(required=True, validate=validate.Length(1, 500), metadata=REASON)


class ReceiptArguments(Schema):
    """Goods that arrived."""

    quantity = fields.Integer(
        required=True,
        strict=True,
        validate=validate.Range(1, LARGEST),
        metadata={"description": "In stock-keeping units."},
    )
    reason = fields.String(load_default="", validate=validate.Length(max=500), metadata=REASON)


class StockPageArguments(PageArguments):
    """The query of the list of stock."""

    sku = fields.String(validate=validate.Length(1, 100))
    location = fields.String(validate=validate.Length(1, 40))


class StockLevelSchema(Schema):
    """How much of a SKU a location has, in stock-keeping units."""

    sku = fields.String()
    location = fields.String()
    on_hand = fields.Integer()
    reserved = fields.Integer(metadata={"description": "Promised to shipments."})
    available = fields.Integer(metadata={"description": "What can still be promised."})
    as_of = fields.AwareDateTime(metadata={"description": "When it last changed."})
    version = fields.Integer()
