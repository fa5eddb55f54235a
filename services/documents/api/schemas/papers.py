"""How papers are shown over HTTP."""

from marshmallow import Schema, fields, validate

from services.documents.domain.papers import PaperKind, PaperStatus


class PaperSchema(Schema):
    """A paper about an order; its bytes never change once stored."""

    document_id = fields.UUID(attribute="id", required=True)
    order_id = fields.UUID(required=True)
    order_number = fields.String(required=True)
    kind = fields.String(required=True, validate=validate.OneOf([*PaperKind]))
    part = fields.String(
        required=True,
        metadata={"description": '"order", or the id of the delivery group or shipment it is about'},
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
        required=True, allow_none=True, metadata={"description": "the invoice that a credit note takes back"}
    )
    requested_by = fields.String(required=True)
    failure = fields.String(
        required=True, metadata={"description": "why it could not be made, where it could not"}
    )
    content_type = fields.String(required=True)
    sha256 = fields.String(required=True, allow_none=True)
    size_bytes = fields.Integer(required=True, allow_none=True)
    due_at = fields.AwareDateTime(required=True)
    stored_at = fields.AwareDateTime(required=True, allow_none=True)


class PapersSchema(Schema):
    """All papers of an order."""

    items = fields.List(fields.Nested(PaperSchema), required=True)
