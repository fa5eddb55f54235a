"""What others did to an order while somebody was at a form."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from flask import g

from services.console.acting import STALE, key, version
from services.console.apis import SERVICES, Away, Refused

MOST_PAGES = 10  # of a hundred entries
UUIDV7 = 7


def since(order_id: UUID) -> list[Any]:
    """What people did since the version that a form was shown at, the newest first.

    What our own services did by themselves is no reason to ask anybody again.
    """
    shown = int(version() or 0)
    found = [
        entry
        for entry in _history(order_id)
        if (entry["version"] or 0) > shown and entry["actor"] not in SERVICES
    ]
    return found[::-1]


def write_to_order(operation: str, body: Any, order_id: UUID, **path: Any) -> Any:
    """Do it for the version that was shown; where only our own services changed it since, for the newest."""

    def write(shown: str | None) -> Any:
        return g.apis.write(operation, body, key=key(), version=shown, order_id=order_id, **path)

    return write_unless(write, lambda: bool(since(order_id)))


def write_unless(write: Callable[[str | None], Any], is_changed: Callable[[], bool]) -> Any:
    """Write for the version that the form was shown at; where what it is about is the same, the newest."""
    try:
        return write(version())
    except Refused as refused:
        newest = refused.problem.get("current_version")
        if refused.status != STALE or newest is None or is_changed():
            raise
        return write(str(newest))


def since_in_shipping(order_id: UUID) -> list[Any]:
    """What became of the order's shipments since a form was made, the newest first.

    By the order's history, which knows no version of a shipment: so by the instant that is in the form's key.
    It has what shipping did by itself too, for this stops a person as well. Nothing where the person reads no
    orders, or the history can't be had: the refusal holds without it.
    """
    made = _made_at(key())
    if made is None or not g.apis.may("orders.history_show_history"):
        return []
    try:
        entries = list(_history(order_id))
    except (Refused, Away):
        return []
    return [
        entry | {"actor": _called(entry["actor"])}
        for entry in reversed(entries)
        if entry["source"] == "shipping" and datetime.fromisoformat(entry["at"]) >= made
    ]


def _history(order_id: UUID) -> Iterator[Any]:
    """What happened to an order, oldest first."""
    cursor = None
    for _ in range(MOST_PAGES):
        query = {"limit": 100, "cursor": cursor}
        page = g.apis.read("orders.history_show_history", query, order_id=order_id)
        yield from page["items"]
        cursor = page["next"]
        if cursor is None:
            return


def _made_at(form_key: str | None) -> datetime | None:
    """When a form was made: its key is a UUIDv7, which begins with the milliseconds since 1970."""
    try:
        made = UUID(form_key or "")
        return datetime.fromtimestamp((made.int >> 80) / 1000, UTC) if made.version == UUIDV7 else None
    except ValueError:  # none of ours, or of a year that there is none of
        return None


def _called(actor: str) -> str:
    """A person by name, a service by its word."""
    return str(g.words(f"services.{actor}")) if actor in SERVICES else actor
