"""Schemas for e-mails."""

from marshmallow import Schema, fields, validate


class AttemptSchema(Schema):
    """One attempt to hand an e-mail to the mail server."""

    at = fields.AwareDateTime(required=True)
    outcome = fields.String(
        required=True, validate=validate.OneOf(["sent", "delayed", "throttled", "refused"])
    )
    code = fields.Integer(
        required=True, allow_none=True, metadata={"description": "null where there was no server to answer"}
    )
    answer = fields.String(required=True)


class AttachmentSchema(Schema):
    """A document attached to an e-mail."""

    document_id = fields.UUID(required=True)
    filename = fields.String(required=True)
    sha256 = fields.String(required=True)


class EmailSchema(Schema):
    """An e-mail, why it was sent and its status."""

    email_id = fields.UUID(attribute="id", required=True)
    order_id = fields.UUID(
        attribute="of_order",
        required=True,
        allow_none=True,
        metadata={"description": "null for a seller's digest"},
    )
    step = fields.String(required=True)
    about = fields.UUID(
        required=True,
        allow_none=True,
        metadata={"description": "the shipment, document, refund, return or message it tells of"},
    )
    recipient = fields.String(required=True, validate=validate.OneOf(["customer", "seller", "courier"]))
    address = fields.String(required=True, metadata={"description": "empty once the person is erased"})
    locale = fields.String(required=True)
    subject = fields.String(required=True, metadata={"description": "empty until its turn to be sent comes"})
    status = fields.String(
        required=True,
        validate=validate.OneOf(["queued", "sent", "failed", "merged"]),
        metadata={"description": "merged: what it had to say went out with another"},
    )
    error = fields.String(required=True)
    message_id = fields.UUID(
        required=True,
        metadata={"description": "the left side of the Message-ID; the same however often it is sent"},
    )
    caused_by = fields.UUID(
        required=True, allow_none=True, metadata={"description": "the event whose handling made it due"}
    )
    caused_by_type = fields.String(required=True)
    requested_by = fields.String(
        required=True, metadata={"description": "who asked for it; empty where an event made it due"}
    )
    resend_of = fields.UUID(
        required=True, allow_none=True, metadata={"description": "the e-mail that this one repeats"}
    )
    merged_into = fields.UUID(
        required=True, allow_none=True, metadata={"description": "the e-mail that said it instead"}
    )
    correlation_id = fields.String(required=True)
    attachments = fields.List(fields.Nested(AttachmentSchema), required=True)
    attempts = fields.List(fields.Nested(AttemptSchema), required=True)
    created_at = fields.AwareDateTime(required=True)
    sent_at = fields.AwareDateTime(required=True, allow_none=True)


class EmailsSchema(Schema):
    """All e-mails of an order."""

    items = fields.List(fields.Nested(EmailSchema), required=True)


class PaperToSendSchema(Schema):
    """A document to send to the customer."""

    document_id = fields.UUID(
        required=True, metadata={"description": "a delivery note, invoice or credit note of the order"}
    )


class WordedEmailSchema(EmailSchema):
    """An e-mail with its content as sent; empty before it is sent, and once the person is erased."""

    text = fields.String(attribute="shown.text", required=True)
    html = fields.String(attribute="shown.html", required=True)
