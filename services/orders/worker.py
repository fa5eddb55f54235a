"""The Celery app that handles other services' events and runs the jobs."""

from services.orders import consumers, db, jobs  # noqa: F401 - consumers and jobs register themselves
from services.orders.messaging import messaging
from services.orders.settings import Settings
from shared.messaging.worker import make_worker
from shared.settings import read

settings = read(Settings, process="worker")
db.bind(settings)
app = make_worker(messaging, db.sessions, settings)
