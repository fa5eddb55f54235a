"""Sending jobs to the workers when they are due, and again when a worker has lost them."""

from datetime import timedelta

from sqlalchemy import and_, func, or_, select, update
from sqlalchemy.orm import Session, sessionmaker

from shared.db import new_id
from shared.messaging.relay import Publisher
from shared.messaging.service import Messaging
from shared.messaging.tables import jobs

# Sent and not begun, at most: a long backlog waits in the table, not in the broker.
OUTSTANDING = 200


def send_due(
    sessions: sessionmaker[Session], messaging: Messaging, publisher: Publisher, resend_seconds: float
) -> int:
    """Send what is due, oldest first, and what was sent too long ago; answers how many.

    Sending twice is harmless: the second worker finds the job taken.
    """
    now = func.clock_timestamp()
    overdue = now - timedelta(seconds=resend_seconds)
    unsent = or_(jobs.c.sent_at.is_(None), jobs.c.sent_at < overdue)
    with sessions() as session:
        outstanding = session.execute(
            select(func.count())
            .select_from(jobs)
            .where(jobs.c.state == "queued", jobs.c.run_at <= now, jobs.c.sent_at >= overdue)
        ).scalar_one()
        room = OUTSTANDING - outstanding
        if room <= 0:
            return 0
        due = (
            select(jobs.c.id)
            .where(
                or_(
                    and_(jobs.c.state == "queued", jobs.c.run_at <= now, unsent),
                    and_(jobs.c.state == "running", jobs.c.lease_until < now, unsent),
                ),
                jobs.c.kind.in_(messaging.jobs.kinds),
            )
            .order_by(jobs.c.run_at)
            .limit(room)
            .with_for_update(skip_locked=True)
        )
        sent = (
            update(jobs)
            .where(jobs.c.id.in_(due.scalar_subquery()))
            .values(sent_at=now)
            .returning(jobs.c.id, jobs.c.kind, jobs.c.reference)
        )
        rows = session.execute(sent).all()
        if rows:
            publisher.send(
                (
                    f"{messaging.name}.{messaging.jobs.kinds[row.kind].queue}",
                    str(new_id()),
                    f"{messaging.name}.{row.kind}",
                    {"order": row.reference, "job_id": str(row.id)},
                )
                for row in rows
            )
            session.commit()
    return len(rows)
