"""The agent process beside the shipping worker: relays, pulls, acknowledges and drives jobs."""

from services.shipping import consumers, db, jobs, queries  # noqa: F401 - consumers and jobs register themselves
from services.shipping.commands.stock import tell_changed_stock
from services.shipping.messaging import messaging
from services.shipping.settings import Settings
from shared.messaging.agent import run_agent
from shared.settings import read
from shared.web.retention import OLD_KEYS

if __name__ == "__main__":
    settings = read(Settings, process="agent")
    db.bind(settings)
    run_agent(
        messaging,
        db.sessions,
        settings,
        forgets=[OLD_KEYS],
        watches=[tell_changed_stock],
        checks={"stock": lambda session: len(queries.stock_drift(session))},
    )
