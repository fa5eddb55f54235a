"""The process beside notifications' worker: relays, pulls, acknowledges and dispatches jobs."""

import time
from datetime import timedelta
from functools import partial

from sqlalchemy.exc import DataError
from sqlalchemy.orm import Session, sessionmaker

from services.notifications import consumers, db, jobs, webhook_jobs  # noqa: F401 - they register themselves
from services.notifications.commands import feed, webhooks
from services.notifications.messaging import messaging
from services.notifications.queries.feed import old
from services.notifications.settings import Settings
from shared.db import each_alone
from shared.logging import logger
from shared.messaging.agent import run_agent
from shared.settings import read
from shared.web.retention import OLD_KEYS

log = logger(__name__)

GATHER_SECONDS = 0.03


def number_what_gathers(sessions: sessionmaker[Session]) -> None:
    """Number events shortly after the first wakes us, because an order's events come in bursts."""
    time.sleep(GATHER_SECONDS)
    number_events(sessions)


def number_events(sessions: sessionmaker[Session]) -> None:
    """Give all waiting events their position in the feed, one batch per statement.

    Where one of a batch can't be read they go one by one, and it is set aside.
    """
    is_more, is_careful = True, False
    while is_more:
        try:
            with sessions() as session:
                if is_careful:
                    is_more = _number_one(session)
                else:
                    each_alone(session)
                    is_more = _number_some(session, feed.BATCH)
                session.commit()
        except DataError as error:
            if is_careful:
                raise
            log.warning("feed_batch_not_numbered", exc_info=error)
            is_careful = True


def _number_some(session: Session, most: int) -> bool:
    done = feed.number_waiting(session, most)
    if done.is_owed:
        webhooks.owe_round(session)
    return done.is_more


def _number_one(session: Session) -> bool:
    feed.hold(session)
    try:
        with session.begin_nested():
            return _number_some(session, 1)
    except DataError:
        feed.set_aside(session)
        return True


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
