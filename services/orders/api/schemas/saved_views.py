"""Saved views as the API reads and writes them."""

from typing import Any
from urllib.parse import parse_qsl, urlencode

from marshmallow import RAISE, Schema, ValidationError, fields, validate
from webargs.multidictproxy import MultiDictProxy
from werkzeug.datastructures import MultiDict

from services.orders.api.schemas.lists import SortedOrders
from services.orders.api.schemas.values import Instant, code
from shared.web import payloads
from shared.web.fields import Text, text

LONGEST_NAME = 60
LONGEST_QUERY = 2000
MOST_PARAMETERS = 200

_LIST = SortedOrders(unknown=RAISE)


class ListQuery(Text):
    """The query string of a list of orders: its filters and sort order."""

    def _deserialize(self, value: Any, *arguments: Any, **named: Any) -> str:
        typed = super()._deserialize(value, *arguments, **named)
        try:
            pairs = parse_qsl(
                typed,
                keep_blank_values=True,
                strict_parsing=bool(typed),
                errors="strict",
                max_num_fields=MOST_PARAMETERS,
            )
        except ValueError as error:  # also for bytes that are no UTF-8
            raise ValidationError("must be a query, as in status=placed&sort=due_at") from error
        asked: MultiDict[str, str] = MultiDict(pairs)
        if refused := payloads.unstorable(asked.to_dict(flat=False)):
            raise ValidationError({field: [reason] for field, reason in refused.items()})
        _LIST.load(MultiDictProxy(asked, _LIST))
        return urlencode(pairs)


def _name(**options: Any) -> Text:
    return text(LONGEST_NAME, shortest=1, metadata={"example": "Gifts to pack"}, **options)


def _query(**options: Any) -> ListQuery:
    return ListQuery(
        validate=validate.Length(max=LONGEST_QUERY),
        metadata={
            "description": "Filters and `sort` of `GET /v1/orders`, as its query string has them, without "
            "`cursor` and `limit`. They are checked when the view is saved.",
            "example": "status=placed&tag=gift&sort=due_at",
        },
        **options,
    )


class ViewArguments(Schema):
    """A view to save."""

    name = _name(required=True)
    query = _query(required=True)


class ViewChangeArguments(Schema):
    """What to change about a view; what is left out stays as it is."""

    name = _name()
    query = _query()


class ShareArguments(Schema):
    """The seller to share it in."""

    seller = fields.String(
        required=True,
        validate=code,
        metadata={"description": "Code of the seller among whose staff it is shared."},
    )


class ViewSchema(Schema):
    """A named list of orders."""

    view_id = fields.UUID(attribute="id")
    version = fields.Integer()
    name = fields.String()
    query = fields.String(
        metadata={"description": "Filters and `sort` of `GET /v1/orders`, as its query string has them."}
    )
    created_by = fields.String()
    updated_by = fields.String()
    updated_at = Instant()


class SharedViewSchema(ViewSchema):
    """A view shared by everyone who works for a seller."""

    seller = fields.String(attribute="seller_code")
