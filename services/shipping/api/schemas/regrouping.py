"""Changes to shipments before their release, as the API reads them."""

from collections.abc import Callable
from typing import Any

from marshmallow import Schema, fields, post_load, validate

from services.shipping.api.schemas.addresses import AddressArguments
from services.shipping.api.schemas.stock import LARGEST
from shared.web.fields import text, unique

SOME_LINES: list[Callable[[Any], Any]] = [validate.Length(1, 1000), unique("a line", by="line_id")]


class ShareSchema(Schema):
    """Sales units of a line."""

    line_id = fields.UUID(required=True)
    quantity = fields.Integer(
        required=True,
        strict=True,
        validate=validate.Range(1, LARGEST),
        metadata={"description": "How many, in sales units."},
    )


class ShareArguments(Schema):
    """Lines and how much of each; everything if none are given."""

    lines = fields.List(
        fields.Nested(ShareSchema),
        validate=SOME_LINES,
        load_default=None,
        allow_none=True,
        metadata={"description": "Lines, and how much of each; null or left out for everything."},
    )

    @post_load
    def as_share(self, arguments: dict[str, object], **_named: object) -> dict[str, object]:
        """The lines in the form that commands take."""
        lines = arguments.pop("lines")
        share = {line["line_id"]: line["quantity"] for line in lines} if isinstance(lines, list) else None
        return {**arguments, "share": share}


class SplitArguments(ShareArguments):
    """What to split off."""

    lines = fields.List(
        fields.Nested(ShareSchema),
        required=True,
        validate=SOME_LINES,
        metadata={"description": "Lines, and how much of each."},
    )


class RelocateArguments(ShareArguments):
    """The location to move a shipment, or some of its lines, to."""

    location = text(
        40, shortest=1, required=True, metadata={"description": "Code of the location to move it to."}
    )


class MergeArguments(ShareArguments):
    """The shipment to merge into this one, or some of its lines."""

    shipment_id = fields.UUID(
        required=True,
        data_key="shipment_id",
        attribute="other_id",
        metadata={"description": "Id of the shipment to take the lines from."},
    )


class EditArguments(Schema):
    """The new address or method of a shipment; what is left out stays."""

    method = text(100, shortest=1, metadata={"description": "Code of the new delivery method."})
    pickup_point = text(
        40,
        shortest=1,
        metadata={"description": "Code of the location where the customer collects it from now on."},
    )
    address = fields.Nested(AddressArguments, metadata={"description": "The new address."})
