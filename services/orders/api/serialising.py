"""Serialise answers by their schemas at a tenth of marshmallow's cost, for the busiest endpoints."""

from collections.abc import Callable
from operator import attrgetter
from typing import Any

from marshmallow import Schema, fields

from services.orders.api.schemas.orders import OrderSchema
from services.orders.models import Order
from shared.web.commands import Ready

Serialiser = Callable[[Any], Any]


def serialiser(schema: Schema) -> Serialiser:
    """A function that dumps an object as the schema does, leaving ids, instants and enums to the encoder.

    It knows plain, nested and listed fields and dictionaries of nested ones; a test holds it to the schema.
    """
    parts = [
        (name, attrgetter(field.attribute or name), _serialiser_of(field))
        for name, field in schema.dump_fields.items()
    ]

    def serialise(thing: Any) -> dict[str, Any] | None:
        if thing is None:
            return None
        return {name: value(thing) if part is None else part(value(thing)) for name, value, part in parts}

    return serialise


def _serialiser_of(field: fields.Field[Any]) -> Serialiser | None:
    if isinstance(field, fields.Nested):
        return serialiser(field.schema)
    if isinstance(field, fields.List) and (each := _serialiser_of(field.inner)):
        return lambda values: [each(value) for value in values]
    if isinstance(field, fields.Dict) and field.value_field and (of := _serialiser_of(field.value_field)):
        return lambda values: {name: of(value) for name, value in values.items()}
    return None


_serialise_order = serialiser(OrderSchema())


def serialised(order: Order) -> Ready:
    """An order as OrderSchema dumps it."""
    return Ready(_serialise_order(order), order.version)
