"""The generic lifecycle as the API writes and reads it."""

from marshmallow import Schema, fields, validate

from services.orders.api.schemas.values import yes_or_no
from services.orders.domain.shown_statuses import Lifecycle
from shared.events.snapshots import OrderStatus
from shared.web.fields import text


class LifecycleArguments(Schema):
    """The lifecycle state to move an order to."""

    to = fields.Enum(
        Lifecycle,
        by_value=True,
        required=True,
        validate=validate.NoneOf(
            [Lifecycle.OPEN], error="is where every order begins: none can be moved there"
        ),
        metadata={
            "description": (
                "The status to move it to; `Closed`, `Canceled`, `Failed` and, for a draft, `Abandoned` can"
                " be asked for."
            ),
            "example": "Closed",
        },
    )
    reason = text(500, prose=True, metadata={"description": "Why; needed for `Canceled` and `Failed`."})
    confirm = yes_or_no(
        load_default=False,
        attribute="confirmed",
        metadata={"description": "Confirms a cancellation; needed for `Canceled`."},
    )


class LifecycleSchema(Schema):
    """The state that an order has reached."""

    order_id = fields.UUID()
    version = fields.Integer()
    status = fields.Enum(OrderStatus, by_value=True)
    lifecycle = fields.Enum(Lifecycle, by_value=True)
