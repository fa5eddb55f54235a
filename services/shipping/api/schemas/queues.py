"""The filters of the queues, and the number of shipments in them."""

from marshmallow import Schema, fields

from services.shipping.domain.queues import Queue
from shared.events.snapshots import MethodKind, ShipmentStatus
from shared.web.fields import text
from shared.web.paging import PageArguments


class QueueFilters(Schema):
    """Filters of a queue: seller, location and method."""

    seller = text(100, shortest=1, metadata={"description": "Only shipments of this seller, by code."})
    location = text(40, shortest=1, metadata={"description": "Only shipments at this location, by code."})
    method = text(
        100,
        shortest=1,
        metadata={
            "description": "Only shipments by this method, by the market's code of it; not in finalised."
        },
    )
    kind = fields.Enum(
        MethodKind,
        by_value=True,
        metadata={"description": "Only shipments whose method is handled so; not in finalised."},
    )


class QueuePageArguments(PageArguments, QueueFilters):
    """The filters of a queue, and the page."""

    status = fields.Enum(
        ShipmentStatus,
        by_value=True,
        metadata={"description": "Only shipments with this status, one of those that the queue is made of."},
    )
    releasable = fields.Boolean(
        metadata={
            "description": (
                "In to_prepare, only shipments that have their stock: true for those that can be released "
                "now, false for those that wait for their order or for the day on which their goods may "
                "leave."
            )
        }
    )


class HowManySchema(Schema):
    """A number of shipments."""

    count = fields.Integer(metadata={"description": "How many, at most 1000."})
    count_is_capped = fields.Boolean(metadata={"description": "Whether there are more than were counted."})


class StepCountSchema(HowManySchema):
    """How many shipments are at a status."""

    status = fields.Enum(ShipmentStatus, by_value=True)
    queue = fields.Enum(Queue, by_value=True)


class StepCountsSchema(Schema):
    """All statuses before finalised, in the order of work."""

    items = fields.List(fields.Nested(StepCountSchema))
    releasable = fields.Nested(
        HowManySchema, metadata={"description": "Shipments that have their stock and can be released now."}
    )
    held_back = fields.Nested(
        HowManySchema,
        metadata={
            "description": (
                "Shipments that have their stock and wait: for their order to be accepted and paid, for a "
                "hold to be lifted, or for the day on which their goods may leave."
            )
        },
    )
