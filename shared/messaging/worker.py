"""The process that handles events and runs jobs."""

import gc
from typing import Any
from uuid import UUID

from billiard import pool as children
from celery import Celery, Task, signals
from sqlalchemy import Engine
from sqlalchemy.orm import Session, configure_mappers, sessionmaker

from shared import logging
from shared.messaging import canary, fault_points, inbox, jobs, metrics
from shared.messaging.backoff import Backoff
from shared.messaging.celery_app import make_celery
from shared.messaging.inbox import Inbox
from shared.messaging.sealing import NotBelieved, Sealer
from shared.messaging.service import Messaging
from shared.metrics import serve
from shared.settings import ServiceSettings

log = logging.logger(__name__)

# A child that ends waits until its parent has read what became of each task; by itself for half a minute
# (billiard 4.3). A parent that stops reads nothing of a task that it had not seen begin: so the child would
# wait for as long as a stop may take. In tenths of a second; what is not read by then comes again, known.
children.GUARANTEE_MESSAGE_CONSUMPTION_RETRY_LIMIT = 20


def make_worker(
    messaging: Messaging,
    sessions: sessionmaker[Session],
    settings: ServiceSettings,
    *,
    hears_events: bool = True,
) -> Celery:
    """A service's Celery app, with a task for each event it handles and each kind of job it has.

    One that hears no events, as its queues are of jobs alone, needs no keys to open them.
    """
    app = make_celery(messaging, settings)
    backoff = Backoff(settings.retry_base_seconds, settings.retry_cap_seconds)
    hearing = Inbox(sessions=sessions, consumers=messaging.consumers, backoff=backoff)
    fault_points.configure(settings.crash_points)
    if hears_events:
        sealer = Sealer(messaging.name, settings.message_keys, settings.message_public_keys)
        metrics.REFUSED.labels("push")  # told from the start, for an alert has to see it grow
        for event in messaging.consumers.kinds:
            _add_event_task(app, messaging, hearing, sealer, event)
    for kind in messaging.jobs.kinds.values():
        _add_job_task(app, messaging, sessions, kind, backoff)
    app.task(_hear_canary, name=f"{messaging.name}.{canary.NAME}", send_events=False)
    canary.watch(app, settings.canary_deadline_seconds)

    _prepare_processes(messaging, sessions, settings)
    _answer_prometheus(settings)
    return app


def _prepare_processes(
    messaging: Messaging, sessions: sessionmaker[Session], settings: ServiceSettings
) -> None:
    @signals.setup_logging.connect(weak=False)
    def configure_logging(**_: Any) -> None:
        logging.configure(messaging.name, settings.log_level)

    @signals.task_prerun.connect(weak=False)
    def begin_without_cause(**_: Any) -> None:
        # The process did another task before, and what is logged of this one is not that one's.
        for cause in (logging.correlation_id, logging.causation_id, logging.trace_parent):
            cause.set("")

    @signals.worker_before_create_process.connect(weak=False)
    def share_memory_with_children(**_: Any) -> None:
        # What every child would make for itself at its first statement.
        configure_mappers()
        # A child's garbage collector then leaves the parent's objects, and so their shared pages, alone.
        gc.collect()
        gc.freeze()

    @signals.worker_process_init.connect(weak=False)
    def leave_connections_to_the_parent(**_: Any) -> None:
        engine = sessions.kw["bind"]
        assert isinstance(engine, Engine)
        engine.dispose(close=False)


def _answer_prometheus(settings: ServiceSettings) -> None:
    @signals.worker_init.connect(weak=False)
    def answer_prometheus(**_: Any) -> None:
        try:
            server = serve(settings.metrics_host, settings.metrics_port)
        except OSError as error:  # which Celery would log, and go on
            raise SystemExit(f"METRICS_PORT {settings.metrics_port}: {error}") from error

        @signals.worker_process_init.connect(weak=False)
        def leave_the_port_to_the_parent(**_: Any) -> None:
            if server is not None:
                server.socket.close()


def _add_event_task(
    app: Celery, messaging: Messaging, hearing: Inbox, sealer: Sealer, event_type: str
) -> None:
    def hear(task: Task, order: str, event: str) -> None:  # noqa: ARG001
        # The order's number is for Flower's reader.
        try:
            teller, envelopes = sealer.open(event)
            for envelope in envelopes:
                messaging.consumers.believe(envelope, teller)
        except NotBelieved as error:
            # If it was told at all, it is pulled.
            metrics.REFUSED.labels("push").inc()
            log.warning("event_refused", type=event_type, error=str(error))
            return
        try:
            # What comes a second time may have killed its process the first time: attempts are counted first.
            if task.request.delivery_info.get("redelivered"):
                inbox.one_by_one(envelopes, lambda envelope: inbox.receive(hearing, envelope, "push"))
            else:
                inbox.receive_and_process(hearing, envelopes)
        except Exception as error:
            log.warning("events_not_received", events=inbox.ids(envelopes), exc_info=error)

    app.task(hear, name=f"{messaging.name}.{event_type}", bind=True)


def _add_job_task(
    app: Celery, messaging: Messaging, sessions: sessionmaker[Session], kind: jobs.Kind, backoff: Backoff
) -> None:
    def work(order: str, job_id: str) -> None:  # noqa: ARG001 - the number is for Flower's reader
        try:
            jobs.run(sessions, messaging.jobs, UUID(job_id), backoff)
        except Exception as error:
            log.warning("job_not_taken", job_id=job_id, exc_info=error)

    app.task(
        work,
        name=f"{messaging.name}.{kind.name}",
        time_limit=kind.limit_seconds,
        soft_time_limit=max(1, kind.limit_seconds - 5),
    )


def _hear_canary() -> None:
    """Do nothing: receiving the canary is enough; the worker's main process records it."""
