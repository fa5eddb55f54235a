"""Makes a worker that hangs, or no longer receives tasks, exit so that it is restarted.

While it listens it marks its queues in the broker, for nobody can ask it: workers take no orders.
"""

import os
import signal
import threading
import time
from collections.abc import Iterable
from typing import Any

import psutil
from celery import Celery, signals
from celery.worker import state
from kombu import Connection

from shared.logging import logger
from shared.messaging.service import listening_mark

log = logger(__name__)

NAME = "canary"
MARK_SECONDS = 15  # for so long a queue counts as listened to after it was last marked


class Hearing:
    """When each queue was last known to be served: it delivered a task, or it was empty.

    And when its main loop last turned, which hands tasks out and looks after their time limits.
    """

    def __init__(self) -> None:
        self.last_heard: dict[str, float] = {}
        self.turned_at = time.monotonic()

    def heard(self, queue: str) -> None:
        """Record a sign of life from a queue."""
        self.last_heard[queue] = time.monotonic()

    def turned(self) -> None:
        """Record an iteration of the main loop."""
        self.turned_at = time.monotonic()

    def stands(self, deadline_seconds: float) -> bool:
        """Whether the main loop has been stuck for longer than the deadline."""
        return time.monotonic() - self.turned_at > deadline_seconds

    def deaf_queues(self, deadline_seconds: float) -> list[str]:
        """The queues that have delivered nothing for longer than the deadline."""
        now = time.monotonic()
        return [queue for queue, heard in self.last_heard.items() if now - heard > deadline_seconds]


def watch(app: Celery, deadline_seconds: float) -> None:
    """Start watching once the worker consumes."""
    hearing = Hearing()

    # Celery's own, every two seconds, from the main loop; who is to hear it has to be there from the start.
    @signals.heartbeat_sent.connect(weak=False)
    def note_turn(**_: Any) -> None:
        hearing.turned()

    @signals.worker_ready.connect(weak=False)
    def begin(sender: Any, **_: Any) -> None:
        for queue in sender.task_consumer.queues:
            hearing.heard(queue.name)

        @signals.task_received.connect(weak=False)
        def note(request: Any, **_: Any) -> None:
            hearing.heard(request.delivery_info.get("routing_key", ""))

        watcher = threading.Thread(
            target=_end_when_deaf, args=(app, hearing, deadline_seconds), name="canary", daemon=True
        )
        watcher.start()


def _end_when_deaf(app: Celery, hearing: Hearing, deadline_seconds: float) -> None:
    broker = app.connection_for_read()
    while True:
        waiting = _mark(broker, hearing.last_heard)
        if waiting is None or state.should_stop is not None:
            hearing.turned()  # the main loop waits for the broker, or for the last of its work
        elif hearing.stands(deadline_seconds):
            log.error("worker_hangs")
            _end_process()
        for queue in hearing.last_heard:
            # With work in hand it may have no room for more; its time limits look after it. And of a queue in
            # which nothing waits others may take all that comes: how many they are, none of them knows.
            if waiting is None or state.reserved_requests or queue not in waiting:
                hearing.heard(queue)
        if deaf := hearing.deaf_queues(deadline_seconds):
            log.error("worker_deaf", queues=deaf)
            _end_process()
        time.sleep(min(5, deadline_seconds / 10))


def _mark(broker: Connection, queues: Iterable[str]) -> set[str] | None:
    """Mark the queues as served in the broker; returns those with waiting tasks.

    None if the broker does not answer.
    """
    waiting = set()
    try:
        client = broker.default_channel.client
        for queue in queues:
            client.set(listening_mark(queue), os.getpid(), ex=MARK_SECONDS)
            if client.llen(queue):
                waiting.add(queue)
    except Exception:  # noqa: BLE001 - whatever keeps it from answering
        broker.collect()  # to be opened anew
        return None
    return waiting


def _end_process() -> None:
    # Not a graceful stop: that would wait for the very loop that no longer turns.
    for child in psutil.Process().children(recursive=True):
        child.kill()
    os.kill(os.getpid(), signal.SIGKILL)
