"""The process beside the worker: relays, acknowledges, pulls, cleans up, and dispatches jobs."""

import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import FrameType
from typing import Any

from redis import ResponseError
from sqlalchemy import Engine, Exists, literal, select, union_all
from sqlalchemy.orm import Session, sessionmaker

from shared import logging
from shared.db import executed_alone, listening, new_id
from shared.messaging import (
    canary,
    deliveries,
    fault_points,
    inbox,
    job_dispatch,
    measuring,
    metrics,
    relay,
    retention,
)
from shared.messaging.backoff import Backoff
from shared.messaging.celery_app import make_celery
from shared.messaging.deliveries import Source
from shared.messaging.inbox import Inbox
from shared.messaging.relay import BATCH, Publisher, relay_batch
from shared.messaging.sealing import NotBelieved, Sealer
from shared.messaging.service import Messaging
from shared.metrics import serve
from shared.settings import ServiceSettings

log = logging.logger(__name__)

Watch = Callable[[Session], object]  # its name is the name of its thread
Chore = Callable[[sessionmaker[Session]], object]

POLL_SECONDS = 1.0  # the guarantee behind LISTEN, which is only for speed
WOKEN_BY = {"outbox": "relay", "jobs": "dispatch"}  # the duty that a channel's notifications wake
# So many tasks of events are left waiting in this service's queue: what a worker that is gone does not take
# must not fill the broker, for others' jobs are there too. What is dropped and was not heard yet is pulled.
MOST_WAITING_EVENTS = 2000
STOP_SECONDS = 10.0  # for all that is in hand together; what takes longer is broken off, and done again
LATE_GRACE = 3  # times as long
# A source that has told nothing for so long is asked that many times less often for what was lost.
QUIET_AFTER_SECONDS = 60.0
QUIET_PULLS = 4
RETENTION_EVERY_SECONDS = 3600.0
MEASURE_EVERY_SECONDS = 10.0
CHECK_EVERY_SECONDS = 3600.0
# So long what has passed through the broker stays in its file, sealed.
REWRITE_EVERY_SECONDS = 24 * 3600.0
LOOK_AT_FILE_EVERY_SECONDS = 3600.0
# A duty that shows no sign of life for so long hangs. One piece of work is a batch, a page or an event; of
# what is done by the hour it may be a query over everything.
HANGS_SECONDS = 120.0
HANGS_BY_THE_HOUR_SECONDS = 3600.0
BY_THE_HOUR = frozenset({"retention", "rewrite", "check"})


class Agent:
    """The threads of a service's agent; several agents of a service may run at once."""

    def __init__(
        self,
        messaging: Messaging,
        sessions: sessionmaker[Session],
        settings: ServiceSettings,
        *,
        forgets: Sequence[retention.Old] = (),
        watches: Sequence[Watch] = (),
        checks: Mapping[str, measuring.Check] | None = None,
        chores: Sequence[Chore] = (),
        woken: Mapping[str, Chore] | None = None,
    ) -> None:
        self._messaging = messaging
        self._sessions = sessions
        self._settings = settings
        self._forgets = forgets
        self._watches = watches
        self._checks = checks or {}
        self._chores = chores
        self._woken = woken or {}
        self._app = make_celery(messaging, settings)
        self._sealer = Sealer(messaging.name, settings.message_keys, settings.message_public_keys)
        metrics.REFUSED.labels("pull")  # told from the start, for an alert has to see it grow
        self._stopping = threading.Event()
        self._at_work_since: dict[str, float] = {}  # by duty; one that rests is not there
        self._heard_at: dict[str, float] = {}  # by source, when something last came from it
        self._wakes = WOKEN_BY | {channel: f"on-{channel}" for channel in self._woken}
        self._is_due = {duty: threading.Event() for duty in {*self._questions(), *self._wakes.values()}}
        self._hearing = Inbox(
            sessions=sessions,
            consumers=messaging.consumers,
            backoff=Backoff(settings.retry_base_seconds, settings.retry_cap_seconds),
        )

    def run(self) -> None:
        """Run until stopped; exits if a thread ends unexpectedly, so that the agent is restarted."""
        threads = [
            threading.Thread(target=self._repeat, args=(name, job), name=name, daemon=True)
            for name, job in self._duties()
        ]
        for thread in threads:
            thread.start()
        while not self._stopping.wait(1):
            alive = all(thread.is_alive() for thread in threads)
            if not alive and not self._stopping.is_set():  # asked after: it may have been stopped just now
                raise SystemExit("a thread of the agent ended")
        deadline = time.monotonic() + STOP_SECONDS
        for thread in threads:
            thread.join(timeout=max(0, deadline - time.monotonic()))

    def stop(self) -> None:
        """Stop, letting each thread finish its current work."""
        self._stopping.set()
        self._wake(*self._is_due)

    def hanging(self) -> list[str]:
        """The duties that hang; an unreachable database, broker or service doesn't count as hanging."""
        now = time.monotonic()
        return sorted(
            name
            for name, since in self._at_work_since.copy().items()
            if now - since > (HANGS_BY_THE_HOUR_SECONDS if name in BY_THE_HOUR else HANGS_SECONDS)
        )

    def _goes_on(self) -> bool:
        """Whether a duty should continue; called before each piece of work, as its sign of life."""
        self._at_work_since[threading.current_thread().name] = time.monotonic()
        return not self._stopping.is_set()

    def _rest(self, seconds: float) -> None:
        """Wait while idle, or until the agent is stopped."""
        self._wait_for(self._stopping, seconds)

    def _rest_until_due(self) -> None:
        """Wait until there is something for this duty, or until the agent is stopped."""
        is_due = self._is_due[threading.current_thread().name]
        self._wait_for(is_due)
        is_due.clear()

    def _wait_for(self, event: threading.Event, seconds: float | None = None) -> None:
        """Wait without counting as at work."""
        duty = threading.current_thread().name
        self._at_work_since.pop(duty, None)
        event.wait(seconds)
        self._at_work_since[duty] = time.monotonic()

    def _wake(self, *duties: str) -> None:
        for duty in duties:
            self._is_due[duty].set()

    def _whenever_due(self, act: Callable[[], object]) -> None:
        """Act now, and whenever something is due, until stopped."""
        while self._goes_on():
            act()
            self._rest_until_due()

    def _questions(self) -> dict[str, Exists]:
        """By duty, whether there is something for it."""
        kinds, sources = tuple(self._messaging.jobs.kinds), self._messaging.consumers.sources
        return {
            "relay": relay.IS_ANY_UNSENT,
            "dispatch": job_dispatch.is_any_due(kinds, self._settings.job_resend_seconds),
            "sweep": inbox.IS_ANY_DUE,
            **{f"acknowledge-{source}": deliveries.is_any_owed_to(source) for source in sources},
        }

    def _look(self) -> None:
        """Wake the duties: by notifications at once, and by one question for all of them every second."""
        engine = self._sessions.kw["bind"]
        assert isinstance(engine, Engine)
        due = union_all(*(select(literal(duty)).where(any_) for duty, any_ in self._questions().items()))
        seconds = min(POLL_SECONDS, self._settings.retry_base_seconds)
        with listening(engine, *self._wakes) as listener:
            self._wake(*self._is_due)  # for what came while nobody listened
            while self._goes_on():
                deadline = time.monotonic() + seconds
                while (left := deadline - time.monotonic()) > 0 and self._goes_on():
                    for notification in listener.notifies(timeout=left, stop_after=1):
                        self._wake(self._wakes[notification.channel])
                self._wake(*(row[0] for row in executed_alone(self._sessions, due)))
                self._wake(*(self._wakes[channel] for channel in self._woken))

    def _duties(self) -> list[tuple[str, Callable[[], None]]]:
        sources = self._messaging.consumers.sources
        return [
            ("look", self._look),
            ("relay", self._relay),
            ("dispatch", self._dispatch),
            ("sweep", partial(self._whenever_due, self._sweep)),
            ("canary", self._send_canaries),
            ("retention", self._forget),
            ("rewrite", self._rewrite),
            ("measure", self._measure),
            ("check", self._check),
            *((f"watch-{watch.__name__}", self._watching(watch)) for watch in self._watches),
            *(
                (self._wakes[channel], partial(self._whenever_due, partial(chore, self._sessions)))
                for channel, chore in self._woken.items()
            ),
            *((f"acknowledge-{source}", self._acknowledging(source)) for source in sources),
            *((f"pull-{source}", self._pulling(source)) for source in sources),
        ]

    def _repeat(self, name: str, duty: Callable[[], None]) -> None:
        backoff = Backoff(0.2, 5)
        failures = 0
        while self._goes_on():
            started = time.monotonic()
            try:
                duty()
            except Exception as error:  # noqa: BLE001 - a broker, database or service that is away comes back
                # A duty that had worked for a while before it failed begins its waits anew.
                failures = 1 if time.monotonic() - started > 2 * POLL_SECONDS else failures + 1
                log.warning(
                    "agent_failed", duty=name, failures=failures, error=f"{type(error).__name__}: {error}"
                )
                self._rest(backoff.seconds(failures))

    def _relay(self) -> None:
        publisher = Publisher(self._app, self._sealer)
        try:
            self._whenever_due(lambda: self._relay_all(publisher))
        finally:
            publisher.close()

    def _relay_all(self, publisher: Publisher) -> None:
        name, together = self._messaging.name, self._messaging.told_together
        while relay_batch(self._sessions, publisher, name, together) == BATCH:
            if not self._goes_on():
                return

    def _dispatch(self) -> None:
        publisher = Publisher(self._app, self._sealer)
        try:
            self._whenever_due(lambda: self._dispatch_all(publisher))
        finally:
            publisher.close()

    def _dispatch_all(self, publisher: Publisher) -> None:
        job_dispatch.send_due(self._sessions, self._messaging, publisher, self._settings.job_resend_seconds)

    def _sweep(self) -> None:
        while event_id := inbox.claim_due(self._hearing):
            inbox.process(self._hearing, event_id)
            if not self._goes_on():
                return

    def _acknowledging(self, source_name: str) -> Callable[[], None]:
        def acknowledge() -> None:
            source = self._source(source_name)
            limit = 1  # until it answers: what can't be told is marked in vain
            try:
                while self._goes_on():
                    if self._acknowledge(source, limit) < limit:
                        # Together with what comes meanwhile; within the grace, so that none is pulled.
                        self._rest(self._settings.pull_grace_seconds / 2)
                        self._rest_until_due()
                    else:
                        limit = deliveries.ACKNOWLEDGE_LIMIT
            finally:
                source.close()

        return acknowledge

    def _acknowledge(self, source: Source, limit: int) -> int:
        with self._sessions() as session:
            count = deliveries.acknowledge_received(session, source, limit)
        if count:
            self._heard_at[source.name] = time.monotonic()
        return count

    def _pulling(self, source_name: str) -> Callable[[], None]:
        def pull() -> None:
            source = self._source(source_name)
            publisher = Publisher(self._app, self._sealer)
            self._heard_at[source_name] = time.monotonic()  # or was, while this did not run
            try:
                while self._goes_on():
                    envelopes = source.pull(self._grace_seconds(publisher))
                    inbox.one_by_one(envelopes, lambda envelope: self._hear(envelope, source_name))
                    is_all = len(envelopes) < deliveries.PULL_LIMIT
                    # If more is owed: what was just taken in would be answered again.
                    if is_all or not self._acknowledge(source, deliveries.ACKNOWLEDGE_LIMIT):
                        self._rest(self._seconds_between_pulls(source_name))
            finally:
                publisher.close()
                source.close()

        return pull

    def _seconds_between_pulls(self, source_name: str) -> float:
        """How long until a source is asked again what it is owed.

        What is owed for longer than the grace is found within another; within four where nothing came for a
        minute, so that a shop at night costs little.
        """
        is_quiet = time.monotonic() - self._heard_at[source_name] > QUIET_AFTER_SECONDS
        return self._settings.pull_grace_seconds * (QUIET_PULLS if is_quiet else 1)

    def _hear(self, envelope: Mapping[str, Any], teller: str) -> None:
        if not self._goes_on():
            return
        try:
            self._messaging.consumers.believe(envelope, teller)
        except NotBelieved as error:
            metrics.REFUSED.labels("pull").inc()
            log.warning(
                "event_refused", teller=teller, error=str(error), correlation_id=""
            )  # not the last one's
            return
        if inbox.receive(self._hearing, envelope, "pull"):
            log.info("event_pulled", event_id=envelope["id"], type=envelope["type"])

    def _grace_seconds(self, publisher: Publisher) -> float:
        """How long an event may stay unacknowledged before it is pulled.

        Longer while pushed events wait in this service's queue: then they are late, and not lost, and
        pulling them as well would make them later.
        """
        try:
            is_late = publisher.waiting(self._messaging.events_queue) > 0
        except Exception:  # noqa: BLE001 - without a broker everything is pulled
            is_late = False
        return self._settings.pull_grace_seconds * (LATE_GRACE if is_late else 1)

    def _source(self, name: str) -> Source:
        return Source(name, self._settings.service_url(name), self._settings.service_token)

    def _send_canaries(self) -> None:
        publisher = Publisher(self._app, self._sealer)
        try:
            while self._goes_on():
                publisher.send(
                    (queue, str(new_id()), f"{self._messaging.name}.{canary.NAME}", {})
                    for queue in self._messaging.queues
                )
                self._drop_what_nobody_takes(publisher)
                self._rest(self._settings.canary_seconds)
        finally:
            publisher.close()

    def _drop_what_nobody_takes(self, publisher: Publisher) -> None:
        queue = self._messaging.events_queue
        waiting = publisher.waiting(queue)
        if waiting > MOST_WAITING_EVENTS:
            publisher.drop_oldest(queue, MOST_WAITING_EVENTS)
            log.warning("events_dropped", queue=queue, waiting=waiting, kept=MOST_WAITING_EVENTS)

    def _watching(self, watch: Watch) -> Callable[[], None]:
        def look() -> None:
            while self._goes_on():
                with self._sessions.begin() as session:
                    watch(session)
                self._rest(POLL_SECONDS)

        return look

    def _forget(self) -> None:
        retention.forget(self._sessions, lambda: not self._goes_on(), self._forgets)
        for chore in self._chores:
            chore(self._sessions)
        self._rest(RETENTION_EVERY_SECONDS)

    def _rewrite(self) -> None:
        publisher = Publisher(self._app, self._sealer)
        try:
            publisher.rewrite_file(self._messaging.name, REWRITE_EVERY_SECONDS)
        except ResponseError as error:
            # It writes the file already, or its owner keeps this to himself, and looks after it.
            log.info("broker_file_not_rewritten", error=str(error))
        finally:
            publisher.close()
        self._rest(LOOK_AT_FILE_EVERY_SECONDS)

    def _measure(self) -> None:
        publisher = Publisher(self._app, self._sealer)
        try:
            while self._goes_on():
                with self._sessions() as session:
                    measuring.measure_backlog(self._messaging, session)
                measuring.measure_queues(self._messaging, publisher)
                self._rest(MEASURE_EVERY_SECONDS)
        finally:
            publisher.close()

    def _check(self) -> None:
        measuring.run_checks(self._sessions, self._checks)
        self._rest(CHECK_EVERY_SECONDS)


def run_agent(
    messaging: Messaging,
    sessions: sessionmaker[Session],
    settings: ServiceSettings,
    *,
    forgets: Sequence[retention.Old] = (),
    watches: Sequence[Watch] = (),
    checks: Mapping[str, measuring.Check] | None = None,
    chores: Sequence[Chore] = (),
    woken: Mapping[str, Chore] | None = None,
) -> None:
    """Run a service's agent until SIGTERM or SIGINT.

    What is old is forgotten, chores are done and the books are checked once an hour; watches are run once a
    second, each in a transaction of its own. What is woken is run whenever its channel is notified, and at
    least once a second.
    """
    logging.configure(messaging.name, settings.log_level)
    fault_points.configure(settings.crash_points)
    agent = Agent(
        messaging,
        sessions,
        settings,
        forgets=forgets,
        watches=watches,
        checks=checks,
        chores=chores,
        woken=woken,
    )
    serve(settings.metrics_host, settings.metrics_port, agent.hanging)

    def stop(_signal: int, _frame: FrameType | None) -> None:
        agent.stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    agent.run()
