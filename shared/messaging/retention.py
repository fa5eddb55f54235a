"""What is forgotten: deliveries, done events and done jobs after 90 days. The event log is for ever.

So are the events that somebody decided to skip: they are few, and nothing else tells of them.
"""

from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import ColumnElement, Table, delete, func, select, tuple_
from sqlalchemy.orm import Session, sessionmaker

from shared.messaging.tables import inbox, jobs, outbox

KEPT = timedelta(days=90)
BATCH = 1000


def forget(sessions: sessionmaker[Session], is_stopping: Callable[[], bool]) -> int:
    """Delete what is older than its time, in small transactions; answers how many rows."""
    horizon = func.clock_timestamp() - KEPT
    old: list[tuple[Table, ColumnElement[bool]]] = [
        (outbox, outbox.c.acked_at < horizon),
        (inbox, (inbox.c.received_at < horizon) & (inbox.c.state == "done")),
        (jobs, (jobs.c.state == "done") & (jobs.c.done_at < horizon)),
    ]
    return sum(_delete_all(sessions, table, condition, is_stopping) for table, condition in old)


def _delete_all(
    sessions: sessionmaker[Session],
    table: Table,
    condition: ColumnElement[bool],
    is_stopping: Callable[[], bool],
) -> int:
    keys = list(table.primary_key.columns)
    deleted = 0
    while not is_stopping():
        with sessions() as session:
            batch = select(*keys).where(condition).limit(BATCH)
            rows = session.execute(delete(table).where(tuple_(*keys).in_(batch)).returning(keys[0])).all()
            session.commit()
        deleted += len(rows)
        if len(rows) < BATCH:
            break
    return deleted
