"""Keyset pagination: as fast on the last page as on the first, without duplicates."""

import base64
import binascii
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cache
from typing import Any, TypeVar

import marshmallow
import msgspec
from marshmallow import fields, validate

from shared.errors import Invalid
from shared.web.fields import text

LARGEST_PAGE = 100

R = TypeVar("R")


class PageArguments(marshmallow.Schema):
    """The query parameters of a list; lists with filters inherit from this."""

    cursor = text(
        1000,
        load_default=marshmallow.missing,
        metadata={"description": "`next` of the page before; left out for the first page."},
    )
    limit = fields.Integer(
        strict=False,
        load_default=50,
        validate=validate.Range(1, LARGEST_PAGE),
        metadata={"description": "How many at most."},
    )


@cache
def page_schema(item: type[marshmallow.Schema]) -> type[marshmallow.Schema]:
    """The schema for a page of these items, shared by all lists of them."""
    name = f"{item.__name__.removesuffix('Schema')}PageSchema"
    cursor = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "The cursor of the next page; null on the last."},
    )
    members = {"items": fields.List(fields.Nested(item)), "next": cursor, "__doc__": "A page of a list."}
    return type(name, (marshmallow.Schema,), members)


def page(rows: Sequence[R], limit: int, place: Callable[[R], tuple[Any, ...]]) -> dict[str, Any]:
    """A page of at most `limit` rows; one more row than that means there is a next page.

    A row's place are the values that the list is ordered by.
    """
    items = rows[:limit]
    return {"items": items, "next": encode_cursor(*place(items[-1])) if len(rows) > limit else None}


def page_of(rows: Sequence[Any], limit: int, *key: str) -> dict[str, Any]:
    """A page of a list sorted by attributes of its rows."""
    return page(rows, limit, lambda row: tuple(getattr(row, name) for name in key))


def encode_cursor(*values: Any) -> str:
    """Encode a row's sort values as a cursor: timestamps, ids, numbers, texts."""
    return base64.urlsafe_b64encode(msgspec.json.encode(values)).rstrip(b"=").decode()


def decode_cursor(cursor: str, *kinds: Any) -> tuple[Any, ...]:
    """Decode a cursor into values of these types; raises Invalid for `cursor` if it is not valid."""
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        values: tuple[Any, ...] = msgspec.json.decode(text, type=tuple[kinds])  # type: ignore[valid-type]
    except (binascii.Error, ValueError, msgspec.MsgspecError) as error:
        raise Invalid(cursor="is not a cursor from this list") from error
    if any(_is_nothing_stored(value) for value in values):
        raise Invalid(cursor="is not a cursor from this list")
    return values


def _is_nothing_stored(value: Any) -> bool:
    """Whether no column can hold the value, so that comparing it would fail."""
    return (isinstance(value, str) and "\0" in value) or (
        isinstance(value, datetime) and value.tzinfo is None
    )
