"""Publishing events: each is committed together with the state it describes, or not at all."""

from collections.abc import Collection, Mapping
from typing import Any, ClassVar, Protocol
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.orm import Session

from shared import clock
from shared.access import actor_of
from shared.db import new_id
from shared.logging import causation_id, correlation_id, trace_parent
from shared.messaging import metrics
from shared.metrics import when_committed


class Snapshot(Protocol):
    """The whole current state of a subject, as published by its source."""

    SOURCE: ClassVar[str]

    @property
    def subject(self) -> str:
        """The id of what it describes."""

    @property
    def version(self) -> int:
        """Increases with every change."""


class Event(Protocol):
    """Something that happened, with the whole current state."""

    NAME: ClassVar[str]

    @property
    def snapshot(self) -> Snapshot:
        """The state it carries."""


# One round trip: this stands on the path of every command.
_PUBLISH = text("""
    with event as (
        insert into event_log (event_id, type, subject, reference, version, occurred_at, payload,
                               correlation_id, causation_id, trace_parent, actor, told_to)
        values (:event_id, :type, :subject, :reference, :version, :occurred_at, cast(:payload as jsonb),
                :correlation_id, :causation_id, :trace_parent, :actor, cast(:subscribers as text[]))
        returning event_id, seq
    ), deliveries as (
        insert into outbox (event_id, subscriber, seq)
        select event_id, subscriber, seq from event, unnest(cast(:subscribers as text[])) as subscriber
    )
    select pg_notify('outbox', '')
""")


def publish(session: Session, event: Event, *, but: Collection[str] = ()) -> UUID:
    """Log an event and queue it for its subscribers, except those in `but`, whom it doesn't concern.

    The relay sends it after the commit. Belongs last in a transaction: what it carries is the state that
    will be committed.
    """
    event_id = new_id()
    session.flush()
    session.execute(_PUBLISH, publication(session, event, event_id, but=but))
    return event_id


def publication(
    session: Session, event: Event, event_id: UUID, *, but: Collection[str] = ()
) -> dict[str, Any]:
    """The parameters for publishing an event, for a statement that does more in the same round trip."""
    subscribers: Mapping[str, tuple[str, ...]] = session.info["subscribers"]
    snapshot = event.snapshot
    when_committed(session, metrics.TOLD.labels(event.NAME).inc)
    return {
        "event_id": event_id,
        "type": event.NAME,
        "subject": snapshot.subject,
        "reference": getattr(snapshot, "number", snapshot.subject),
        "version": snapshot.version,
        "occurred_at": clock.now(),
        "payload": msgspec.json.encode(event).decode(),
        "correlation_id": correlation_id.get() or str(event_id),
        "causation_id": causation_id.get(),
        "trace_parent": trace_parent.get(),
        "actor": _whoever_asked(session),
        "subscribers": [name for name in subscribers[event.NAME] if name not in but],
    }


def _whoever_asked(session: Session) -> str:
    """The actor's name from the token; empty where the service acts on its own, as when handling an event.

    Whoever began the chain did not do what followed from it; the correlation id leads there.
    """
    name = actor_of(session).name
    return "" if name == session.info["service"] else name


def envelope(row: Mapping[Any, Any], source: str) -> dict[str, Any]:
    """An event-log row as CloudEvents 1.0 JSON."""
    return {
        "specversion": "1.0",
        "id": str(row["event_id"]),
        "source": f"/{source}",
        "type": row["type"],
        "subject": row["subject"],
        "time": row["occurred_at"].isoformat(),
        "datacontenttype": "application/json",
        "dataschema": f"{row['type']}/1",
        "reference": row["reference"],
        "snapshotversion": row["version"],
        "correlationid": row["correlation_id"],
        "causationid": row["causation_id"],
        "traceparent": row["trace_parent"],
        "actor": row["actor"],
        "data": row["payload"],
    }


def without_snapshot(data: Mapping[str, Any]) -> dict[str, Any]:
    """An event's data without the snapshot."""
    return {
        name: value for name, value in data.items() if not (isinstance(value, dict) and "version" in value)
    }
