"""Schemas for the event feed."""

from marshmallow import Schema, fields, validate
from webargs.fields import DelimitedList

from shared.events.codec import EVENTS

LARGEST_PAGE = 1000
LONGEST_WAIT_SECONDS = 25


class FeedArguments(Schema):
    """Which events to return."""

    after = fields.Integer(
        strict=False,
        validate=validate.Range(0, 2**63 - 1),
        metadata={
            "description": "`next` of the answer before: what comes after this position. Nothing: from the "
            "oldest that is kept."
        },
    )
    limit = fields.Integer(
        strict=False,
        load_default=100,
        validate=validate.Range(1, LARGEST_PAGE),
        metadata={"description": "How many at most."},
    )
    types = DelimitedList(
        fields.String(validate=validate.OneOf(sorted(EVENTS))),
        load_default=(),
        validate=validate.Length(1),
        metadata={
            "description": "Only events of these types, with commas between them.",
            "example": "order.placed,shipment.shipped",
        },
    )
    order = fields.UUID(
        load_default=None, metadata={"description": "Only events of this order, by its `order_id`."}
    )
    wait = fields.Float(
        load_default=0,
        validate=validate.Range(0, LONGEST_WAIT_SECONDS),
        metadata={
            "description": "Seconds for which an answer without events is held back, until there is one. "
            "A few can wait at once, of each bearer one; others are answered at once, with `Retry-After`."
        },
    )


class FeedEventSchema(Schema):
    """An event: the CloudEvents 1.0 attributes, and its position in the feed."""

    specversion = fields.String(required=True)
    id = fields.UUID(
        required=True, metadata={"description": "The same wherever and however often it is told."}
    )
    source = fields.String(required=True, metadata={"description": "The service that tells it: `/orders` …"})
    type = fields.String(required=True, metadata={"description": "What happened, as in `order.placed`."})
    subject = fields.String(required=True, metadata={"description": "The order's id; the SKU, of stock."})
    time = fields.AwareDateTime(required=True, metadata={"description": "When it happened."})
    datacontenttype = fields.String(required=True)
    dataschema = fields.String(required=True, metadata={"description": "The contract: `order.placed/1`."})
    position = fields.Integer(
        required=True, metadata={"description": "Its place among all events; ask for what comes `after` it."}
    )
    occurred_at = fields.AwareDateTime(required=True, metadata={"description": "The same as `time`."})
    order_id = fields.UUID(required=True, allow_none=True, metadata={"description": "Null: of no order."})
    number = fields.String(required=True, metadata={"description": "What people call it: the order's."})
    seller = fields.String(
        required=True, metadata={"description": "`*`: everybody's. Empty: stock of several sellers."}
    )
    market = fields.String(required=True, metadata={"description": "`*`: all markets'."})
    sequence = fields.Integer(
        required=True,
        metadata={"description": "The how-manieth event of its order this is; 0 where it is of none."},
    )
    data = fields.Dict(
        required=True,
        metadata={
            "description": "The event as it was published, with the newest state of what it is about. "
            "Without the scope `events:read_people` it names nobody, and has nothing that anybody typed."
        },
    )


class FeedSchema(Schema):
    """A page of the feed."""

    items = fields.List(
        fields.Nested(FeedEventSchema), required=True, metadata={"description": "Oldest first."}
    )
    next = fields.Integer(
        required=True,
        metadata={
            "description": "What to ask for `after` next; also where nothing was to be shown, and the feed "
            "went on with what others see."
        },
    )
    last = fields.Integer(
        required=True, metadata={"description": "The newest position there is, of whatever event."}
    )
