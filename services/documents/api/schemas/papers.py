"""Schemas for documents."""

from typing import Any

from marshmallow import Schema, fields, missing, post_load, validate

from services.documents.domain.papers import KINDS_ON_DEMAND
from shared.events.snapshots import Address, PaperKind, PaperStatus
from shared.web.fields import text


class EinvoiceSchema(Schema):
    """Whether the PDF contains EN 16931 XML (Factur-X); it does if it passes the schema and all rules."""

    profile = fields.String(required=True)
    valid = fields.Boolean(required=True)
    faults = fields.List(fields.String(), required=True, metadata={"description": "the rules that are not"})


class SentSchema(Schema):
    """An e-mail that a document was attached to; it can be read and resent in notifications."""

    email_id = fields.UUID(required=True)
    step = fields.String(required=True)
    recipient = fields.String(required=True, metadata={"description": "customer or seller"})
    status = fields.String(required=True)
    at = fields.AwareDateTime(required=True)
    error = fields.String(required=True)


class PaperSchema(Schema):
    """A document of an order; its content never changes once stored."""

    document_id = fields.UUID(attribute="id", required=True)
    order_id = fields.UUID(required=True)
    order_number = fields.String(required=True)
    kind = fields.String(required=True, validate=validate.OneOf([*PaperKind]))
    part = fields.String(
        required=True,
        metadata={
            "description": '"order", a delivery method, "fees", or the id of a group, shipment or return'
        },
    )
    cause = fields.String(
        required=True,
        metadata={
            "description": "what called for it: acceptance, payment, shipment, packing, return, hand,"
            " cancellation, cancelled_lines:<n>, fees, refund:<id>, correction, upload"
        },
    )
    seller = fields.String(required=True)
    market = fields.String(required=True)
    status = fields.String(required=True, validate=validate.OneOf([*PaperStatus]))
    number = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "gapless within its series; null for kinds without one, or before its turn"},
    )
    issued_on = fields.Date(
        required=True, allow_none=True, metadata={"description": "in the market's time zone"}
    )
    currency = fields.String(required=True)
    total_minor = fields.Integer(
        required=True, metadata={"description": "in minor units; 0 for papers without prices"}
    )
    refers_to = fields.UUID(
        required=True,
        allow_none=True,
        metadata={"description": "a credit note's invoice; the one that a corrected invoice replaces"},
    )
    requested_by = fields.String(required=True)
    einvoice = fields.Nested(
        EinvoiceSchema,
        required=True,
        allow_none=True,
        metadata={
            "description": (
                "what the checks of its XML said; null for papers without figures, and for amounts of more"
                " than two decimals, which e-invoices can't have"
            )
        },
    )
    unprintable = fields.String(
        required=True,
        metadata={"description": "characters that no typeface has; U+FFFD stands for each"},
    )
    failure = fields.String(
        required=True, metadata={"description": "why it could not be made, where it could not"}
    )
    filename = fields.String(required=True, metadata={"description": "of what was sent in; else empty"})
    content_type = fields.String(required=True)
    sha256 = fields.String(required=True, allow_none=True)
    size_bytes = fields.Integer(required=True, allow_none=True)
    due_at = fields.AwareDateTime(required=True)
    stored_at = fields.AwareDateTime(required=True, allow_none=True)
    sent = fields.List(
        fields.Nested(SentSchema),
        required=True,
        metadata={"description": "the e-mails it went out with; as far as is heard"},
    )


class PapersSchema(Schema):
    """All documents of an order."""

    items = fields.List(fields.Nested(PaperSchema), required=True)


class PaperRequestSchema(Schema):
    """A request for a document of an order as it is now."""

    kind = fields.String(required=True, validate=validate.OneOf(sorted(KINDS_ON_DEMAND)))


class BillingSchema(Schema):
    """The billing address of an invoice."""

    name = text(200, shortest=1, required=True)
    company = text(200)
    line1 = text(200, shortest=1, required=True)
    line2 = text(200)
    city = text(200, shortest=1, required=True)
    region = text(200)
    postcode = text(20, shortest=1, required=True)
    country = fields.String(required=True, validate=validate.Regexp(r"^[A-Z]{2}\Z"))

    @post_load
    def address(self, data: dict[str, Any], **_: Any) -> Address:
        """The address in the form used by documents."""
        return Address(**data)


class CorrectionSchema(Schema):
    """Why an invoice is corrected, and the corrected billing details."""

    reason = text(500, shortest=1, prose=True, required=True)
    billing = fields.Nested(BillingSchema)
    vat_number = text(50, load_default=missing)


class RemovalSchema(Schema):
    """Why an upload is removed."""

    reason = text(200, shortest=1, prose=True, required=True)
