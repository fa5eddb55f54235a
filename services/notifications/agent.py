"""The process beside notifications' worker: relays, pulls, acknowledges and drives jobs."""

from services.notifications import consumers, db, jobs  # noqa: F401 - consumers and jobs register themselves
from services.notifications.messaging import messaging
from services.notifications.settings import Settings
from shared.messaging.agent import run_agent
from shared.settings import read
from shared.web.retention import OLD_KEYS

if __name__ == "__main__":
    settings = read(Settings, process="agent")
    db.bind(settings)
    run_agent(messaging, db.sessions, settings, forgets=[OLD_KEYS])
