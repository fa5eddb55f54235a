"""The seller's home as the API shows it."""

from marshmallow import Schema, fields

from services.orders.api.schemas.orders import ListedOrderSchema
from services.orders.domain.shown_statuses import Queue
from services.orders.queries.queues import SHOWN, TO_ACCEPT


class QueueSchema(Schema):
    """One queue, and the most urgent of the orders in it."""

    queue = fields.String(metadata={"enum": [TO_ACCEPT, *(queue.value for queue in Queue)]})
    count = fields.Integer()
    count_is_capped = fields.Boolean(metadata={"description": "There are more than were counted."})
    first = fields.List(
        fields.Nested(ListedOrderSchema),
        metadata={"description": f"Up to {SHOWN}: what is due next, then the oldest."},
    )


class QueuesSchema(Schema):
    """All queues, in the order of work."""

    items = fields.List(fields.Nested(QueueSchema))
