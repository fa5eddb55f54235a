"""The Celery app that handles other services' events and assigns stock."""

from services.shipping import consumers, db, jobs  # noqa: F401 - consumers and jobs register themselves
from services.shipping.messaging import messaging
from services.shipping.settings import Settings
from shared.messaging.worker import make_worker
from shared.settings import read

settings = read(Settings, process="worker")
db.bind(settings)
app = make_worker(messaging, db.sessions, settings)
