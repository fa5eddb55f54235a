"""Counters for events and jobs as they pass; backlog metrics are in measuring.py."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from prometheus_client import Counter, Histogram

from shared import clock

TOLD = Counter("waybill_events_told", "Events committed with the state that they tell of.", ["type"])
SENT = Counter(
    "waybill_events_sent", "Deliveries handed to the broker, repeats included.", ["type", "subscriber"]
)
RECEIVED = Counter(
    "waybill_events_received",
    "Events taken in, each once, by push of the broker or by pull.",
    ["type", "via"],
)
ACKNOWLEDGED = Counter(
    "waybill_events_acknowledged", "Events of which their source was told that they are safe here.", ["type"]
)
REFUSED = Counter(
    "waybill_events_refused", "Events that do not come from who alone can tell them, by their way.", ["via"]
)
HANDLED = Counter("waybill_events_handled", "Events whose effects are committed.", ["type"])
RETRIED = Counter(
    "waybill_events_retried", "Failures of an event's handlers, which will run again.", ["type"]
)
DEAD = Counter("waybill_events_dead", "Events that were given up: dead letters.", ["type"])
EFFECT_SECONDS = Histogram(
    "waybill_event_effect_seconds",
    "From what an event tells of to the commit of its effects, by who told it; without replays.",
    ["source"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300),
)
JOBS = Counter(
    "waybill_jobs",
    "Tries of a job by the state they left it in: done, queued (for another try) or dead.",
    ["kind", "state"],
)


def handled(envelope: Mapping[str, Any], via: str) -> None:
    """Count an event whose effects have just been committed."""
    HANDLED.labels(envelope["type"]).inc()
    if via != "replay":  # which is as old as an operator likes
        took = clock.now() - datetime.fromisoformat(envelope["time"])
        EFFECT_SECONDS.labels(envelope["source"].removeprefix("/")).observe(took.total_seconds())
