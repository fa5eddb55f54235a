"""Schemas for documents."""

from typing import Any

from marshmallow import Schema, fields, missing, post_load, validate

from services.documents.domain.papers import KINDS_ON_DEMAND
from shared.events.snapshots import Address, PaperKind, PaperStatus
from shared.web.fields import text


class EinvoiceSchema(Schema):
    """Whether the PDF contains EN 16931 XML (Factur-X); it does if it passes the schema and all rules."""

    profile = fields.String(
        required=True, metadata={"description": "Profile that the XML follows: EN 16931."}
    )
    valid = fields.Boolean(
        required=True,
        metadata={"description": "Whether the XML passed the schema and all rules, and is in the PDF."},
    )
    faults = fields.List(
        fields.String(),
        required=True,
        metadata={
            "description": (
                "The rules that it breaks, such as BR-CO-17, at most 20 of them; empty if it is valid."
            )
        },
    )


class SentSchema(Schema):
    """An e-mail that a document was attached to; it can be read and resent in notifications."""

    email_id = fields.UUID(required=True)
    step = fields.String(
        required=True, metadata={"description": "What the e-mail is about, such as `invoice`."}
    )
    recipient = fields.String(required=True, metadata={"description": "customer or seller."})
    status = fields.String(
        required=True,
        metadata={"description": "Where the e-mail stands: queued, sent, failed, or merged into another."},
    )
    at = fields.AwareDateTime(required=True, metadata={"description": "When it got there, in UTC."})
    error = fields.String(
        required=True,
        metadata={"description": "Why it could not be sent; empty if it was, or is still to be."},
    )


class PaperSchema(Schema):
    """A document of an order; its content never changes once stored."""

    document_id = fields.UUID(attribute="id", required=True)
    order_id = fields.UUID(required=True)
    order_number = fields.String(required=True)
    kind = fields.String(required=True, validate=validate.OneOf([*PaperKind]))
    part = fields.String(
        required=True,
        metadata={
            "description": (
                "What of the order it is about: `order` for all of it, `fees`, the code of a delivery "
                "method, or the id of a delivery group, shipment or return."
            )
        },
    )
    cause = fields.String(
        required=True,
        metadata={
            "description": (
                "What called for it: acceptance, payment, shipment, packing, return, hand (somebody asked),"
                " cancellation, cancelled_lines:<n>, fees, refund:<id>, correction or upload."
            )
        },
    )
    seller = fields.String(required=True)
    market = fields.String(required=True)
    status = fields.String(required=True, validate=validate.OneOf([*PaperStatus]))
    number = fields.String(
        required=True,
        allow_none=True,
        metadata={
            "description": (
                "Number of the document, gapless within its series; null for kinds without one, or before "
                "its turn."
            )
        },
    )
    issued_on = fields.Date(
        required=True,
        allow_none=True,
        metadata={
            "description": "Date on the document, in the market's time zone; null before it has its number."
        },
    )
    currency = fields.String(required=True)
    total_minor = fields.Integer(
        required=True,
        metadata={
            "description": "Total of the document in minor units of `currency`; 0 for one without prices."
        },
    )
    refers_to = fields.UUID(
        required=True,
        allow_none=True,
        metadata={
            "description": (
                "Of a credit note, id of its invoice; of a corrected invoice, of the one that it replaces; "
                "else null."
            )
        },
    )
    requested_by = fields.String(required=True)
    einvoice = fields.Nested(
        EinvoiceSchema,
        required=True,
        allow_none=True,
        metadata={
            "description": (
                "Result of checking its XML against EN 16931; null for documents without figures, and for "
                "amounts with more than two decimals, which e-invoices can't have."
            )
        },
    )
    unprintable = fields.String(
        required=True,
        metadata={
            "description": "Characters that no typeface has, each once; U+FFFD (�) is printed in their place."
        },
    )
    failure = fields.String(
        required=True,
        metadata={"description": "Why it could not be made; empty if it was, or is still to be."},
    )
    filename = fields.String(
        required=True, metadata={"description": "Name of an uploaded file; empty for what Waybill made."}
    )
    content_type = fields.String(required=True)
    sha256 = fields.String(required=True, allow_none=True)
    size_bytes = fields.Integer(
        required=True,
        allow_none=True,
        metadata={"description": "Size of the file in bytes; null until it is stored."},
    )
    due_at = fields.AwareDateTime(
        required=True, metadata={"description": "When it became due and its content was fixed, in UTC."}
    )
    stored_at = fields.AwareDateTime(required=True, allow_none=True)
    sent = fields.List(
        fields.Nested(SentSchema),
        required=True,
        metadata={"description": "The e-mails that it went out with, as far as notifications has told."},
    )


class PapersSchema(Schema):
    """All documents of an order."""

    items = fields.List(fields.Nested(PaperSchema), required=True)


class PaperRequestSchema(Schema):
    """A request for a document of an order as it is now."""

    kind = fields.String(
        required=True,
        validate=validate.OneOf(sorted(KINDS_ON_DEMAND)),
        metadata={"description": "Which document."},
    )


class BillingSchema(Schema):
    """The billing address of an invoice."""

    name = text(200, shortest=1, required=True)
    company = text(200)
    line1 = text(200, shortest=1, required=True)
    line2 = text(200)
    city = text(200, shortest=1, required=True)
    region = text(200)
    postcode = text(20, shortest=1, required=True, metadata={"description": "As the country writes it."})
    country = fields.String(
        required=True,
        validate=validate.Regexp(r"^[A-Z]{2}\Z"),
        metadata={"description": "ISO 3166-1 alpha-2 code, such as GB."},
    )

    @post_load
    def address(self, data: dict[str, Any], **_: Any) -> Address:
        """The address in the form used by documents."""
        return Address(**data)


class CorrectionSchema(Schema):
    """Why an invoice is corrected, and the corrected billing details."""

    reason = text(
        500,
        shortest=1,
        prose=True,
        required=True,
        metadata={"description": "Why; it stands on the credit note and on the corrected invoice."},
    )
    billing = fields.Nested(
        BillingSchema, metadata={"description": "The right billing address; as on the order, if left out."}
    )
    vat_number = text(
        50,
        load_default=missing,
        metadata={
            "description": (
                "The right VAT identification number of the customer; as on the order, if left out."
            )
        },
    )


class RemovalSchema(Schema):
    """Why an upload is removed."""

    reason = text(
        200,
        shortest=1,
        prose=True,
        required=True,
        metadata={"description": "Why; it is kept with what is left of the upload."},
    )
