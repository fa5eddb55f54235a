"""The arguments of an export."""

from marshmallow import ValidationError, fields, validate

from services.orders.api.schemas.lists import OrderFilters
from services.orders.queries.exported_lines import LINES


def _each_once(names: list[str]) -> None:
    if len(set(names)) < len(names):
        raise ValidationError("name each column once")


class LineExportArguments(OrderFilters):
    """The filters of the list of orders, and the columns to export."""

    columns = fields.List(
        fields.String(validate=validate.OneOf([*LINES.cells], error="is not a column of this export")),
        validate=[validate.Length(1), _each_once],
        metadata={
            "description": (
                "The columns, in this order; all of them if left out. Amounts are in whole units of the "
                "currency, the VAT rate is in per cent; several tracking or invoice numbers stand in one "
                "cell."
            ),
            "example": ["number", "sku", "quantity", "tracking_numbers"],
        },
    )
