"""The history of an order as the API shows it."""

from marshmallow import Schema, fields

from services.orders.api.schemas.values import Instant
from shared.web.paging import page_schema


class HistoryItemSchema(Schema):
    """Something that happened to the order: a change made here, or what another service reported."""

    at = Instant()
    source = fields.String(metadata={"description": "The service where it happened."})
    actor = fields.String(metadata={"description": "Who did it; the service, where no person is named."})
    action = fields.String(metadata={"description": "A command, or an event of another service."})
    version = fields.Integer(
        allow_none=True, metadata={"description": "The order's version after the change."}
    )
    before = fields.Dict(metadata={"description": "What differed before, …"})
    after = fields.Dict(metadata={"description": "… and after it."})
    detail = fields.Dict()
    state = fields.String(
        metadata={"description": "done; pending, dead or skipped where the order has not followed it."}
    )
    error = fields.String(allow_none=True)


HistoryPageSchema = page_schema(HistoryItemSchema)
