"""Bulk actions as the API takes them, and the result for each shipment."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from services.shipping.api.schemas.picking import PicksArguments
from shared.events.snapshots import ShipmentStatus
from shared.web.fields import unique

MOST_SHIPMENTS = 200
MOST_ORDERS = 500  # as many as orders itself takes in a bulk


class BulkShipmentArguments(Schema):
    """The shipments, by id, or all shipments of some orders that are not cancelled."""

    shipment_ids = fields.List(
        fields.UUID(), validate=[validate.Length(1, MOST_SHIPMENTS), unique("a shipment")]
    )
    order_ids = fields.List(fields.UUID(), validate=[validate.Length(1, MOST_ORDERS), unique("an order")])

    @validates_schema(skip_on_field_errors=True)
    def require_one(self, data: dict[str, Any], **_: Any) -> None:
        """Require shipments to be named one way or the other."""
        if "shipment_ids" not in data and "order_ids" not in data:
            raise ValidationError("Missing data for required field.", "shipment_ids")
        if "shipment_ids" in data and "order_ids" in data:
            raise ValidationError("can't be combined with shipment_ids", "order_ids")


class PickedArguments(PicksArguments):
    """A shipment, and what was found of its lines; lines that are left out were found in full."""

    shipment_id = fields.UUID(required=True)


class BulkPicksArguments(Schema):
    """What was found for many shipments."""

    shipments = fields.List(
        fields.Nested(PickedArguments),
        required=True,
        validate=[validate.Length(1, MOST_SHIPMENTS), unique("a shipment", by="shipment_id")],
    )


class BulkShipmentRowSchema(Schema):
    """The result for one shipment, or for an order that has none."""

    shipment_id = fields.UUID(
        allow_none=True,
        metadata={"description": "Id of the shipment; null for an order that has none (`no_shipment`)."},
    )
    order_id = fields.UUID(
        metadata={"description": "Id of the order; left out if shipments were named and it was not done."}
    )
    done = fields.Boolean()
    number = fields.String(
        metadata={"description": "Number of the shipment. Only where it was done, or orders were named."}
    )
    status = fields.Enum(
        ShipmentStatus,
        by_value=True,
        metadata={"description": "Status of the shipment after it. Only where it was done."},
    )
    version = fields.Integer(
        metadata={"description": "Version of the shipment after it. Only where it was done."}
    )
    reason = fields.String(
        allow_none=True,
        metadata={
            "description": (
                "Code of why it was not done, as the shipment itself would refuse it, or `not_found`, "
                "`invalid`, `busy` or `no_shipment`; null if it was done."
            )
        },
    )
    detail = fields.String(allow_none=True)
    facts = fields.Dict(metadata={"description": "What the reason is about."})


class BulkShipmentSchema(Schema):
    """The result for each shipment, in the order of the request."""

    done = fields.Integer(metadata={"description": "How many were done."})
    not_done = fields.Integer()
    items = fields.List(fields.Nested(BulkShipmentRowSchema))


class BulkLabelRowSchema(BulkShipmentRowSchema):
    """The result for one shipment, and where its labels are."""

    label_document_ids = fields.List(
        fields.UUID(),
        metadata={
            "description": (
                "Ids of the labels in the documents service, one for each parcel. Only where it was done."
            )
        },
    )


class BulkLabelSchema(BulkShipmentSchema):
    """The result for each shipment, in the order of the request."""

    items = fields.List(fields.Nested(BulkLabelRowSchema))
