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
            "description": (
                "Position after which to begin: `next` of the answer before. Left out, the feed begins at "
                "the oldest event that is kept."
            )
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
            "description": "Only events of these types, separated by commas.",
            "example": "order.placed,shipment.shipped",
        },
    )
    order = fields.UUID(load_default=None, metadata={"description": "Only events of the order with this id."})
    wait = fields.Float(
        load_default=0,
        validate=validate.Range(0, LONGEST_WAIT_SECONDS),
        metadata={
            "description": (
                "For how many seconds to hold back an answer without events, until there is one. Only a few"
                " requests can wait at once, one for each token's subject; others are answered at once, "
                "with `Retry-After`."
            )
        },
    )


class FeedEventSchema(Schema):
    """An event: the CloudEvents 1.0 attributes, and its position in the feed."""

    specversion = fields.String(required=True, metadata={"description": "Version of CloudEvents: 1.0."})
    id = fields.UUID(
        required=True,
        metadata={
            "description": (
                "Id of the event, the same wherever and however often it is told; keep it to do nothing "
                "twice."
            )
        },
    )
    source = fields.String(
        required=True, metadata={"description": "The service that tells it, such as `/orders`."}
    )
    type = fields.String(required=True, metadata={"description": "What happened, such as `order.placed`."})
    subject = fields.String(
        required=True, metadata={"description": "What it is about: the order's id, or of stock the SKU."}
    )
    time = fields.AwareDateTime(required=True, metadata={"description": "When it happened, in UTC."})
    datacontenttype = fields.String(
        required=True, metadata={"description": "Media type of `data`: application/json."}
    )
    dataschema = fields.String(
        required=True,
        metadata={"description": "Name and version of the contract of `data`, such as `order.placed/1`."},
    )
    position = fields.Integer(
        required=True,
        metadata={
            "description": (
                "Its place in the feed; ask for what comes `after` it. Positions only grow, with gaps where"
                " others' events are."
            )
        },
    )
    occurred_at = fields.AwareDateTime(
        required=True, metadata={"description": "When it happened, in UTC; the same as `time`."}
    )
    order_id = fields.UUID(
        required=True, allow_none=True, metadata={"description": "Id of the order; null if it is about none."}
    )
    number = fields.String(
        required=True,
        metadata={"description": "Number of the order, as people call it; empty if it is about none."},
    )
    seller = fields.String(
        required=True,
        metadata={"description": "Code of the seller; `*` if it concerns all, empty for stock of several."},
    )
    market = fields.String(
        required=True, metadata={"description": "Code of the market; `*` if it concerns all."}
    )
    sequence = fields.Integer(
        required=True,
        metadata={"description": "Counts the events of its order from 1; 0 if it is about none."},
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
            "description": (
                "What to ask for as `after` next. It moves on even without events, past those that the "
                "token may not see."
            )
        },
    )
    last = fields.Integer(
        required=True, metadata={"description": "The newest position that there is, of whoever's event."}
    )
