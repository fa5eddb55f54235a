"""Keep other services' events in an order's history, permanently. The caller owns the transaction."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.orm import Session

from shared.db import new_id
from shared.messaging.outbox import without_snapshot

# Made once and in one round trip, for this follows every event that is heard.
_KEEP = text("""
    insert into order_history (id, order_id, source, event_id, at, actor, action, before, after, detail)
    values (:id, :order_id, :source, :event_id, :at, :actor, :action, '{}', '{}', cast(:detail as jsonb))
    on conflict (event_id) do update set event_id = excluded.event_id
    returning exists (select from orders where orders.id = order_id and anonymised_at is not null)
""")


def keep_told(session: Session, envelope: Mapping[str, Any]) -> bool:
    """Record another service's event, once, without its snapshot, which holds all the personal data.

    Answers whether the order's person is erased, of whom the teller did not know yet. The event's row in the
    inbox is forgotten some day; the history is not.
    """
    data: dict[str, Any] = envelope["data"]
    detail = without_snapshot(data)
    if not any("order_id" in data[name] for name in data.keys() - detail.keys()):
        return False  # it is about something else, such as a SKU
    source = envelope["source"].removeprefix("/")
    told = {
        "id": new_id(),
        "order_id": UUID(envelope["subject"]),
        "source": source,
        "event_id": UUID(envelope["id"]),
        "at": datetime.fromisoformat(envelope["time"]),
        "actor": envelope.get("actor") or source,
        "action": envelope["type"],
        "detail": msgspec.json.encode(detail).decode(),
    }
    is_of_an_erased_person: bool = session.execute(_KEEP, told).scalar_one()
    return is_of_an_erased_person
