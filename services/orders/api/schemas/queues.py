"""The seller's home as the API shows it."""

from marshmallow import Schema, fields

from services.orders.api.schemas.orders import ListedOrderSchema
from services.orders.domain.shown_statuses import Queue
from services.orders.queries.lists import COUNTED_AT_MOST
from services.orders.queries.queues import SHOWN, TO_ACCEPT


class QueueSchema(Schema):
    """One queue, and the most urgent of the orders in it."""

    queue = fields.String(
        metadata={
            "enum": [TO_ACCEPT, *(queue.value for queue in Queue)],
            "description": (
                f"`{TO_ACCEPT}`: placed orders; `To prepare`: with a shipment that is to be prepared, or"
                " waits for stock; `Ready to ship`: with one that is ready and still here; `In transit`:"
                " with one on its way, or undeliverable; `Finalized`: with one that is with the customer."
            ),
        }
    )
    count = fields.Integer(metadata={"description": f"How many orders are in it, at most {COUNTED_AT_MOST}."})
    count_is_capped = fields.Boolean(metadata={"description": "Whether there are more than were counted."})
    first = fields.List(
        fields.Nested(ListedOrderSchema),
        metadata={"description": f"The first {SHOWN} of them: those due next, then the oldest."},
    )


class QueuesSchema(Schema):
    """All queues, in the order of work."""

    items = fields.List(fields.Nested(QueueSchema))
