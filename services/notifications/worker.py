"""The Celery app that handles other services' events and sends e-mails."""

from services.notifications import consumers, db, jobs, webhook_jobs  # noqa: F401 - they register themselves
from services.notifications.messaging import messaging
from services.notifications.settings import Settings
from shared.messaging.worker import make_worker
from shared.settings import read

settings = read(Settings, process="worker")
db.bind(settings)
app = make_worker(messaging, db.sessions, settings)
