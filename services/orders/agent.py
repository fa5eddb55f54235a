"""The agent process beside the orders worker: relays, pulls, acknowledges and drives jobs."""

from services.orders import consumers, db, jobs  # noqa: F401 - consumers and jobs register themselves
from services.orders.messaging import messaging
from services.orders.queries.drafts import OLD_DRAFTS
from services.orders.queries.money_check import money_drift
from services.orders.settings import Settings
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
        forgets=[OLD_KEYS, OLD_DRAFTS],
        checks={"money": lambda session: len(money_drift(session))},
    )
