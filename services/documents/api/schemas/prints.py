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

    order_id = fields.UUID(
        required=True, metadata={"description": "Id of the order that the shipment is of."}
    )
    shipment_id = fields.UUID(required=True)


class PrintArguments(Schema):
    """What to print.

    For documents `document_ids`, or `order_ids` or `shipments` and the `paper` that each of these is to have
    on it; for lists `shipments`.
    """

    kind = fields.String(
        required=True, validate=validate.OneOf([*PrintKind]), metadata={"description": "What to make."}
    )
    document_ids = fields.List(
        fields.UUID(),
        validate=validate.Length(1, MOST_PAPERS),
        metadata={"description": "Ids of the documents, in the order in which they are printed."},
    )
    order_ids = fields.List(
        fields.UUID(),
        validate=[validate.Length(1, MOST_PAPERS), unique("an order")],
        metadata={"description": "Ids of orders, each once, in place of `document_ids`."},
    )
    paper = fields.Enum(
        PaperKind,
        by_value=True,
        metadata={
            "description": "The kind of document that each of these orders or shipments is to have in it."
        },
    )
    shipments = fields.List(
        fields.Nested(PrintedShipmentSchema),
        validate=validate.Length(1, MOST),
        metadata={"description": "Shipments for a list, or in place of `document_ids`."},
    )

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
    kind = fields.String(
        required=True, validate=validate.OneOf([*PrintKind]), metadata={"description": "What it is."}
    )
    status = fields.String(
        required=True,
        validate=validate.OneOf([*PaperStatus]),
        metadata={"description": "Where the print stands; only due, stored and failed occur."},
    )
    unprintable = fields.String(
        required=True,
        metadata={
            "description": "Characters that no typeface has, each once; U+FFFD (�) is printed in their place."
        },
    )
    failure = fields.String(required=True)
    requested_by = fields.String(required=True)
    requested_at = fields.AwareDateTime(required=True)
    sha256 = fields.String(required=True, allow_none=True)
    size_bytes = fields.Integer(
        required=True,
        allow_none=True,
        metadata={"description": "Size of the file in bytes; null until it is stored."},
    )


class PrintedOrderSchema(Schema):
    """Whether an order has documents in a print."""

    order_id = fields.UUID(required=True)
    number = fields.String(metadata={"description": "Number of the order; left out if it is not known."})
    done = fields.Boolean(required=True, metadata={"description": "Whether it has documents in the print."})
    reason = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "Code of why not: `no_such_paper`; null if it has."},
    )


class PrintedSlipsSchema(Schema):
    """Whether a shipment has documents in a print."""

    order_id = fields.UUID(required=True)
    shipment_id = fields.UUID(required=True)
    done = fields.Boolean(required=True, metadata={"description": "Whether it has documents in the print."})
    reason = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "Code of why not: `no_such_paper`; null if it has."},
    )


class AskedPrintSchema(PrintSchema):
    """A print, and which of the requested orders or shipments are in it."""

    orders = fields.List(
        fields.Nested(PrintedOrderSchema),
        required=True,
        metadata={
            "description": "The orders that were named, in the order of the request; empty if none was."
        },
    )
    shipments = fields.List(
        fields.Nested(PrintedSlipsSchema),
        required=True,
        metadata={"description": "The shipments whose `paper` was asked for; empty if none was."},
    )
