"""The Celery app that sends webhooks: a worker of its own, for receivers take their time."""

from typing import Any

from celery import signals

from services.notifications import consumers, db, jobs, webhook_jobs  # noqa: F401 - they register themselves
from services.notifications.messaging import messaging
from services.notifications.settings import Settings
from shared.messaging.worker import make_worker
from shared.settings import read

settings = read(Settings, process="webhooks")
db.bind(settings)
app = make_worker(messaging, db.sessions, settings, hears_events=False)

# A task is a round of a quarter of a minute.
app.conf.worker_prefetch_multiplier = 1


@signals.worker_shutting_down.connect(weak=False)
def end_rounds(**_: Any) -> None:
    """What is under way ends within the time of a try; what is left is sent by whoever comes next."""
    webhook_jobs.stop()
