"""What is deleted: done events after 91 days, done jobs after 90. The event log is kept for ever.

So are the events that somebody decided to skip: they are few, and nothing else tells of them. Deliveries are
deleted when they are acknowledged; those that the release before marked as that, after 90 days.
"""

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Table, delete, func, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session, sessionmaker

from shared.messaging.tables import inbox, jobs, outbox

KEPT = timedelta(days=90)
# An event is forgotten by whoever heard it after whoever told it: else it would show as not received.
HEARD_KEPT = KEPT + timedelta(days=1)
BATCH = 1000

Old = tuple[Table, ColumnElement[bool]]  # rows of a table, by what makes them old


def older_than(
    instant: ColumnElement[Any] | InstrumentedAttribute[Any], kept: timedelta
) -> ColumnElement[bool]:
    """Whether a timestamp is older than the retention period."""
    # Not clock_timestamp(), which changes within a statement: no index can be searched for it.
    return instant < func.now() - kept


OLD: tuple[Old, ...] = (
    (outbox, older_than(outbox.c.acked_at, KEPT)),
    (inbox, (inbox.c.state == "done") & older_than(inbox.c.received_at, HEARD_KEPT)),
    (jobs, (jobs.c.state == "done") & older_than(jobs.c.done_at, KEPT)),
)


def forget(sessions: sessionmaker[Session], is_stopping: Callable[[], bool], also: Iterable[Old] = ()) -> int:
    """Delete expired rows in small transactions; returns how many."""
    return sum(_delete_all(sessions, table, condition, is_stopping) for table, condition in (*OLD, *also))


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
