"""Goods and their availability as the API writes and reads them."""

from datetime import date

from marshmallow import Schema, fields, validate
from webargs.fields import DelimitedList

from services.shipping.api.schemas.stock import LARGEST
from services.shipping.domain.methods import NEEDS_NO_PACKING
from shared.events.snapshots import MethodKind
from shared.web.fields import text

LATEST = date(2999, 12, 31)  # days of handling are added to it, and calendars end with the year 9999


class GoodsArguments(Schema):
    """The warehouse data of a SKU."""

    barcode = text(100, metadata={"description": "What a scanner may read instead of the SKU."})
    specifications = fields.Dict(
        keys=text(100, shortest=1),
        values=text(500, prose=True),
        load_default=dict,
        validate=validate.Length(max=50),
        metadata={"description": "What a picker looks at: colour, size, how to handle it."},
    )
    weight_grams = fields.Integer(
        load_default=0,
        strict=True,
        validate=validate.Range(0, LARGEST),
        metadata={"description": "Of a stock-keeping unit; 0 where nobody weighed it."},
    )
    available_on = fields.Date(
        load_default=None,
        allow_none=True,
        validate=validate.Range(max=LATEST),
        metadata={"description": "Ordered before that day, it is not released before it."},
    )


class GoodsSchema(GoodsArguments):
    """The warehouse data of a seller's SKU."""

    seller = fields.String()
    sku = fields.String()
    version = fields.Integer()
    changed_at = fields.AwareDateTime()


class AvailabilityArguments(Schema):
    """The SKUs, and where and how they would go."""

    seller = text(100, shortest=1, required=True)
    market = text(100, shortest=1, required=True)
    skus = DelimitedList(
        text(100, shortest=1),
        required=True,
        validate=validate.Length(1, 50),
        metadata={"description": "Separated by commas."},
    )
    kind = fields.Enum(
        MethodKind,
        by_value=True,
        load_default=MethodKind.DELIVERY,
        validate=validate.NoneOf(NEEDS_NO_PACKING, error="needs no stock"),
    )
    country = fields.String(
        load_default="",
        validate=validate.Regexp(r"^([A-Z]{2})?\Z"),
        metadata={"description": "Where to, ISO 3166-1 alpha-2: locations there are asked first."},
    )


class SourceSchema(Schema):
    """What a location could supply."""

    location = fields.String()
    available = fields.Integer(metadata={"description": "In stock-keeping units."})
    promised_on = fields.Date(metadata={"description": "The day on which it would leave."})


class AvailabilitySchema(Schema):
    """How much of a SKU can be promised, and when it would leave."""

    sku = fields.String()
    available = fields.Integer(metadata={"description": "In stock-keeping units, at all locations."})
    promised_on = fields.Date(
        allow_none=True,
        metadata={"description": "The earliest day on which it would leave; null while there is none."},
    )
    locations = fields.List(fields.Nested(SourceSchema), metadata={"description": "As they are asked."})


class AvailabilitiesSchema(Schema):
    """Advice only: nothing is promised before there is a shipment."""

    as_of = fields.AwareDateTime()
    items = fields.List(fields.Nested(AvailabilitySchema))
