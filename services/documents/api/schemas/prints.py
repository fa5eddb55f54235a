"""How prints are asked for and shown over HTTP."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from services.documents.domain.papers import PrintKind
from shared.events.snapshots import PaperStatus

MOST = 100


class PrintedShipmentSchema(Schema):
    """A shipment to be on a list."""

    order_id = fields.UUID(required=True)
    shipment_id = fields.UUID(required=True)


class PrintArguments(Schema):
    """What to print: `document_ids` for documents, `shipments` for lists."""

    kind = fields.String(required=True, validate=validate.OneOf([*PrintKind]))
    document_ids = fields.List(fields.UUID(), validate=validate.Length(1, MOST))
    shipments = fields.List(fields.Nested(PrintedShipmentSchema), validate=validate.Length(1, MOST))

    @validates_schema(skip_on_field_errors=True)
    def require_one(self, data: dict[str, Any], **_: Any) -> None:
        """Each kind is made of its own things."""
        needed, other = "document_ids", "shipments"
        if data["kind"] != PrintKind.DOCUMENTS:
            needed, other = other, needed
        if needed not in data:
            raise ValidationError("Missing data for required field.", needed)
        if other in data:
            raise ValidationError(f"does not go with {data['kind']}", other)


class PrintSchema(Schema):
    """One file of many papers, kept a day."""

    print_id = fields.UUID(attribute="id", required=True)
    kind = fields.String(required=True, validate=validate.OneOf([*PrintKind]))
    status = fields.String(required=True, validate=validate.OneOf([*PaperStatus]))
    unprintable = fields.String(
        required=True,
        metadata={"description": "characters that no typeface has; U+FFFD stands for each"},
    )
    failure = fields.String(required=True)
    requested_by = fields.String(required=True)
    requested_at = fields.AwareDateTime(required=True)
    sha256 = fields.String(required=True, allow_none=True)
    size_bytes = fields.Integer(required=True, allow_none=True)
