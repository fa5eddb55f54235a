"""Batches the task events that a worker sends to Flower."""

import time
from typing import Any

from celery.worker.consumer import Consumer

# Nobody who watches Flower sees the difference; Celery tells each change at once, in a message of its own.
GATHER_SECONDS = 1.0


class GatheringConsumer(Consumer):
    """Celery's consumer, publishing task events that happen close together as one message.

    Of the three messages that each task costs it leaves one for many, for the worker, the broker and Flower.
    """

    _next_flush_at = 0.0  # of the monotonic clock; in the past when none is due

    def on_send_event_buffered(self) -> None:
        """Schedule publication of the buffered events, unless it is already scheduled."""
        now = time.monotonic()
        # Where a timer was lost with its loop, its time passes all the same.
        if self.hub and now >= self._next_flush_at:
            self._next_flush_at = now + GATHER_SECONDS
            self.hub.call_later(GATHER_SECONDS, self._flush_events)

    def shutdown(self) -> Any:
        """Publish buffered events before the worker exits, because its loop no longer runs."""
        self._flush_events()
        return super().shutdown()
