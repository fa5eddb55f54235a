"""The Celery app that renders documents: it loads everything rendering needs before it forks."""

from services.documents import (  # noqa: F401 - jobs register themselves; einvoices is for the children
    db,
    einvoices,
    jobs,
    rendering,
)
from services.documents.messaging import messaging
from services.documents.settings import Settings
from shared.messaging.worker import make_worker
from shared.settings import read

settings = read(Settings, process="rendering")
db.bind(settings)
app = make_worker(messaging, db.sessions, settings, hears_events=False)

# A paper takes a tenth of a second or ten: one at a time, so that none waits behind a long one.
app.conf.worker_prefetch_multiplier = 1
# WeasyPrint takes 150 MB; a long paper adds as much, and keeps it.
app.conf.worker_max_memory_per_child = 400_000
# What it may keep without end; the paper after it waits for some seconds, which no paper minds.
app.conf.worker_max_tasks_per_child = 1000

rendering.warn_of_slow_fonts()
