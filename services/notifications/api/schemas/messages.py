"""Schemas for messages: in full for the seller's staff, reduced for the customer."""

from marshmallow import Schema, fields, validate

from services.notifications.domain.messages import LONGEST_TEXT, MOST_ATTACHMENTS
from shared.web.fields import text


class AttachedSchema(Schema):
    """A document attached to a message; its file is served by the documents service."""

    document_id = fields.UUID(required=True)
    kind = fields.String(
        required=True, metadata={"description": "What the document is for, such as invoice or attachment."}
    )
    content_type = fields.String(required=True)
    size_bytes = fields.Integer(required=True)


class CustomerMessageToPostSchema(Schema):
    """A message from a customer."""

    text = text(LONGEST_TEXT, shortest=1, prose=True, required=True)
    document_ids = fields.List(
        fields.UUID(),
        load_default=list,
        validate=validate.Length(max=MOST_ATTACHMENTS),
        metadata={"description": "Ids of documents of the order, uploaded before."},
    )


class MessageToPostSchema(CustomerMessageToPostSchema):
    """A message from the seller's staff."""

    internal = fields.Boolean(
        load_default=False,
        metadata={"description": "Whether it is a note for staff that the customer never sees."},
    )


class CustomerMessageSchema(Schema):
    """A message as the customer sees it: which side wrote it, but not which member of staff."""

    message_id = fields.UUID(attribute="id", required=True)
    author = fields.String(
        required=True,
        validate=validate.OneOf(["customer", "seller"]),
        metadata={"description": "Which side wrote it: customer or seller."},
    )
    text = fields.String(required=True, metadata={"description": "Empty once the person is erased."})
    attachments = fields.List(fields.Nested(AttachedSchema), required=True)
    posted_at = fields.AwareDateTime(required=True, metadata={"description": "When it was posted, in UTC."})
    read_at = fields.AwareDateTime(
        required=True,
        allow_none=True,
        metadata={"description": "When the other side had read it, in UTC; null until then."},
    )


class MessageSchema(CustomerMessageSchema):
    """A message as staff see it."""

    order_id = fields.UUID(required=True)
    written_by = fields.String(
        required=True, metadata={"description": "Who wrote it: the subject of their token."}
    )
    internal = fields.Boolean(
        required=True,
        metadata={"description": "Whether it is a note for staff that the customer never sees."},
    )


class ConversationSchema(Schema):
    """Who wrote last on an order, who is waiting for an answer and when it is due."""

    order_id = fields.UUID(required=True)
    number = fields.String(required=True)
    seller = fields.String(required=True)
    market = fields.String(required=True)
    messages = fields.Integer(
        required=True,
        metadata={
            "description": (
                "How many messages there are between customer and seller; notes for staff are not counted."
            )
        },
    )
    customer_wrote_at = fields.AwareDateTime(
        required=True,
        allow_none=True,
        metadata={"description": "When the customer wrote last, in UTC; null if they never did."},
    )
    seller_wrote_at = fields.AwareDateTime(
        required=True,
        allow_none=True,
        metadata={"description": "When the seller wrote last, in UTC; null if they never did."},
    )
    unanswered_since = fields.AwareDateTime(
        required=True,
        allow_none=True,
        metadata={
            "description": (
                "When the customer wrote the first message that is not answered, in UTC; null if none waits."
            )
        },
    )
    reply_due_at = fields.AwareDateTime(
        required=True,
        allow_none=True,
        metadata={"description": "By when the customer is to be answered, in UTC; null if nobody waits."},
    )
