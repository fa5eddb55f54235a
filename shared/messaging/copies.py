"""What this service has heard of an order from the others: the newest snapshot of each."""

from collections.abc import Iterable
from typing import Any, TypeVar
from uuid import UUID

import msgspec
from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared.messaging.outbox import Snapshot
from shared.messaging.tables import copies

S = TypeVar("S")

# An event's data has one snapshot among its members; what it is called depends on the publisher.
_EMPTY_PEOPLE = (
    """
    update event_log
    set payload = jsonb_set(payload, array[
        (select key from jsonb_each(payload)
         where jsonb_typeof(value) = 'object' and value ? 'people'), 'people'
    ], '{}')
    where subject = :subject and payload @? '$.*.people'
    """,
    """
    update inbox
    set envelope = jsonb_set(envelope, array['data',
        (select key from jsonb_each(envelope -> 'data')
         where jsonb_typeof(value) = 'object' and value ? 'people'), 'people'
    ], '{}')
    where subject = :subject and envelope @? '$.data.*.people'
    """,
    """
    update copies set snapshot = jsonb_set(snapshot, '{people}', '{}')
    where subject = :subject and snapshot ? 'people'
    """,
)


def keep_newest(session: Session, heard: Snapshot) -> Any:
    """Store a snapshot if none as new is known; answer the newest, which may not be the one just heard."""
    row = {
        "subject": heard.subject,
        "source": heard.SOURCE,
        "version": heard.version,
        "snapshot": msgspec.to_builtins(heard),
    }
    stored = insert(copies).values(row)
    newer = stored.on_conflict_do_update(
        index_elements=[copies.c.subject, copies.c.source],
        set_={"version": stored.excluded.version, "snapshot": stored.excluded.snapshot},
        where=copies.c.version < stored.excluded.version,
    ).returning(copies.c.subject)
    if session.execute(newer).first() is not None:
        return heard
    known = newest(session, heard.subject, type(heard))
    if getattr(known, "anonymised_at", None) is not None:
        erase_people(session, heard.subject)  # what comes late must not bring the person back
    return known


def newest(session: Session, subject: UUID | str, kind: type[S]) -> S | None:
    """The newest snapshot of a kind that this service has heard of an order, or None."""
    source: str = kind.SOURCE  # type: ignore[attr-defined]
    known = select(copies.c.snapshot).where(copies.c.subject == str(subject), copies.c.source == source)
    snapshot = session.execute(known).scalar_one_or_none()
    return None if snapshot is None else msgspec.convert(snapshot, kind)


def newest_of_each(session: Session, subjects: Iterable[str], kind: type[S]) -> dict[str, S]:
    """The newest snapshots of a kind of several subjects, by subject; of some there may be none."""
    source: str = kind.SOURCE  # type: ignore[attr-defined]
    known = select(copies.c.subject, copies.c.snapshot).where(
        copies.c.subject.in_(list(subjects)), copies.c.source == source
    )
    return {row.subject: msgspec.convert(row.snapshot, kind) for row in session.execute(known)}


def erase_people(session: Session, subject: UUID | str) -> None:
    """Empty the personal data of an order in the event log, the inbox and the copies.

    The log is append-only but for this. Every snapshot keeps personal data under `people` alone.
    """
    parameters = {"subject": str(subject)}
    for statement in _EMPTY_PEOPLE:
        session.execute(text(statement), parameters)
