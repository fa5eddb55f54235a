"""Pages of a list by keyset: as fast at the end as at the start, and nothing is shown twice."""

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
    """The query of a list; one with filters inherits this, so that there is one schema per query."""

    cursor = text(
        1000,
        load_default=marshmallow.missing,
        metadata={"description": "`next` of the page before; nothing for the first page."},
    )
    limit = fields.Integer(
        strict=False,
        load_default=50,
        validate=validate.Range(1, LARGEST_PAGE),
        metadata={"description": "How many at most."},
    )


@cache
def page_schema(item: type[marshmallow.Schema]) -> type[marshmallow.Schema]:
    """The schema of a page of such items, one for all the lists that have them."""
    name = f"{item.__name__.removesuffix('Schema')}PageSchema"
    cursor = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "The cursor of the next page; null on the last."},
    )
    return type(name, (marshmallow.Schema,), {"items": fields.List(fields.Nested(item)), "next": cursor})


def page(rows: Sequence[R], limit: int, place: Callable[[R], tuple[Any, ...]]) -> dict[str, Any]:
    """So many rows at most, of one more that were asked for, which tells that there is a next page.

    A row's place are the values that the list is ordered by.
    """
    items = rows[:limit]
    return {"items": items, "next": encode_cursor(*place(items[-1])) if len(rows) > limit else None}


def page_of(rows: Sequence[Any], limit: int, *key: str) -> dict[str, Any]:
    """A page of a list that is ordered by attributes of its rows."""
    return page(rows, limit, lambda row: tuple(getattr(row, name) for name in key))


def encode_cursor(*values: Any) -> str:
    """The place after a row, by the values that its list is ordered by: instants, ids, numbers, texts."""
    return base64.urlsafe_b64encode(msgspec.json.encode(values)).rstrip(b"=").decode()


def decode_cursor(cursor: str, *kinds: Any) -> tuple[Any, ...]:
    """The values of a cursor, of these types; raises Invalid naming `cursor` if it is none of ours."""
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        values: tuple[Any, ...] = msgspec.json.decode(text, type=tuple[kinds])  # type: ignore[valid-type]
    except (binascii.Error, ValueError, msgspec.MsgspecError) as error:
        raise Invalid(cursor="is not one that this list gave out") from error
    if any(_is_nothing_stored(value) for value in values):
        raise Invalid(cursor="is not one that this list gave out")
    return values


def _is_nothing_stored(value: Any) -> bool:
    """Whether no column can hold it, so that the database could not even compare."""
    return (isinstance(value, str) and "\0" in value) or (
        isinstance(value, datetime) and value.tzinfo is None
    )
