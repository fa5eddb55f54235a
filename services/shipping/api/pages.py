"""How every list here is cut into pages."""

from collections.abc import Callable
from typing import Any, TypeVar

from shared.web.paging import encode_cursor

R = TypeVar("R")


def page(rows: list[R], limit: int, place: Callable[[R], tuple[Any, ...]]) -> dict[str, Any]:
    """A page of the rows, of which one more than the limit was asked for to know whether there are more."""
    items = rows[:limit]
    return {"items": items, "next": encode_cursor(*place(items[-1])) if len(rows) > limit else None}
