"""Locations as the API writes and reads them."""

from flask import g
from marshmallow import Schema, fields, validate

from services.shipping.api.schemas.addresses import COUNTRY, AddressArguments
from services.shipping.domain.locations import LocationKind
from shared.events.snapshots import MethodKind
from shared.web.fields import text


class LocationArguments(Schema):
    """A location to create or replace."""

    name = text(200, shortest=1, required=True)
    seller = text(
        100,
        shortest=1,
        load_default="*",
        metadata={
            "description": (
                "Code of the seller whose orders it serves; `*` for everyone's. It can't be changed later."
            )
        },
    )
    country = fields.String(
        required=True, validate=COUNTRY, metadata={"description": "ISO 3166-1 alpha-2 code of where it is."}
    )
    kind = fields.Enum(
        LocationKind,
        by_value=True,
        load_default=LocationKind.WAREHOUSE,
        metadata={"description": "What it is."},
    )
    active = fields.Boolean(load_default=True, metadata={"description": "Whether it is asked for stock."})
    markets = fields.List(
        text(100, shortest=1),
        load_default=list,
        validate=validate.Length(max=100),
        metadata={"description": "Codes of the markets whose orders it serves; empty for all."},
    )
    method_kinds = fields.List(
        fields.String(validate=validate.OneOf([str(kind) for kind in MethodKind])),
        load_default=list,
        validate=validate.Length(max=5),
        metadata={
            "description": (
                "How orders that it serves may go; empty for all ways. A store that sends nothing leaves "
                "out delivery. One of delivery, pickup, hand_over, download, service."
            )
        },
    )
    handling_days = fields.Integer(
        strict=True,
        load_default=2,
        validate=validate.Range(0, 365),
        metadata={"description": "Days that it takes from an order to the goods leaving."},
    )
    pickup_reminder_days = fields.Integer(
        strict=True,
        load_default=3,
        validate=validate.Range(1, 365),
        metadata={"description": "Days that goods wait to be collected before the customer is reminded."},
    )
    pickup_days = fields.Integer(
        strict=True,
        load_default=7,
        validate=validate.Range(1, 365),
        metadata={"description": "Days that goods wait to be collected before they are released."},
    )
    address = fields.Nested(
        AddressArguments,
        load_default=None,
        allow_none=True,
        metadata={"description": "Where customers collect; null if they can't."},
    )
    priority = fields.Integer(
        strict=True,
        load_default=100,
        validate=validate.Range(0, 1_000_000),
        metadata={
            "description": "Of locations that can serve an order, the one with the lowest is asked first."
        },
    )


class LocationSchema(LocationArguments):
    """Where stock is kept and shipments start."""

    code = fields.String(metadata={"description": "Code of the location."})
    version = fields.Integer()
    may_change = fields.Function(
        lambda location: g.actor.may_see_seller(location.seller),
        metadata={
            "type": "boolean",
            "description": (
                "Whether the token's sellers let you change it and its stock, given the scope. A location "
                "for everyone is changed by those who are bound to no seller."
            ),
        },
    )
    changed_at = fields.AwareDateTime()
