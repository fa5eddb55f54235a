"""The process beside documents' workers: relays, pulls, acknowledges and dispatches jobs."""

from services.documents import consumers, db, jobs, series_audit, storage  # noqa: F401 - consumers and jobs register themselves
from services.documents.messaging import messaging
from services.documents.number_recall import recaller
from services.documents.settings import Settings
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
        chores=[storage.sweep_by_the_hour],
        woken={"numbering": recaller(settings)},
        checks={"invoice_numbers": lambda session: len(list(series_audit.faulty_series(session)))},
    )
