"""What a worker tells Flower of its tasks, a handful at a time."""

import time
from typing import Any

from celery.worker.consumer import Consumer

# Nobody who watches Flower sees the difference; Celery tells each change at once, in a message of its own.
GATHER_SECONDS = 0.25


class GatheringConsumer(Consumer):
    """Celery's own consumer, which publishes the events of tasks that happened close together as one message.

    Of the three messages that each task costs it leaves one for many, for the worker, the broker and Flower.
    """

    _next_flush_at = 0.0  # of the monotonic clock; in the past when none is due

    def on_send_event_buffered(self) -> None:
        """Have what is gathered published soon, unless it is due already."""
        now = time.monotonic()
        # Where a timer was lost with its loop, its time passes all the same.
        if self.hub and now >= self._next_flush_at:
            self._next_flush_at = now + GATHER_SECONDS
            self.hub.call_later(GATHER_SECONDS, self._flush_events)

    def shutdown(self) -> Any:
        """Publish what is gathered before the worker ends: its loop runs no more."""
        self._flush_events()
        return super().shutdown()
