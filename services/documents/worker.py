"""The Celery app that handles other services' events; documents are rendered by rendering_worker.py."""

from services.documents import consumers, db, jobs  # noqa: F401 - consumers and jobs register themselves
from services.documents.messaging import messaging
from services.documents.settings import Settings
from shared.messaging.worker import make_worker
from shared.settings import read

settings = read(Settings, process="worker")
db.bind(settings)
app = make_worker(messaging, db.sessions, settings)
