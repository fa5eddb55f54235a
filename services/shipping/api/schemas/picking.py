"""Picking and packing as the API writes and reads them."""

from typing import Any

from marshmallow import Schema, fields, post_load, validate

from services.shipping.api.schemas.shipments import ContentSchema
from services.shipping.api.schemas.stock import LARGEST
from services.shipping.commands.picking import MOST_SHIPMENTS
from services.shipping.domain.readiness import Readiness
from shared.events.snapshots import ShipmentStatus
from shared.web.fields import text, unique
from shared.web.paging import PageArguments


class PickListArguments(Schema):
    """What to pick: these shipments of a location, or the oldest ones released there."""

    location = text(40, shortest=1, required=True)
    shipment_ids = fields.List(
        fields.UUID(),
        load_default=list,
        validate=[validate.Length(max=MOST_SHIPMENTS), unique("a shipment")],
        metadata={"description": "Ids of shipments released there; the oldest ones if left out or empty."},
    )


class PickListPageArguments(PageArguments):
    """The filters of the list of pick lists."""

    location = text(40, shortest=1, metadata={"description": "Only lists of this location, by code."})
    shipment_id = fields.UUID(metadata={"description": "Only lists that something of this shipment is on."})
    open = fields.Boolean(
        metadata={
            "description": (
                "Whether anything on it is still to be looked for: true for only such lists, false for only"
                " others."
            )
        }
    )


class PickListLineSchema(Schema):
    """Units to take from a shelf for a shipment."""

    bin = fields.String(
        metadata={"description": "The shelf when the list was made; the list is sorted by it."}
    )
    sku = fields.String()
    name = fields.String()
    units = fields.Integer(metadata={"description": "How many to take, in stock-keeping units."})
    found = fields.Integer(
        allow_none=True,
        metadata={
            "description": (
                "How many were found, in stock-keeping units; null until somebody looked, or if nobody "
                "needs them any more."
            )
        },
    )
    line_id = fields.UUID()
    shipment_id = fields.UUID()
    shipment = fields.String(attribute="shipment.number", metadata={"description": "Number of the shipment."})
    order_id = fields.UUID(attribute="shipment.order_id")
    order = fields.String(attribute="shipment.order.number", metadata={"description": "Number of the order."})
    specifications = fields.Dict(
        keys=fields.String(),
        values=fields.String(),
        metadata={"description": "What a picker looks at, by name: colour, size, how to handle it."},
    )


class PickedShipmentSchema(Schema):
    """The state of a shipment on a pick list."""

    shipment_id = fields.UUID(attribute="id")
    number = fields.String()
    status = fields.Enum(ShipmentStatus, by_value=True)
    readiness = fields.Enum(Readiness, by_value=True, allow_none=True)


class PickListHeadSchema(Schema):
    """A pick list, without its lines."""

    pick_list_id = fields.UUID(attribute="id")
    number = fields.String(
        metadata={"description": "Number of the pick list: the location's code and a running number."}
    )
    location = fields.String()
    created_by = fields.String()
    created_at = fields.AwareDateTime()


class PickListSchema(PickListHeadSchema):
    """One walk through a location for many shipments."""

    lines = fields.List(
        fields.Nested(PickListLineSchema), metadata={"description": "What to take, by shelf."}
    )
    shipments = fields.List(fields.Nested(PickedShipmentSchema))


class FoundSchema(Schema):
    """What was found of a line."""

    line_id = fields.UUID(required=True)
    units = fields.Integer(
        required=True,
        strict=True,
        validate=validate.Range(0, LARGEST),
        metadata={"description": "How many were found, in stock-keeping units."},
    )


class PicksArguments(Schema):
    """What was found of a shipment's lines; lines that are left out were found in full."""

    found = fields.List(
        fields.Nested(FoundSchema),
        load_default=list,
        validate=[validate.Length(max=1000), unique("a line", by="line_id")],
        metadata={
            "description": "Lines of which not all was found; lines that are not named were found in full."
        },
    )

    @post_load
    def by_line(self, arguments: dict[str, Any], **_named: object) -> dict[str, Any]:
        """The units by line, in the form that commands take."""
        return arguments | {"found": {line["line_id"]: line["units"] for line in arguments["found"]}}


class PackedArguments(Schema):
    """The code that a scanner read off a packed item."""

    code = text(
        100,
        shortest=1,
        required=True,
        metadata={"description": "What the scanner read: the SKU, or its barcode."},
    )
    units = fields.Integer(
        load_default=1,
        strict=True,
        validate=validate.Range(1, LARGEST),
        metadata={"description": "How many, in stock-keeping units."},
    )


class BoxSchema(Schema):
    """A packed parcel."""

    parcel_id = fields.UUID(
        load_default=None,
        metadata={"description": "Id of a parcel that there is already; null for a new one."},
    )
    weight_grams = fields.Integer(strict=True, load_default=0, validate=validate.Range(0, LARGEST))
    length_mm = fields.Integer(strict=True, load_default=0, validate=validate.Range(0, LARGEST))
    width_mm = fields.Integer(strict=True, load_default=0, validate=validate.Range(0, LARGEST))
    height_mm = fields.Integer(strict=True, load_default=0, validate=validate.Range(0, LARGEST))
    contents = fields.List(
        fields.Nested(ContentSchema),
        required=True,
        validate=[validate.Length(1, 1000), unique("a line", by="line_id")],
    )


class ParcelsArguments(Schema):
    """All parcels of a shipment; every unit is in exactly one of them."""

    parcels = fields.List(
        fields.Nested(BoxSchema),
        required=True,
        validate=validate.Length(1, 100),
        metadata={"description": "All parcels as they are to be."},
    )
