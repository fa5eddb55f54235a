"""Actions on many shipments as the API takes them, and what became of each."""

from marshmallow import Schema, fields, validate

from services.shipping.api.schemas.once import shipments_once
from shared.events.snapshots import ShipmentStatus

MOST_SHIPMENTS = 200


class BulkShipmentArguments(Schema):
    """The shipments."""

    shipment_ids = fields.List(
        fields.UUID(), required=True, validate=[validate.Length(1, MOST_SHIPMENTS), shipments_once]
    )


class BulkShipmentRowSchema(Schema):
    """What became of one shipment."""

    shipment_id = fields.UUID()
    done = fields.Boolean()
    number = fields.String()
    status = fields.Enum(ShipmentStatus, by_value=True)
    version = fields.Integer()
    reason = fields.String(
        allow_none=True, metadata={"description": "Why not, as the shipment itself refuses."}
    )
    detail = fields.String(allow_none=True)
    facts = fields.Dict(metadata={"description": "What else the refusal says."})


class BulkShipmentSchema(Schema):
    """What became of each shipment, in the order they were named."""

    done = fields.Integer()
    not_done = fields.Integer()
    items = fields.List(fields.Nested(BulkShipmentRowSchema))
