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
        metadata={"description": "Whose orders it serves; * for everyone's. It can't be changed later."},
    )
    country = fields.String(required=True, validate=COUNTRY, metadata={"description": "ISO 3166-1 alpha-2."})
    kind = fields.Enum(LocationKind, by_value=True, load_default=LocationKind.WAREHOUSE)
    active = fields.Boolean(
        load_default=True, metadata={"description": "Whether it is asked for stock at all."}
    )
    markets = fields.List(
        text(100, shortest=1),
        load_default=list,
        validate=validate.Length(max=100),
        metadata={"description": "Whose orders it serves; none named: every market's."},
    )
    method_kinds = fields.List(
        fields.String(validate=validate.OneOf([str(kind) for kind in MethodKind])),
        load_default=list,
        validate=validate.Length(max=5),
        metadata={
            "description": "What it serves: a store that ships has delivery, one that does not has not. "
            "None named: all of them."
        },
    )
    handling_days = fields.Integer(
        strict=True,
        load_default=2,
        validate=validate.Range(0, 365),
        metadata={"description": "Days from an order to its leaving."},
    )
    pickup_reminder_days = fields.Integer(
        strict=True,
        load_default=3,
        validate=validate.Range(1, 365),
        metadata={"description": "Days that goods wait to be collected before their customer is reminded."},
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
        metadata={"description": "Where customers come to fetch what they ordered."},
    )
    priority = fields.Integer(
        strict=True,
        load_default=100,
        validate=validate.Range(0, 1_000_000),
        metadata={"description": "The location with the lowest is asked for stock first."},
    )


class LocationSchema(LocationArguments):
    """Where stock is kept and shipments start."""

    code = fields.String()
    version = fields.Integer()
    may_change = fields.Function(
        lambda location: g.actor.may_see_seller(location.seller),
        metadata={
            "type": "boolean",
            "description": "Whether you may change it and its stock, if your scopes let you: everyone's is "
            "changed by who is bound to no seller.",
        },
    )
    changed_at = fields.AwareDateTime()
