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

    barcode = text(
        100, metadata={"description": "What a scanner may read in place of the SKU; empty for none."}
    )
    specifications = fields.Dict(
        keys=text(100, shortest=1),
        values=text(500, prose=True),
        load_default=dict,
        validate=validate.Length(max=50),
        metadata={"description": "What a picker looks at, by name: colour, size, how to handle it."},
    )
    weight_grams = fields.Integer(
        load_default=0,
        strict=True,
        validate=validate.Range(0, LARGEST),
        metadata={"description": "Weight of one stock-keeping unit, in grams; 0 if nobody weighed it."},
    )
    available_on = fields.Date(
        load_default=None,
        allow_none=True,
        validate=validate.Range(max=LATEST),
        metadata={
            "description": (
                "First day on which it may leave, in the time zone of the order's market; null for no such "
                "day."
            )
        },
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
        metadata={"description": "The SKUs, separated by commas."},
    )
    kind = fields.Enum(
        MethodKind,
        by_value=True,
        load_default=MethodKind.DELIVERY,
        validate=validate.NoneOf(NEEDS_NO_PACKING, error="needs no stock"),
        metadata={"description": "How it would go."},
    )
    country = fields.String(
        load_default="",
        validate=validate.Regexp(r"^([A-Z]{2})?\Z"),
        metadata={
            "description": "ISO 3166-1 alpha-2 code of where it would go: locations there are asked first."
        },
    )


class SourceSchema(Schema):
    """What a location could supply."""

    location = fields.String()
    available = fields.Integer(
        metadata={"description": "How many can be promised there, in stock-keeping units."}
    )
    promised_on = fields.Date(metadata={"description": "Day on which it would leave from there, in UTC."})


class AvailabilitySchema(Schema):
    """How much of a SKU can be promised, and when it would leave."""

    sku = fields.String()
    available = fields.Integer(
        metadata={"description": "How many can be promised at all these locations, in stock-keeping units."}
    )
    promised_on = fields.Date(
        allow_none=True,
        metadata={
            "description": "Earliest day on which it would leave, in UTC; null if no location has any."
        },
    )
    locations = fields.List(
        fields.Nested(SourceSchema),
        metadata={"description": "The locations that have some, in the order in which they are asked."},
    )


class AvailabilitiesSchema(Schema):
    """Advice only: nothing is promised before there is a shipment."""

    as_of = fields.AwareDateTime(metadata={"description": "When that was true, in UTC."})
    items = fields.List(fields.Nested(AvailabilitySchema))
