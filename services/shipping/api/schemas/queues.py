"""The filters of the queues, and the number of shipments in them."""

from marshmallow import Schema, fields

from services.shipping.domain.queues import Queue
from shared.events.snapshots import MethodKind, ShipmentStatus
from shared.web.fields import text
from shared.web.paging import PageArguments


class QueueFilters(Schema):
    """Filters of a queue: seller, location and method."""

    seller = text(100, shortest=1)
    location = text(40, shortest=1)
    method = text(
        100,
        shortest=1,
        metadata={"description": "The market's code of the method; not of what was finalised."},
    )
    kind = fields.Enum(
        MethodKind,
        by_value=True,
        metadata={"description": "What the method comes down to; not of what was finalised."},
    )


class QueuePageArguments(PageArguments, QueueFilters):
    """The filters of a queue, and the page."""

    status = fields.Enum(
        ShipmentStatus,
        by_value=True,
        metadata={"description": "One of the statuses that the queue is made of, a step of the work."},
    )
    releasable = fields.Boolean(
        metadata={
            "description": "Of what is to be prepared and has its stock: only what can be released now, or "
            "only what waits, for its order or for the day that its goods may leave."
        }
    )


class HowManySchema(Schema):
    """A number of shipments."""

    count = fields.Integer()
    count_is_capped = fields.Boolean(metadata={"description": "There are more than were counted."})


class StepCountSchema(HowManySchema):
    """How many shipments are at a status."""

    status = fields.Enum(ShipmentStatus, by_value=True)
    queue = fields.Enum(Queue, by_value=True)


class StepCountsSchema(Schema):
    """All statuses before finalised, in the order of work."""

    items = fields.List(fields.Nested(StepCountSchema))
    releasable = fields.Nested(
        HowManySchema, metadata={"description": "What has its stock, and can be released now."}
    )
    held_back = fields.Nested(
        HowManySchema,
        metadata={
            "description": "What has its stock, and waits for its order to be accepted and paid, for the end "
            "of a hold, or for the day that its goods may leave."
        },
    )
