"""A page of a list, as it is answered."""

from collections.abc import Sequence
from typing import Any

from shared.web.paging import encode_cursor


def page_of(rows: Sequence[Any], limit: int, *key: str) -> dict[str, Any]:
    """So many rows at most, of one more that were asked for, which tells that there is a next page.

    The key are the attributes that the list is ordered by.
    """
    items = rows[:limit]
    following = encode_cursor(*(getattr(items[-1], name) for name in key)) if len(rows) > limit else None
    return {"items": items, "next": following}
