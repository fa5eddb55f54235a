"""Dispatches due jobs to the workers, and again when a worker has lost them."""

from datetime import timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Exists,
    Integer,
    Interval,
    and_,
    bindparam,
    exists,
    func,
    literal,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.sql.dml import ReturningUpdate

from shared.db import executed_alone, new_id
from shared.messaging.relay import Publisher
from shared.messaging.service import Messaging
from shared.messaging.tables import jobs

# Waiting in a queue at most: a long backlog waits in the table, not in the broker.
MOST_WAITING = 200
# Where so few wait, a worker keeps up, and what was sent long ago and not begun was lost on its way.
# Where more wait, it may be among them: sending it again would only make the queue longer. But a queue is
# worked off in its order: what was sent long before the job that runs now, and has not begun, was lost.
FEW_WAITING = 10


def send_due(
    sessions: sessionmaker[Session], messaging: Messaging, publisher: Publisher, resend_seconds: float
) -> int:
    """Send due jobs, oldest first, and those sent long ago and lost; returns how many.

    Sending twice is harmless: the second worker finds the job taken.
    """
    kinds: dict[str, tuple[str, ...]] = {}
    for name, kind in messaging.jobs.kinds.items():
        queue = f"{messaging.name}.{kind.queue}"
        kinds[queue] = (*kinds.get(queue, ()), name)
    due = executed_alone(sessions, _with_any_due(tuple(kinds.items()), resend_seconds))
    return sum(_send_to(row.queue, kinds[row.queue], sessions, publisher, resend_seconds) for row in due)


@cache
def _with_any_due(
    queues: tuple[tuple[str, tuple[str, ...]], ...], resend_seconds: float
) -> CompoundSelect[Any]:
    """The queues for which anything is due, each given with the kinds of its jobs."""
    return union_all(
        *(
            select(literal(queue).label("queue")).where(is_any_due(kinds, resend_seconds))
            for queue, kinds in queues
        )
    )


@cache
def is_any_due(kinds: tuple[str, ...], resend_seconds: float) -> Exists:
    """Whether a job of these kinds is due; built once, because it is asked every second."""
    new, lost = _due(resend_seconds)
    return exists().where(or_(new, lost), jobs.c.kind.in_(kinds))


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


@cache
def _mark_sent(kinds: tuple[str, ...], resend_seconds: float, *, is_short: bool) -> ReturningUpdate[Any]:
    new, unheard_of = _due(resend_seconds)
    running = jobs.alias("running")
    begun = select(func.max(running.c.sent_at)).where(running.c.state == "running", running.c.kind.in_(kinds))
    long_before = literal(timedelta(seconds=resend_seconds), Interval)
    overtaken = jobs.c.sent_at < begun.scalar_subquery() - long_before
    lost = unheard_of if is_short else and_(unheard_of, overtaken)
    picked = (
        select(jobs.c.id)
        .where(or_(new, lost), jobs.c.kind.in_(kinds))
        .order_by(jobs.c.run_at)
        .limit(bindparam("most", type_=Integer))
        .with_for_update(skip_locked=True)
    )
    return (
        update(jobs)
        .where(jobs.c.id.in_(picked.scalar_subquery()))
        .values(sent_at=func.now())
        .returning(jobs.c.id, jobs.c.kind, jobs.c.reference)
    )


def _send_to(
    queue: str,
    kinds: tuple[str, ...],
    sessions: sessionmaker[Session],
    publisher: Publisher,
    resend_seconds: float,
) -> int:
    """Mark due jobs as sent, in their own transaction, and send them.

    Where the broker fails the marks are taken back; dying in between, it is sent again as a lost one is.
    """
    waiting = publisher.waiting(queue)
    sent = _mark_sent(kinds, resend_seconds, is_short=waiting < FEW_WAITING)
    rows = executed_alone(sessions, sent, {"most": max(0, MOST_WAITING - waiting)})
    if not rows:
        return 0
    service, _, _ = queue.partition(".")
    try:
        publisher.send(
            (
                queue,
                str(new_id()),
                f"{service}.{row.kind}",
                {"order": row.reference, "job_id": str(row.id)},
            )
            for row in rows
        )
    except Exception:
        unsent = update(jobs).where(jobs.c.id.in_([row.id for row in rows]), jobs.c.state == "queued")
        executed_alone(sessions, unsent.values(sent_at=None))
        raise
    return len(rows)
