"""How papers are shown to their customer."""

from marshmallow import Schema, fields

from shared.events.snapshots import PaperKind


class CustomerPaperSchema(Schema):
    """A paper for the customer."""

    document_id = fields.UUID(attribute="id", required=True)
    kind = fields.Enum(PaperKind, by_value=True, required=True)
    number = fields.String(required=True, allow_none=True)
    issued_on = fields.Date(required=True, allow_none=True)
    currency = fields.String(required=True)
    total_minor = fields.Integer(required=True)
    filename = fields.String(required=True, metadata={"description": "of what was sent in; else empty"})
    content_type = fields.String(required=True)
    size_bytes = fields.Integer(required=True)
    stored_at = fields.AwareDateTime(required=True)


class CustomerPapersSchema(Schema):
    """All of them, oldest first."""

    items = fields.List(fields.Nested(CustomerPaperSchema), required=True)
