"""Saved views of the list of orders: which there are for somebody, and what they show."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode

from flask import url_for

from services.console.apis import Part, Read, read

Pairs = list[tuple[str, str]]

USUAL_SORT = "-placed_at"


@dataclass(frozen=True)
class View:
    """A list under a name: the person's own, or a seller's."""

    view_id: str
    version: int
    name: str
    query: str
    seller: str | None
    updated_by: str
    updated_at: str

    @property
    def kind(self) -> str:
        """The word for it in addresses."""
        return "own" if self.seller is None else "shared"

    @property
    def address(self) -> str:
        """The list that it is."""
        pairs = [*parse_qsl(self.query), ("view", self.view_id)]
        return f"{url_for('orders.show_list')}?{urlencode(pairs)}"

    def shows(self, asked: Pairs) -> bool:
        """Whether it is the list of these filters and this sort."""
        return _told_apart(parse_qsl(self.query)) == _told_apart(asked)


def reads() -> Mapping[str, Read]:
    """What has to be read to know somebody's views."""
    return {
        "own": read("orders.saved_views_list_views"),
        "shared": read("orders.saved_views_list_shared_views", {"limit": 100}),
    }


def views_of(parts: Mapping[str, Part]) -> list[View]:
    """Own views, then those of sellers; where they can't be read, none: the list is there without them."""
    own, shared = parts["own"], parts["shared"]
    rows: Iterable[Any] = [*(own.value if own else []), *(shared.value["items"] if shared else [])]
    return [
        View(
            **{
                name: row[name]
                for name in ("view_id", "version", "name", "query", "updated_by", "updated_at")
            },
            seller=row.get("seller"),
        )
        for row in rows
    ]


def _told_apart(pairs: Pairs) -> set[tuple[str, str]]:
    return {(name, value.strip()) for name, value in pairs} - {("sort", USUAL_SORT)}
