"""Schemas for prints."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from services.documents.domain.papers import PrintKind
from shared.events.snapshots import PaperKind, PaperStatus
from shared.web.fields import unique

MOST = 100
MOST_PAPERS = 500


class PrintedShipmentSchema(Schema):
    """A shipment to include in a list."""

    order_id = fields.UUID(required=True)
    shipment_id = fields.UUID(required=True)


class PrintArguments(Schema):
    """What to print.

    For documents `document_ids`, or `order_ids` or `shipments` and the `paper` that each of these is to have
    on it; for lists `shipments`.
    """

    kind = fields.String(required=True, validate=validate.OneOf([*PrintKind]))
    document_ids = fields.List(fields.UUID(), validate=validate.Length(1, MOST_PAPERS))
    order_ids = fields.List(fields.UUID(), validate=[validate.Length(1, MOST_PAPERS), unique("an order")])
    paper = fields.Enum(PaperKind, by_value=True)
    shipments = fields.List(fields.Nested(PrintedShipmentSchema), validate=validate.Length(1, MOST))

    @validates_schema(skip_on_field_errors=True)
    def require_one(self, data: dict[str, Any], **_: Any) -> None:
        """Require the fields that the print's kind needs, and no others."""
        if data["kind"] != PrintKind.DOCUMENTS:
            needed = ["shipments"]
        else:
            of_each = next((name for name in ("order_ids", "shipments") if name in data), None)
            needed = [of_each, "paper"] if of_each else ["document_ids"]
        for name in needed:
            if name not in data:
                raise ValidationError("Missing data for required field.", name)
        for name in ("document_ids", "order_ids", "paper", "shipments"):
            if name in data and name not in needed:
                raise ValidationError(f"does not go with {needed[0]}", name)


class PrintSchema(Schema):
    """One file of several documents, kept for a day."""

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


class PrintedOrderSchema(Schema):
    """Whether an order has documents in a print."""

    order_id = fields.UUID(required=True)
    number = fields.String(metadata={"description": "The order's, where it is known."})
    done = fields.Boolean(required=True)
    reason = fields.String(
        required=True, allow_none=True, metadata={"description": "Why not: no_such_paper."}
    )


class PrintedSlipsSchema(Schema):
    """Whether a shipment has documents in a print."""

    order_id = fields.UUID(required=True)
    shipment_id = fields.UUID(required=True)
    done = fields.Boolean(required=True)
    reason = fields.String(
        required=True, allow_none=True, metadata={"description": "Why not: no_such_paper."}
    )


class AskedPrintSchema(PrintSchema):
    """A print, and which of the requested orders or shipments are in it."""

    orders = fields.List(
        fields.Nested(PrintedOrderSchema),
        required=True,
        metadata={"description": "Each order that was named, in that order; empty where none was."},
    )
    shipments = fields.List(
        fields.Nested(PrintedSlipsSchema),
        required=True,
        metadata={"description": "Each shipment whose `paper` was asked for; empty where none was."},
    )
