"""Addresses as the API writes and reads them."""

from marshmallow import Schema, fields, validate

from shared.web.fields import text

COUNTRY = validate.Regexp(r"^[A-Z]{2}\Z")


class AddressArguments(Schema):
    """An address to deliver to or collect from."""

    name = text(200, shortest=1, required=True)
    company = text(200)
    line1 = text(200, shortest=1, required=True)
    line2 = text(200)
    postcode = text(40, shortest=1, required=True, metadata={"description": "As the country writes it."})
    city = text(200, shortest=1, required=True)
    region = text(200)
    country = fields.String(
        required=True, validate=COUNTRY, metadata={"description": "ISO 3166-1 alpha-2 code, such as GB."}
    )
    phone = text(60)


class AddressSchema(Schema):
    """Where a shipment goes."""

    name = fields.String()
    company = fields.String()
    line1 = fields.String()
    line2 = fields.String()
    postcode = fields.String(metadata={"description": "Empty where the country has none."})
    city = fields.String()
    region = fields.String()
    country = fields.String(metadata={"description": "ISO 3166-1 alpha-2 code, such as GB."})
    phone = fields.String()


class DispatchSchema(Schema):
    """Where a customer gets a shipment, depending on its method."""

    to = fields.String(metadata={"description": "pickup_point or address."})
    address = fields.Nested(
        AddressSchema,
        allow_none=True,
        metadata={
            "description": "The address; null if the pickup point has none, and once the person is erased."
        },
    )
