"""Schemas for the seller's notices."""

from marshmallow import Schema, fields, validate

from services.notifications.domain.notices import NoticeKind
from shared.web.paging import PageArguments


class NoticesArguments(PageArguments):
    """Which notices to return."""

    unread = fields.Boolean(load_default=False, metadata={"description": "only what the caller has not read"})


class NoticeSchema(Schema):
    """A notice about something that happened on an order."""

    notice_id = fields.UUID(attribute="Notice.id", required=True)
    kind = fields.String(attribute="Notice.kind", required=True, validate=validate.OneOf([*NoticeKind]))
    order_id = fields.UUID(attribute="Notice.order_id", required=True)
    number = fields.String(attribute="Notice.number", required=True)
    seller = fields.String(attribute="Notice.seller", required=True)
    market = fields.String(attribute="Notice.market", required=True)
    about = fields.UUID(
        attribute="Notice.about",
        required=True,
        allow_none=True,
        metadata={"description": "the shipment, return, message, e-mail or document"},
    )
    at = fields.AwareDateTime(attribute="Notice.at", required=True)
    read = fields.Boolean(required=True, metadata={"description": "by the caller"})


class UnreadSchema(Schema):
    """The number of unread notices."""

    unread = fields.Integer(required=True, metadata={"description": "counted up to 99"})
    more = fields.Boolean(required=True, metadata={"description": "whether there are more than that"})


class ReadToSchema(Schema):
    """The newest notice to mark as read."""

    up_to = fields.UUID(required=True, metadata={"description": "the newest notice that was seen"})
