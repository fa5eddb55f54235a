"""The customer's view of documents."""

from marshmallow import Schema, fields

from shared.events.snapshots import PaperKind


class CustomerPaperSchema(Schema):
    """A document as the customer sees it."""

    document_id = fields.UUID(attribute="id", required=True)
    kind = fields.Enum(PaperKind, by_value=True, required=True)
    number = fields.String(required=True, allow_none=True)
    issued_on = fields.Date(required=True, allow_none=True)
    currency = fields.String(required=True)
    total_minor = fields.Integer(required=True)
    filename = fields.String(
        required=True, metadata={"description": "Name of an uploaded file; empty for what Waybill made."}
    )
    content_type = fields.String(required=True)
    size_bytes = fields.Integer(required=True)
    stored_at = fields.AwareDateTime(
        required=True, metadata={"description": "When its file was stored, in UTC."}
    )


class CustomerPapersSchema(Schema):
    """All documents for the customer, oldest first."""

    items = fields.List(fields.Nested(CustomerPaperSchema), required=True)
