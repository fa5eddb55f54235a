"""The Celery app that sends webhooks: a separate worker, because receivers can be slow."""

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
    """Let attempts in flight finish; the rest is sent by the next round."""
    webhook_jobs.stop()
