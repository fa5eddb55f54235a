"""Dispatches due jobs to the workers, and again when a worker has lost them."""

from datetime import timedelta
from functools import cache

from sqlalchemy import ColumnElement, Exists, and_, exists, func, or_, select, update
from sqlalchemy.orm import Session, sessionmaker

from shared.db import each_alone, executed_alone, new_id
from shared.messaging.relay import Publisher
from shared.messaging.service import Messaging
from shared.messaging.tables import jobs

# Waiting in a queue at most: a long backlog waits in the table, not in the broker.
MOST_WAITING = 200
# Where so few wait, a worker keeps up, and what was sent long ago and not begun was lost on its way.
# Where more wait, it is among them: sending it again would only make the queue longer.
FEW_WAITING = 10


def send_due(
    sessions: sessionmaker[Session], messaging: Messaging, publisher: Publisher, resend_seconds: float
) -> int:
    """Send due jobs, oldest first, and those sent long ago and lost; returns how many.

    Sending twice is harmless: the second worker finds the job taken.
    """
    queues = sorted({kind.queue for kind in messaging.jobs.kinds.values()})
    with sessions() as session:
        each_alone(session)  # some looks find nothing, and hold nothing
        due = [queue for queue in queues if _is_due(session, messaging, queue, resend_seconds)]
    return sum(_send_to(queue, sessions, messaging, publisher, resend_seconds) for queue in due)


def _is_due(session: Session, messaging: Messaging, queue: str, resend_seconds: float) -> bool:
    look = select(is_any_due(tuple(_kinds(messaging, queue)), resend_seconds))
    return bool(session.execute(look).scalar_one())


@cache
def is_any_due(kinds: tuple[str, ...], resend_seconds: float) -> Exists:
    """Whether a job of these kinds is due; built once, because it is asked every second."""
    new, lost = _due(resend_seconds)
    return exists().where(or_(new, lost), jobs.c.kind.in_(kinds))


def _kinds(messaging: Messaging, queue: str) -> list[str]:
    return [name for name, kind in messaging.jobs.kinds.items() if kind.queue == queue]


def _due(resend_seconds: float) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Jobs to send for the first time or after their worker died, and jobs that may have been lost."""
    # Not clock_timestamp(), which changes within a statement: no index can be searched for it, and among all
    # that will be due some day the few that are due now should be found each second.
    now = func.now()
    is_due = and_(jobs.c.state == "queued", jobs.c.run_at <= now)
    sent_long_ago = jobs.c.sent_at < now - timedelta(seconds=resend_seconds)
    new = or_(
        and_(is_due, jobs.c.sent_at.is_(None)),
        and_(jobs.c.state == "running", jobs.c.lease_until < now, sent_long_ago),
    )
    return new, and_(is_due, sent_long_ago)


def _send_to(
    queue: str,
    sessions: sessionmaker[Session],
    messaging: Messaging,
    publisher: Publisher,
    resend_seconds: float,
) -> int:
    """Mark due jobs as sent, in their own transaction, and send them.

    Where the broker fails the marks are taken back; dying in between, it is sent again as a lost one is.
    """
    new, lost = _due(resend_seconds)
    waiting = publisher.waiting(f"{messaging.name}.{queue}")
    picked = (
        select(jobs.c.id)
        .where(or_(new, lost) if waiting < FEW_WAITING else new, jobs.c.kind.in_(_kinds(messaging, queue)))
        .order_by(jobs.c.run_at)
        .limit(max(0, MOST_WAITING - waiting))
        .with_for_update(skip_locked=True)
    )
    sent = (
        update(jobs)
        .where(jobs.c.id.in_(picked.scalar_subquery()))
        .values(sent_at=func.now())
        .returning(jobs.c.id, jobs.c.kind, jobs.c.reference)
    )
    rows = executed_alone(sessions, sent)
    if not rows:
        return 0
    try:
        publisher.send(
            (
                f"{messaging.name}.{queue}",
                str(new_id()),
                f"{messaging.name}.{row.kind}",
                {"order": row.reference, "job_id": str(row.id)},
            )
            for row in rows
        )
    except Exception:
        unsent = update(jobs).where(jobs.c.id.in_([row.id for row in rows]), jobs.c.state == "queued")
        executed_alone(sessions, unsent.values(sent_at=None))
        raise
    return len(rows)
