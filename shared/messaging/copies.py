"""Copies of other services' snapshots: the newest one received for each order."""

from collections.abc import Iterable
from typing import Any, TypeVar
from uuid import UUID

import msgspec
from sqlalchemy import select, text, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from shared.erasure import emptied
from shared.messaging.outbox import Snapshot
from shared.messaging.tables import copies, event_log, inbox, jobs

S = TypeVar("S")

# One round trip, for this is done with every event. It looks for an erased person as it was before.
_KEEP_NEWEST = text("""
    insert into copies (subject, source, version, snapshot)
    values (:subject, :source, cast(:version as bigint), cast(:snapshot as jsonb))
    on conflict (subject, source) do update
    set version = greatest(copies.version, excluded.version),
        snapshot = case when copies.version < excluded.version then excluded.snapshot
                        else copies.snapshot end
    returning
        case when version > cast(:version as bigint) then snapshot end as newer,
        exists (
            select from copies as known
            where known.subject = :subject and known.snapshot ->> 'anonymised_at' is not null
        ) as is_erased
""").columns(newer=JSONB)


def keep_newest(session: Session, heard: Snapshot) -> Any:
    """Store a snapshot unless a newer one is known; returns the newest, which may be another.

    Of an order whose person is erased nothing that comes late brings the person back.
    """
    row = {
        "subject": heard.subject,
        "source": heard.SOURCE,
        "version": heard.version,
        "snapshot": msgspec.json.encode(heard).decode(),
    }
    kept = session.execute(_KEEP_NEWEST, row).one()
    if kept.is_erased:
        erase_people(session, heard.subject)
        return newest(session, heard.subject, type(heard))
    return heard if kept.newer is None else _read(kept.newer, type(heard))


def newest(session: Session, subject: UUID | str, kind: type[S]) -> S | None:
    """The newest snapshot of a kind received for an order, or None."""
    source: str = kind.SOURCE  # type: ignore[attr-defined]
    known = select(copies.c.snapshot).where(copies.c.subject == str(subject), copies.c.source == source)
    return _read(session.execute(known).scalar_one_or_none(), kind)


class Heard:
    """All snapshots received for an order, read in one statement."""

    def __init__(self, session: Session, subject: UUID | str) -> None:
        known = select(copies.c.source, copies.c.snapshot).where(copies.c.subject == str(subject))
        self._by_source = {row.source: row.snapshot for row in session.execute(known)}

    def newest(self, kind: type[S]) -> S | None:
        """The newest snapshot of a kind, or None."""
        source: str = kind.SOURCE  # type: ignore[attr-defined]
        return _read(self._by_source.get(source), kind)


def _read(snapshot: Any, kind: type[S]) -> S | None:
    return None if snapshot is None else msgspec.convert(snapshot, kind)


def newest_of_each(session: Session, subjects: Iterable[str], kind: type[S]) -> dict[str, S]:
    """The newest snapshots of a kind for several subjects, by subject; some may be missing."""
    source: str = kind.SOURCE  # type: ignore[attr-defined]
    known = select(copies.c.subject, copies.c.snapshot).where(
        copies.c.subject.in_(list(subjects)), copies.c.source == source
    )
    return {row.subject: msgspec.convert(row.snapshot, kind) for row in session.execute(known)}


def erase_people(session: Session, subject: UUID | str) -> None:
    """Erase an order's personal data and free text from the event log, the inbox and the copies.

    The log is append-only but for this. Every snapshot keeps names and addresses under `people` alone.
    What failures said goes too, for it may quote anything.
    """
    for table, key, content in (
        (event_log, event_log.c.event_id, event_log.c.payload),
        (inbox, inbox.c.event_id, inbox.c.envelope),
        (copies, copies.c.source, copies.c.snapshot),
    ):
        about = table.c.subject == str(subject)
        for row in session.execute(select(key.label("key"), content.label("content")).where(about)).all():
            told = row.content
            # Of an envelope the rest is about the event itself.
            kept = told | {"data": emptied(told.get("data"))} if table is inbox else emptied(told)
            if kept != told:
                session.execute(update(table).where(about, key == row.key).values({content: kept}))
    for failing in (inbox, jobs):
        quoting = failing.c.subject == str(subject), failing.c.last_error != ""
        session.execute(update(failing).where(*quoting).values(last_error=""))
