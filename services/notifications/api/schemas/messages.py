"""Schemas for messages: in full for the seller's staff, reduced for the customer."""

from marshmallow import Schema, fields, validate

from services.notifications.domain.messages import LONGEST_TEXT, MOST_ATTACHMENTS
from shared.web.fields import text


class AttachedSchema(Schema):
    """A document attached to a message; its file is served by the documents service."""

    document_id = fields.UUID(required=True)
    kind = fields.String(required=True)
    content_type = fields.String(required=True)
    size_bytes = fields.Integer(required=True)


class CustomerMessageToPostSchema(Schema):
    """A message from a customer."""

    text = text(LONGEST_TEXT, shortest=1, prose=True, required=True)
    document_ids = fields.List(
        fields.UUID(),
        load_default=list,
        validate=validate.Length(max=MOST_ATTACHMENTS),
        metadata={"description": "documents of the order, uploaded to documents before"},
    )


class MessageToPostSchema(CustomerMessageToPostSchema):
    """A message from the seller's staff."""

    internal = fields.Boolean(
        load_default=False, metadata={"description": "a note among staff; the customer never sees it"}
    )


class CustomerMessageSchema(Schema):
    """A message as the customer sees it: which side wrote it, but not which member of staff."""

    message_id = fields.UUID(attribute="id", required=True)
    author = fields.String(required=True, validate=validate.OneOf(["customer", "seller"]))
    text = fields.String(required=True, metadata={"description": "empty once the person is erased"})
    attachments = fields.List(fields.Nested(AttachedSchema), required=True)
    posted_at = fields.AwareDateTime(required=True)
    read_at = fields.AwareDateTime(
        required=True, allow_none=True, metadata={"description": "when the other side had read it"}
    )


class MessageSchema(CustomerMessageSchema):
    """A message as staff see it."""

    order_id = fields.UUID(required=True)
    written_by = fields.String(required=True)
    internal = fields.Boolean(required=True)


class ConversationSchema(Schema):
    """Who wrote last on an order, who is waiting for an answer and when it is due."""

    order_id = fields.UUID(required=True)
    number = fields.String(required=True)
    seller = fields.String(required=True)
    market = fields.String(required=True)
    messages = fields.Integer(required=True)
    customer_wrote_at = fields.AwareDateTime(required=True, allow_none=True)
    seller_wrote_at = fields.AwareDateTime(required=True, allow_none=True)
    unanswered_since = fields.AwareDateTime(required=True, allow_none=True)
    reply_due_at = fields.AwareDateTime(required=True, allow_none=True)
