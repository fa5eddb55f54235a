"""A worker that hears nothing though the broker answers ends itself, and its supervisor starts it anew.

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
    """When each queue of this worker was last heard; any task is a sign of life, not the canary alone."""

    def __init__(self, queues: Iterable[str]) -> None:
        self.last_heard = dict.fromkeys(queues, time.monotonic())

    def heard(self, queue: str) -> None:
        """Note a sign of life."""
        self.last_heard[queue] = time.monotonic()

    def deaf_queues(self, deadline_seconds: float) -> list[str]:
        """The queues nothing has come from for longer than the deadline."""
        now = time.monotonic()
        return [queue for queue, heard in self.last_heard.items() if now - heard > deadline_seconds]


def watch(app: Celery, deadline_seconds: float) -> None:
    """Begin to watch once the worker consumes."""

    @signals.worker_ready.connect(weak=False)
    def begin(sender: Any, **_: Any) -> None:
        hearing = Hearing(queue.name for queue in sender.task_consumer.queues)

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
        # A worker with work in hand may have no room for more; its time limits look after it.
        if not _mark(broker, hearing.last_heard) or state.reserved_requests:
            for queue in hearing.last_heard:
                hearing.heard(queue)
        elif deaf := hearing.deaf_queues(deadline_seconds):
            log.error("worker_deaf", queues=deaf)
            _end_process()
        time.sleep(min(5, deadline_seconds / 10))


def _mark(broker: Connection, queues: Iterable[str]) -> bool:
    """Say in the broker that the queues are listened to; answers whether it took that."""
    try:
        client = broker.default_channel.client
        for queue in queues:
            client.set(listening_mark(queue), os.getpid(), ex=MARK_SECONDS)
    except Exception:  # noqa: BLE001 - whatever keeps it from answering
        broker.collect()  # to be opened anew
        return False
    return True


def _end_process() -> None:
    # Not a graceful stop: that would wait for the very loop that no longer turns.
    for child in psutil.Process().children(recursive=True):
        child.kill()
    os.kill(os.getpid(), signal.SIGKILL)
