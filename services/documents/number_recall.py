"""After a restore, recovers the numbers issued since the backup from other services before issuing new ones.

Numbers are gapless by law and so can't leap. Notifications hears every event, keeps it whole for 90 days, and
sends customers their papers: of a number that it has not heard nobody has. Orders is asked too, which keeps
the numbers without the rest, for notifications may have been set back with this database.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from services.documents import numbering
from services.documents.models import ToldNumber
from services.documents.settings import Settings
from shared.events.snapshots import DocumentsSnapshot, PaperKind
from shared.logging import logger
from shared.messaging.deliveries import Source
from shared.messaging.tables import event_log

log = logger(__name__)

LOOK_SECONDS = 5.0
# What the database knows last may have been on its way for some time.
ON_THEIR_WAY = timedelta(hours=1)
_KINDS = {"invoice.issued": PaperKind.INVOICE, "credit_note.issued": PaperKind.CREDIT_NOTE}
_EVER = datetime(1970, 1, 1, tzinfo=UTC)


def recaller(settings: Settings) -> Callable[[sessionmaker[Session]], None]:
    """The agent's regular check whether the database was restored; if so, it recovers the numbers."""
    looked_at = -LOOK_SECONDS

    def look(sessions: sessionmaker[Session]) -> None:
        nonlocal looked_at
        if time.monotonic() - looked_at >= LOOK_SECONDS:
            recall(sessions, settings)
            looked_at = time.monotonic()

    return look


def recall(sessions: sessionmaker[Session], settings: Settings, *, always: bool = False) -> int | None:
    """Ask the other services for issued numbers, and keep those that no document here has.

    Answers how many; None where the database is where it was, unless it is asked `always`. Raises what keeps
    them from answering: until they have, no number is given.
    """
    with sessions() as session:
        if not always and numbering.is_recalled(session):
            return None
        newest = session.execute(select(func.max(event_log.c.occurred_at))).scalar_one()
    since = newest - ON_THEIR_WAY if newest else _EVER
    told = [
        number
        for listener, read in (("notifications", _in_snapshot), ("orders", _in_event))
        for event in _heard(settings, listener, since)
        for number in read(event)
    ]
    with sessions.begin() as session:
        count = numbering.recall(session, told)
    log.warning("numbers_recalled", since=since.isoformat(), count=count)
    return count


def _heard(settings: Settings, listener: str, since: datetime) -> Iterator[dict[str, Any]]:
    with closing(Source(listener, settings.service_url(listener), settings.service_token)) as source:
        yield from source.heard(since, *_KINDS)


def _in_snapshot(event: dict[str, Any]) -> Iterator[ToldNumber]:
    """The numbers of an order's documents, from an event that was kept in full."""
    documents = msgspec.convert(event["data"]["documents"], DocumentsSnapshot)
    for paper in documents.papers:
        if paper.number and paper.issued_on:
            yield ToldNumber(
                number=paper.number,
                order_id=documents.order_id,
                kind=paper.kind,
                part=paper.part,
                issued_on=paper.issued_on,
            )


def _in_event(event: dict[str, Any]) -> Iterator[ToldNumber]:
    """The number in an event, with the date of that event."""
    kind = _KINDS[event["type"]]
    yield ToldNumber(
        number=event["data"][f"{kind}_number"],
        order_id=UUID(event["subject"]),
        kind=kind,
        part="",
        issued_on=datetime.fromisoformat(event["time"]).date(),
    )
