"""Comparing what this service received with what others published, and requesting redelivery."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from shared.messaging.deliveries import Source
from shared.messaging.tables import copies, inbox


@dataclass(frozen=True, kw_only=True)
class Difference:
    """An event that was published but is missing or unfinished in this service."""

    source: str
    event_id: UUID
    type: str
    subject: str
    fault: str  # not_received, pending, dead, copy_outdated


def reconcile(sessions: sessionmaker[Session], sources: Iterable[Source]) -> Iterator[Difference]:
    """Compare each source's deliveries with the inbox, and their versions with the copies of the orders.

    Of what is only passed on there is no copy.

    What is on its way at this moment shows as a difference too: run it again before you worry.
    """
    for source in sources:
        after = 0
        while page := source.log(after):
            after = page[-1]["seq"]
            with sessions() as session:
                yield from _differences(session, source.name, page)


def resync(sources: Iterable[Source], since: datetime) -> dict[str, int]:
    """After this service was restored from a backup, have its sources redeliver everything since a time."""
    return {source.name: source.deliver_again(since) for source in sources}


def _differences(session: Session, source: str, page: list[dict[str, Any]]) -> Iterator[Difference]:
    event_ids = [UUID(delivery["event_id"]) for delivery in page]
    states = dict(
        session.execute(select(inbox.c.event_id, inbox.c.state).where(inbox.c.event_id.in_(event_ids))).all()
    )
    subjects = {delivery["subject"] for delivery in page}
    known = select(copies.c.subject, copies.c.version).where(
        copies.c.source == source, copies.c.subject.in_(subjects)
    )
    versions = dict(session.execute(known).all())
    passed_on: Collection[str] = session.info["passed_on"]
    for event_id, delivery in zip(event_ids, page, strict=True):
        state = states.get(event_id, "not_received")
        is_copied = state == "done" and delivery["type"] not in passed_on
        outdated = is_copied and versions.get(delivery["subject"], -1) < delivery["version"]
        fault = "copy_outdated" if outdated else state
        if fault not in {"done", "skipped"}:
            yield Difference(
                source=source,
                event_id=event_id,
                type=delivery["type"],
                subject=delivery["subject"],
                fault=fault,
            )
