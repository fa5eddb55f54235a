"""Orders' operator verbs: those of every service."""

from services.orders import consumers, db, jobs  # noqa: F401 - consumers and jobs register themselves
from services.orders.messaging import messaging
from services.orders.models import Order
from services.orders.settings import Settings
from shared.cli import make_cli

cli = make_cli(messaging, db.sessions, Settings, db.bind, versions=[Order.__table__.c.version])

if __name__ == "__main__":
    cli()
