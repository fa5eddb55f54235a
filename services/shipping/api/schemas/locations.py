"""Locations as the API writes and reads them."""

from marshmallow import Schema, fields, validate


class LocationArguments(Schema):
    """A location to be made or changed."""

    name = fields.String(required=True, validate=validate.Length(1, 200))
    seller = fields.String(
        load_default="*",
        validate=validate.Length(1, 100),
        metadata={"description": "Whose orders it serves; * for everyone's. It can't be changed later."},
    )
    country = fields.String(
        required=True,
        validate=validate.Regexp(r"^[A-Z]{2}$"),
        metadata={"description": "ISO 3166-1 alpha-2."},
    )
    priority = fields.Integer(
        load_default=100,
        validate=validate.Range(0, 1_000_000),
        metadata={"description": "The location with the lowest is asked for stock first."},
    )


class LocationSchema(LocationArguments):
    """Where stock is kept and shipments start."""

    code = fields.String()
    version = fields.Integer()
    changed_at = fields.AwareDateTime()
