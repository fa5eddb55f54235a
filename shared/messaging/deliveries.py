"""The safety net behind the push: unacknowledged events can be pulled until they are acknowledged."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import httpx2
from sqlalchemy import Exists, exists, func, select, text, tuple_
from sqlalchemy.orm import Session

from shared.db import each_alone
from shared.messaging import metrics
from shared.messaging.outbox import envelope
from shared.messaging.tables import event_log, inbox, outbox, pending_acks
from shared.settings import bearer

PULL_LIMIT = 100
ACKNOWLEDGE_LIMIT = 1000
LOG_LIMIT = 1000
HEARD_LIMIT = 200


# What was pulled before the relay came to it need not be sent any more.
_SETTLE = text("""
    with settled as (
        delete from outbox
        where event_id = any(cast(:event_ids as uuid[])) and subscriber = :subscriber and acked_at is null
        returning seq, subscriber
    ), pushed as (
        delete from pushes using settled
        where pushes.seq = settled.seq and pushes.subscriber = settled.subscriber
    )
    select count(*) from settled
""")


def pending_for(session: Session, subscriber: str, limit: int, grace_seconds: float) -> list[dict[str, Any]]:
    """The events a subscriber has left unacknowledged beyond the grace period, oldest first, as envelopes."""
    owed = (
        select(event_log)
        .join(outbox, outbox.c.seq == event_log.c.seq)
        .where(
            outbox.c.subscriber == subscriber,
            outbox.c.acked_at.is_(None),
            outbox.c.recorded_at < func.clock_timestamp() - timedelta(seconds=grace_seconds),
        )
        .order_by(outbox.c.recorded_at)
        .limit(limit)
    )
    source: str = session.info["service"]
    return [envelope(row, source) for row in session.execute(owed).mappings()]


def acknowledge(session: Session, subscriber: str, event_ids: Sequence[UUID]) -> int:
    """Record that events are safely in a subscriber's inbox; returns how many were newly acknowledged."""
    count: int = session.execute(
        _SETTLE, {"subscriber": subscriber, "event_ids": list(event_ids)}
    ).scalar_one()
    return count


def heard_from(
    session: Session, teller: str, since: datetime, after: UUID, types: Sequence[str]
) -> dict[str, Any]:
    """Events of these types received from another service since a time, in order of arrival.

    For one that was set back and has forgotten what it told; with what the next page is asked for by. What
    was handled over 91 days ago is not kept, and whole only where a service passes events on.
    """
    came = tuple_(inbox.c.received_at, inbox.c.event_id)
    rows = session.execute(
        select(inbox.c.received_at, inbox.c.event_id, inbox.c.envelope)
        .where(inbox.c.source == teller, inbox.c.type.in_(types), came > tuple_(since, after))
        .order_by(inbox.c.received_at, inbox.c.event_id)
        .limit(HEARD_LIMIT)
    ).all()
    return {
        "events": [row.envelope for row in rows],
        "next": [rows[-1].received_at, rows[-1].event_id] if len(rows) == HEARD_LIMIT else None,
    }


class Source:
    """Another service's deliveries, requested over HTTP with this service's own token."""

    def __init__(self, name: str, address: str, token: str) -> None:
        self.name = name
        self._client = httpx2.Client(
            base_url=address,
            auth=partial(_with_bearer, token),
            timeout=httpx2.Timeout(10, connect=3),
        )

    def pull(self, grace_seconds: float) -> list[dict[str, Any]]:
        """Pull the oldest events this service has not acknowledged."""
        answer = self._client.get(
            "/internal/deliveries", params={"limit": PULL_LIMIT, "grace_seconds": grace_seconds}
        )
        answer.raise_for_status()
        deliveries: list[dict[str, Any]] = answer.json()["deliveries"]
        return deliveries

    def acknowledge(self, event_ids: Sequence[UUID]) -> None:
        """Acknowledge events to the source; raises httpx2.HTTPError if it can't be reached."""
        body = {"ids": [str(event_id) for event_id in event_ids]}
        self._client.post("/internal/deliveries/ack", json=body).raise_for_status()

    def log(self, after: int) -> list[dict[str, Any]]:
        """A page of the source's deliveries to this service that are owed, or of the last 90 days."""
        answer = self._client.get("/internal/deliveries/log", params={"after": after, "limit": LOG_LIMIT})
        answer.raise_for_status()
        deliveries: list[dict[str, Any]] = answer.json()["deliveries"]
        return deliveries

    def deliver_again(self, since: datetime) -> int:
        """Have the source redeliver everything since a time; returns the number of deliveries."""
        # One statement over all of it.
        patient = httpx2.Timeout(600, connect=3)
        answer = self._client.post(
            "/internal/deliveries/again", json={"since": since.isoformat()}, timeout=patient
        )
        answer.raise_for_status()
        count: int = answer.json()["deliveries"]
        return count

    def heard(self, since: datetime, *types: str) -> Iterator[dict[str, Any]]:
        """The events of these types that the other service has received from this one since a time."""
        page: dict[str, Any] = {"next": [since.isoformat(), str(UUID(int=0))]}
        while page["next"]:
            asked = dict(zip(("since", "after"), page["next"], strict=True)) | {"types": ",".join(types)}
            answer = self._client.get("/internal/deliveries/heard", params=asked)
            answer.raise_for_status()
            page = answer.json()
            yield from page["events"]

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def _with_bearer(token: str, request: httpx2.Request) -> httpx2.Request:
    request.headers["Authorization"] = f"Bearer {bearer(token)}"
    return request


_MARK_ACKNOWLEDGED = text("""
    with owed as (
        select source, event_id from pending_acks where source = :source
        order by event_id limit :limit for update skip locked
    ), acknowledged as (
        delete from pending_acks using owed
        where pending_acks.source = owed.source and pending_acks.event_id = owed.event_id
        returning pending_acks.event_id
    )
    select event_id, coalesce(type, '') as type from acknowledged left join inbox using (event_id)
""")
_MARK_OWED = text("""
    insert into pending_acks (source, event_id)
    select :source, event_id from unnest(cast(:event_ids as uuid[])) as event_id
    on conflict do nothing
""")


def is_any_owed_to(source: str) -> Exists:
    """Whether anything received from a source is still to be acknowledged."""
    return exists().where(pending_acks.c.source == source)


def acknowledge_received(session: Session, source: Source, limit: int = ACKNOWLEDGE_LIMIT) -> int:
    """Acknowledge received events to their source, oldest first; returns how many.

    Marked first, and told after, with no transaction open while another service is asked. If it can't be
    told the marks are taken back; dying in between, the source goes on owing them, and a pull that brings
    them once more shows it.
    """
    each_alone(session)
    events = session.execute(_MARK_ACKNOWLEDGED, {"source": source.name, "limit": limit}).all()
    session.commit()
    if not events:
        return 0
    event_ids = [event.event_id for event in events]
    try:
        source.acknowledge(event_ids)
    except Exception:
        session.execute(_MARK_OWED, {"source": source.name, "event_ids": event_ids})
        session.commit()
        raise
    for event in events:
        metrics.ACKNOWLEDGED.labels(event.type).inc()
    return len(events)
