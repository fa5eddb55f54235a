"""What others did to an order while somebody was at a form."""

from typing import Any
from uuid import UUID

from flask import g

from services.console.acting import version
from services.console.apis import SERVICES

MOST_PAGES = 10  # of a hundred entries


def since(order_id: UUID) -> list[Any]:
    """What people did since the version that a form was shown at, the newest first.

    What our own services did by themselves is no reason to ask anybody again.
    """
    shown, cursor, found = int(version() or 0), None, []
    for _ in range(MOST_PAGES):
        query = {"limit": 100, "cursor": cursor}
        page = g.apis.read("orders.history_show_history", query, order_id=order_id)
        found += [
            entry
            for entry in page["items"]
            if (entry["version"] or 0) > shown and entry["actor"] not in SERVICES
        ]
        cursor = page["next"]
        if cursor is None:
            break
    return found[::-1]
