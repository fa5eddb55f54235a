"""Backlog metrics for Prometheus: the agent queries the database and the broker at intervals.

Not at each scrape, and not every process. Two agents of a service tell the same: take the maximum.
"""

import math
from collections.abc import Callable, Mapping

from prometheus_client import Gauge
from sqlalchemy.orm import Session, sessionmaker

from shared import clock
from shared.messaging import operations
from shared.messaging.relay import Publisher
from shared.messaging.service import Messaging

Check = Callable[[Session], int]  # answers how many faults it found

OLDEST_UNSENT = Gauge(
    "waybill_oldest_unsent_seconds", "Age of the oldest delivery that the broker was not handed."
)
OLDEST_UNACKNOWLEDGED = Gauge(
    "waybill_oldest_unacknowledged_seconds",
    "Age of the oldest delivery that its subscriber has not acknowledged.",
    ["subscriber"],
)
OLDEST_PENDING = Gauge(
    "waybill_oldest_pending_event_seconds", "Age of the oldest event that waits to be handled."
)
OLDEST_DUE_JOB = Gauge("waybill_oldest_due_job_seconds", "How long the oldest job that is due has waited.")
DEAD_LETTERS = Gauge(
    "waybill_dead_letters", "Events and jobs that were given up and wait for an operator.", ["kind"]
)
ASKED_AT = Gauge(
    "waybill_state_asked_at_seconds", "When the database last told these figures, as a Unix time."
)
QUEUE_LENGTH = Gauge("waybill_queue_length", "Tasks that wait in a queue of the broker.", ["queue"])
BROKER_UP = Gauge("waybill_broker_up", "Whether the broker answers: 1 or 0.")
CHECK_FAULTS = Gauge(
    "waybill_standing_check_faults",
    "Faults that a standing check of the books found; should be 0.",
    ["check"],
)
CHECKED_AT = Gauge(
    "waybill_standing_check_at_seconds", "When a standing check last ended, as a Unix time.", ["check"]
)


def measure_backlog(messaging: Messaging, session: Session) -> None:
    """Update the database metrics."""
    state = operations.health(session)
    OLDEST_UNSENT.set(state["oldest_unsent_seconds"])
    OLDEST_PENDING.set(state["oldest_pending_event_seconds"])
    OLDEST_DUE_JOB.set(state["oldest_due_job_seconds"])
    unacknowledged = state["oldest_unacknowledged_seconds"]
    for subscriber in {name for names in messaging.subscribers.values() for name in names} - {messaging.name}:
        # Also those with nothing to acknowledge: what was told of them last would stand for ever.
        OLDEST_UNACKNOWLEDGED.labels(subscriber).set(unacknowledged.get(subscriber, 0))
    DEAD_LETTERS.labels("event").set(state["dead_events"])
    DEAD_LETTERS.labels("job").set(state["dead_jobs"])
    ASKED_AT.set(clock.now().timestamp())


def measure_queues(messaging: Messaging, publisher: Publisher) -> None:
    """Update the broker metrics; while the broker is unreachable, queue lengths are unset, not stale.

    Raises what the broker's client raises.
    """
    try:
        lengths: dict[str, float] = {queue: publisher.waiting(queue) for queue in messaging.queues}
    except Exception:
        lengths = dict.fromkeys(messaging.queues, math.nan)
        raise
    finally:
        BROKER_UP.set(not any(map(math.isnan, lengths.values())))
        for queue, length in lengths.items():
            QUEUE_LENGTH.labels(queue).set(length)


def run_checks(sessions: sessionmaker[Session], checks: Mapping[str, Check]) -> None:
    """Run a service's consistency checks; rarely, because they read whole tables."""
    for name, check in checks.items():
        with sessions.begin() as session:
            CHECK_FAULTS.labels(name).set(check(session))
        CHECKED_AT.labels(name).set(clock.now().timestamp())
