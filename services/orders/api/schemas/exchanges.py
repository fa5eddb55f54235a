"""Exchanges as the API reads them."""

from marshmallow import Schema, fields, validate

from services.orders.api.schemas.orders import WantedDeliveryGroupSchema, WantedLineSchema
from services.orders.api.schemas.values import method_of_payment


class ExchangeArguments(Schema):
    """What is sent in exchange for the returned goods."""

    lines = fields.List(fields.Nested(WantedLineSchema), required=True, validate=validate.Length(1, 1000))
    delivery_groups = fields.List(
        fields.Nested(WantedDeliveryGroupSchema),
        load_default=list,
        validate=validate.Length(max=100),
        metadata={
            "description": "Where it goes; if left out, where the order's first goods went, without charge."
        },
    )
    payment_method = method_of_payment(
        metadata={"description": "How what is left to pay is paid; as the order was, if left out."}
    )
