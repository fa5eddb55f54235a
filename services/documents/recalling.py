"""A database that was set back is told by notifications which numbers it gave away before it gives another.

Numbers are gapless by law and so can't leap. Notifications hears every event, keeps it whole for 90 days, and
sends customers their papers: of a number that it has not heard nobody has.
"""

import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta

import msgspec
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from services.documents import numbering
from services.documents.settings import Settings
from shared.events.snapshots import DocumentsSnapshot
from shared.logging import logger
from shared.messaging.deliveries import Source
from shared.messaging.tables import event_log

log = logger(__name__)

LOOK_SECONDS = 5.0
# What the database knows last may have been on its way for some time.
ON_THEIR_WAY = timedelta(hours=1)
_EVER = datetime(1970, 1, 1, tzinfo=UTC)


def recaller(settings: Settings) -> Callable[[sessionmaker[Session]], None]:
    """What the agent does every few seconds: look whether the database was set back, and ask if it may be."""
    looked_at = -LOOK_SECONDS

    def look(sessions: sessionmaker[Session]) -> None:
        nonlocal looked_at
        if time.monotonic() - looked_at >= LOOK_SECONDS:
            recall(sessions, settings)
            looked_at = time.monotonic()

    return look


def recall(sessions: sessionmaker[Session], settings: Settings, *, always: bool = False) -> int | None:
    """Ask notifications for the numbers it heard of, and keep those that no paper here has.

    Answers how many; None where the database is where it was, unless it is asked `always`. Raises what keeps
    it from answering: until it has, no number is given.
    """
    with sessions() as session:
        if not always and numbering.is_recalled(session):
            return None
        newest = session.execute(select(func.max(event_log.c.occurred_at))).scalar_one()
    since = newest - ON_THEIR_WAY if newest else _EVER
    with closing(Source("notifications", settings.notifications_url, settings.service_token)) as listener:
        told = [
            msgspec.convert(event["data"]["documents"], DocumentsSnapshot)
            for event in listener.heard(since, "invoice.issued", "credit_note.issued")
        ]
    with sessions.begin() as session:
        count = numbering.recall(session, told)
    log.warning("numbers_recalled", since=since.isoformat(), count=count)
    return count
