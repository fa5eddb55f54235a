"""The process beside notifications' worker: relays, pulls, acknowledges and drives jobs."""

from sqlalchemy.orm import Session, sessionmaker

from services.notifications import consumers, db, jobs  # noqa: F401 - consumers and jobs register themselves
from services.notifications.commands import feed
from services.notifications.messaging import messaging
from services.notifications.settings import Settings
from shared.db import each_alone
from shared.messaging.agent import run_agent
from shared.settings import read
from shared.web.retention import OLD_KEYS


def number_events(sessions: sessionmaker[Session]) -> None:
    """Give all that waits for it its position in the feed, a commit a batch."""
    with sessions() as session:
        each_alone(session)  # most looks find nothing, and hold nothing
        is_more = feed.is_any_waiting(session)
    while is_more:
        with sessions.begin() as session:
            is_more = feed.number_waiting(session).is_more


if __name__ == "__main__":
    settings = read(Settings, process="agent")
    db.bind(settings)
    run_agent(messaging, db.sessions, settings, forgets=[OLD_KEYS], woken={"feed": number_events})
