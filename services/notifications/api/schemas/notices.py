"""Schemas for the seller's notices."""

from marshmallow import Schema, fields, validate

from services.notifications.domain.notices import NoticeKind
from shared.web.paging import PageArguments


class NoticesArguments(PageArguments):
    """Which notices to return."""

    unread = fields.Boolean(
        load_default=False, metadata={"description": "Whether to list only those that you have not read."}
    )


class NoticeSchema(Schema):
    """A notice about something that happened on an order."""

    notice_id = fields.UUID(attribute="Notice.id", required=True)
    kind = fields.String(
        attribute="Notice.kind",
        required=True,
        validate=validate.OneOf([*NoticeKind]),
        metadata={"description": "What happened."},
    )
    order_id = fields.UUID(attribute="Notice.order_id", required=True)
    number = fields.String(attribute="Notice.number", required=True)
    seller = fields.String(attribute="Notice.seller", required=True)
    market = fields.String(attribute="Notice.market", required=True)
    about = fields.UUID(
        attribute="Notice.about",
        required=True,
        allow_none=True,
        metadata={
            "description": (
                "Id of the shipment, return, refund, message, e-mail, document or webhook that it is about;"
                " null if it is about the order as a whole."
            )
        },
    )
    at = fields.AwareDateTime(
        attribute="Notice.at", required=True, metadata={"description": "When it was noticed, in UTC."}
    )
    read = fields.Boolean(required=True, metadata={"description": "Whether you have read it."})


class UnreadSchema(Schema):
    """The number of unread notices."""

    unread = fields.Integer(required=True, metadata={"description": "How many there are, at most 99."})
    more = fields.Boolean(required=True, metadata={"description": "Whether there are more than that."})


class ReadToSchema(Schema):
    """The newest notice to mark as read."""

    up_to = fields.UUID(required=True, metadata={"description": "Id of the newest notice that was seen."})
