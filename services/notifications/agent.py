"""The process beside notifications' worker: relays, pulls, acknowledges and drives jobs."""

import time
from datetime import timedelta
from functools import partial

from sqlalchemy.orm import Session, sessionmaker

from services.notifications import consumers, db, jobs, webhook_jobs  # noqa: F401 - they register themselves
from services.notifications.commands import feed, webhooks
from services.notifications.messaging import messaging
from services.notifications.queries.feed import old
from services.notifications.settings import Settings
from shared.messaging.agent import run_agent
from shared.settings import read
from shared.web.retention import OLD_KEYS

GATHER_SECONDS = 0.03


def number_what_gathers(sessions: sessionmaker[Session]) -> None:
    """Number events a moment after the first of them woke us, for one order's come several at a time."""
    time.sleep(GATHER_SECONDS)
    number_events(sessions)


def number_events(sessions: sessionmaker[Session]) -> None:
    """Give all that waits for it its position in the feed, a commit a batch."""
    is_more = True
    while is_more:
        with sessions.begin() as session:
            numbered = feed.number_waiting(session)
            if numbered is not None and numbered.is_heard:
                webhooks.fan_out(session, numbered.first, numbered.last)
        is_more = numbered is not None and numbered.is_more


if __name__ == "__main__":
    settings = read(Settings, process="agent")
    db.bind(settings)
    run_agent(
        messaging,
        db.sessions,
        settings,
        forgets=[OLD_KEYS, *old(timedelta(days=settings.feed_days)), *webhooks.old(settings.webhook_days)],
        watches=[webhooks.see_to_late, webhooks.Count()],
        chores=[partial(webhooks.end_what_waited, days=settings.webhook_days)],
        woken={"feed": number_what_gathers},
    )
