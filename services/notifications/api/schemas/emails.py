"""Schemas for e-mails."""

from marshmallow import Schema, fields, validate

from shared.events.snapshots import Step


class AttemptSchema(Schema):
    """One attempt to hand an e-mail to the mail server."""

    at = fields.AwareDateTime(required=True, metadata={"description": "When it was made, in UTC."})
    outcome = fields.String(
        required=True,
        validate=validate.OneOf(["sent", "delayed", "throttled", "refused"]),
        metadata={
            "description": (
                "`sent`: the mail server took it; `delayed`: it could not now, or was not reached; "
                "`throttled`: it wants fewer e-mails for this domain; `refused`: it never will."
            )
        },
    )
    code = fields.Integer(
        required=True,
        allow_none=True,
        metadata={"description": "The mail server's reply code (RFC 5321); null if there was no reply."},
    )
    answer = fields.String(
        required=True,
        metadata={"description": "The mail server's reply, without e-mail addresses; or why there was none."},
    )


class AttachmentSchema(Schema):
    """A document attached to an e-mail."""

    document_id = fields.UUID(required=True)
    filename = fields.String(required=True, metadata={"description": "Name of the file in the e-mail."})
    sha256 = fields.String(required=True, metadata={"description": "SHA-256 of the file in hexadecimal."})


class EmailSchema(Schema):
    """An e-mail, why it was sent and its status."""

    email_id = fields.UUID(attribute="id", required=True)
    order_id = fields.UUID(
        attribute="of_order",
        required=True,
        allow_none=True,
        metadata={"description": "Id of the order that it is about; null for a seller's digest."},
    )
    step = fields.String(
        required=True,
        metadata={"description": f"What it is about: {', '.join(Step)}."},
    )
    about = fields.UUID(
        required=True,
        allow_none=True,
        metadata={
            "description": (
                "Id of the shipment, document, refund, return or message that it is about, or in a digest "
                "of the first order; null if it is about the order as a whole."
            )
        },
    )
    recipient = fields.String(
        required=True,
        validate=validate.OneOf(["customer", "seller", "courier"]),
        metadata={"description": "For whom it is: customer, seller or courier."},
    )
    address = fields.String(
        required=True,
        metadata={"description": "The address that it goes to; empty once the person is erased."},
    )
    locale = fields.String(required=True, metadata={"description": "Language that it is written in."})
    subject = fields.String(
        required=True,
        metadata={
            "description": (
                "Its subject line; empty until its turn to be sent comes, and once the person is erased."
            )
        },
    )
    status = fields.String(
        required=True,
        validate=validate.OneOf(["queued", "sent", "failed", "merged"]),
        metadata={
            "description": (
                "`queued`: waits for its turn or for the mail server; `sent`: the mail server took it; "
                "`failed`: given up, see `error`; `merged`: what it had to say went out with another."
            )
        },
    )
    error = fields.String(
        required=True, metadata={"description": "Why it was given up; empty if it was not."}
    )
    message_id = fields.UUID(
        required=True,
        metadata={
            "description": "The left side of its Message-ID header; the same however often it is sent."
        },
    )
    caused_by = fields.UUID(
        required=True,
        allow_none=True,
        metadata={"description": "Id of the event that made it due; null if somebody asked for it."},
    )
    caused_by_type = fields.String(
        required=True,
        metadata={
            "description": "Type of that event, such as `order.accepted`; empty if somebody asked for it."
        },
    )
    requested_by = fields.String(
        required=True,
        metadata={
            "description": "Who asked for it: the subject of their token; empty if an event made it due."
        },
    )
    resend_of = fields.UUID(
        required=True,
        allow_none=True,
        metadata={"description": "Id of the e-mail that it repeats; null if it repeats none."},
    )
    merged_into = fields.UUID(
        required=True,
        allow_none=True,
        metadata={"description": "Id of the e-mail that says what it had to say; null if it was not merged."},
    )
    correlation_id = fields.String(
        required=True, metadata={"description": "Id of the request that it goes back to."}
    )
    attachments = fields.List(
        fields.Nested(AttachmentSchema),
        required=True,
        metadata={"description": "The documents attached to it."},
    )
    attempts = fields.List(
        fields.Nested(AttemptSchema),
        required=True,
        metadata={"description": "The attempts to send it, oldest first."},
    )
    created_at = fields.AwareDateTime(required=True)
    sent_at = fields.AwareDateTime(
        required=True,
        allow_none=True,
        metadata={"description": "When the mail server took it, in UTC; null until then."},
    )


class EmailsSchema(Schema):
    """All e-mails of an order."""

    items = fields.List(fields.Nested(EmailSchema), required=True)


class PaperToSendSchema(Schema):
    """A document to send to the customer."""

    document_id = fields.UUID(
        required=True, metadata={"description": "Id of a delivery note, invoice or credit note of the order."}
    )


class WordedEmailSchema(EmailSchema):
    """An e-mail with its content as sent; empty before it is sent, and once the person is erased."""

    text = fields.String(
        attribute="shown.text",
        required=True,
        metadata={"description": "Its plain text, without the customer's link token and collection code."},
    )
    html = fields.String(
        attribute="shown.html",
        required=True,
        metadata={"description": "Its HTML, without the customer's link token and collection code."},
    )
