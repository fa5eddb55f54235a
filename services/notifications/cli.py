"""Notifications' operator verbs."""

from services.notifications import consumers, db, jobs  # noqa: F401 - consumers and jobs register themselves
from services.notifications.messaging import messaging
from services.notifications.settings import Settings
from shared.cli import make_cli

cli = make_cli(messaging, db.sessions, Settings, db.bind)

if __name__ == "__main__":
    cli()
