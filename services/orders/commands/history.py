"""Keeping what others tell of an order for its history, for ever. The caller owns the transaction."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.orders.models import HistoryEntry
from shared.db import new_id


def keep_told(session: Session, envelope: Mapping[str, Any]) -> None:
    """Write down what another service told, once, without its snapshot: that has all personal data.

    The event's row in the inbox is forgotten some day; the history is not.
    """
    data: dict[str, Any] = envelope["data"]
    snapshots = {name for name, value in data.items() if isinstance(value, dict) and "version" in value}
    if not any("order_id" in data[name] for name in snapshots):
        return  # it is about something else, such as a SKU
    source = envelope["source"].removeprefix("/")
    told = {
        "id": new_id(),
        "order_id": UUID(envelope["subject"]),
        "source": source,
        "event_id": UUID(envelope["id"]),
        "version": None,
        "at": datetime.fromisoformat(envelope["time"]),
        "actor": envelope.get("actor") or source,
        "action": envelope["type"],
        "before": {},
        "after": {},
        "detail": {name: value for name, value in data.items() if name not in snapshots},
    }
    session.execute(
        insert(HistoryEntry).values(told).on_conflict_do_nothing(index_elements=[HistoryEntry.event_id])
    )
