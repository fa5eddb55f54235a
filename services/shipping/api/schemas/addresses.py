"""Addresses as the API writes and reads them."""

from marshmallow import Schema, fields, validate


def _text(longest: int, *, required: bool = False) -> fields.String:
    if required:
        return fields.String(required=True, validate=validate.Length(1, longest))
    return fields.String(load_default="", validate=validate.Length(max=longest))


COUNTRY = validate.Regexp(r"^[A-Z]{2}\Z")


class AddressArguments(Schema):
    """Where something is brought, or fetched."""

    name = _text(200, required=True)
    company = _text(200)
    line1 = _text(200, required=True)
    line2 = _text(200)
    postcode = _text(40, required=True)
    city = _text(200, required=True)
    region = _text(200)
    country = fields.String(required=True, validate=COUNTRY, metadata={"description": "ISO 3166-1 alpha-2."})
    phone = _text(60)


class AddressSchema(Schema):
    """Where a shipment goes."""

    name = fields.String()
    company = fields.String()
    line1 = fields.String()
    line2 = fields.String()
    postcode = fields.String()
    city = fields.String()
    region = fields.String()
    country = fields.String(metadata={"description": "ISO 3166-1 alpha-2."})
    phone = fields.String()


class DispatchSchema(Schema):
    """Where a customer gets a shipment, as its method has it."""

    to = fields.String(metadata={"description": "pickup_point or address."})
    address = fields.Nested(AddressSchema, allow_none=True)
