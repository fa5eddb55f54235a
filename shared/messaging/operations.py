"""What operators can do: inspect events, resend them, retry or skip dead ones, compare deliveries."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    Text,
    all_,
    and_,
    any_,
    cast,
    func,
    literal,
    literal_column,
    or_,
    select,
    text,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared import clock
from shared.errors import Invalid, NotFound, Refused
from shared.messaging.outbox import envelope
from shared.messaging.retention import KEPT
from shared.messaging.tables import event_log, inbox, jobs, outbox, pushes

Row = dict[str, Any]

FIRST_DUE = 1000  # of the events that wait
MOST_LISTED = 500
MOST_TRACED = 500  # of each kind: a bulk of hundreds of orders is one request too


# As the index has it: a parameter in its place would hide the index from a plan that is kept.
_heard_of: ColumnElement[str] = literal_column("inbox.envelope ->> 'correlationid'", Text)

_ITS_PUSH = and_(pushes.c.seq == outbox.c.seq, pushes.c.subscriber == outbox.c.subscriber)

# From one subscriber to the next along the index: grouping would read all that is unacknowledged.
_UNACKNOWLEDGED = text("""
    with recursive oldest as (
        (
            select subscriber, recorded_at from outbox
            where acked_at is null
            order by subscriber, recorded_at limit 1
        )
        union all
        select following.* from oldest, lateral (
            select subscriber, recorded_at from outbox
            where acked_at is null and outbox.subscriber > oldest.subscriber
            order by subscriber, recorded_at limit 1
        ) as following
    )
    select subscriber, extract(epoch from clock_timestamp() - recorded_at) from oldest
""")


def health(session: Session) -> Row:
    """How far behind the service is, in seconds and rows; cheap enough for every health check."""
    now = select(func.clock_timestamp()).scalar_subquery()  # once, so that an index can be searched for it

    # By its sequence, which the index has, not by its time: a backlog is not read to tell its age. The outbox
    # is found by its key, which begins with the event.
    unsent = (
        select(outbox.c.recorded_at)
        .join(event_log, event_log.c.event_id == outbox.c.event_id)
        .join(pushes, and_(pushes.c.seq == event_log.c.seq, pushes.c.subscriber == outbox.c.subscriber))
        .where(pushes.c.sent_at.is_(None))
        .order_by(pushes.c.seq)
        .limit(1)
        .scalar_subquery()
    )
    # Of those that are due first, for the same reason. What is replayed came long ago, and is not late.
    first_due = (
        select(inbox.c.received_at, inbox.c.via)
        .where(inbox.c.state == "pending")
        .order_by(inbox.c.next_at)
        .limit(FIRST_DUE)
        .subquery()
    )
    pending = select(func.min(first_due.c.received_at)).where(first_due.c.via != "replay").scalar_subquery()
    is_due = and_(jobs.c.state == "queued", jobs.c.run_at <= now)
    due = select(func.min(jobs.c.run_at)).where(is_due).scalar_subquery()
    row = (
        session.execute(
            select(
                func.extract("epoch", now - unsent).label("oldest_unsent_seconds"),
                func.extract("epoch", now - pending).label("oldest_pending_event_seconds"),
                func.extract("epoch", now - due).label("oldest_due_job_seconds"),
                _count(inbox, inbox.c.state == "dead").label("dead_events"),
                _count(jobs, jobs.c.state == "dead").label("dead_jobs"),
            )
        )
        .mappings()
        .one()
    )
    unacknowledged = session.execute(_UNACKNOWLEDGED)
    return {
        **{name: float(value or 0) if name.endswith("seconds") else value for name, value in row.items()},
        "oldest_unacknowledged_seconds": {subscriber: float(age) for subscriber, age in unacknowledged},
    }


def _count(table: Any, condition: Any) -> Any:
    return select(func.count()).select_from(table).where(condition).scalar_subquery()


def tail_events(session: Session, limit: int, event_type: str | None = None) -> list[Row]:
    """The service's newest events first, without their data."""
    newest = select(*_summary()).order_by(event_log.c.seq.desc()).limit(limit)
    if event_type:
        newest = newest.where(event_log.c.type == event_type)
    return _rows(session, newest)


def show_event(session: Session, event_id: UUID) -> Row:
    """One event with its data and the state of each delivery; raises NotFound."""
    row = session.execute(select(event_log).where(event_log.c.event_id == event_id)).mappings().one_or_none()
    if row is None:
        raise NotFound("event", event_id)
    owed = {delivery["subscriber"]: delivery for delivery in _rows(session, _owed(event_id))}
    # Whoever has acknowledged it is owed nothing any more.
    settled = {"recorded_at": row["occurred_at"], "sent_at": None, "acked_at": None, "acknowledged": True}
    deliveries = {name: {"subscriber": name} | settled for name in row["told_to"] or ()} | owed
    return {
        "envelope": envelope(row, session.info["service"]),
        "deliveries": [deliveries[name] for name in sorted(deliveries)],
    }


def _owed(event_id: UUID) -> Select[*tuple[Any, ...]]:
    """The deliveries of an event that there are rows of: what is owed, and what the release before told."""
    return (
        select(
            outbox.c.subscriber,
            outbox.c.recorded_at,
            func.coalesce(pushes.c.sent_at, outbox.c.sent_at).label("sent_at"),
            outbox.c.acked_at,
            outbox.c.acked_at.is_not(None).label("acknowledged"),
        )
        .join(pushes, _ITS_PUSH, isouter=True)
        .where(outbox.c.event_id == event_id)
    )


def trace(session: Session, correlation_id: str) -> list[Row]:
    """Everything one request caused in this service: events published, events received, jobs; in order.

    `caused_by` is the event in whose wake something was told or a job made; empty: the request itself. Of
    each kind the first MOST_TRACED.
    """
    told = (
        select(*_summary(), event_log.c.causation_id.label("caused_by"), event_log.c.actor)
        .where(event_log.c.correlation_id == correlation_id)
        .order_by(event_log.c.seq)
    )
    heard = (
        select(
            inbox.c.event_id,
            inbox.c.type,
            inbox.c.source,
            inbox.c.subject,
            inbox.c.received_at,
            inbox.c.state,
            inbox.c.attempts,
            inbox.c.last_error,
            inbox.c.done_at,
        )
        .where(_heard_of == correlation_id)
        .order_by(inbox.c.received_at)
    )
    worked = (
        select(
            jobs.c.id,
            jobs.c.kind,
            jobs.c.key,
            jobs.c.subject,
            jobs.c.reference,
            jobs.c.created_at,
            jobs.c.state,
            jobs.c.attempts,
            jobs.c.last_error,
            jobs.c.run_at,
            jobs.c.done_at,
            jobs.c.causation_id.label("caused_by"),
        )
        .where(jobs.c.correlation_id == correlation_id)
        .order_by(jobs.c.created_at)
    )
    steps = [
        {"step": step, "at": row[at], **row}
        for step, at, rows in (
            ("told", "occurred_at", told),
            ("heard", "received_at", heard),
            ("job", "created_at", worked),
        )
        for row in _rows(session, rows.limit(MOST_TRACED))
    ]
    return sorted(steps, key=lambda step: step["at"])


def pending(session: Session, limit: int = 100) -> list[Row]:
    """Deliveries their subscriber has not acknowledged, oldest first."""
    owed = (
        select(*_summary(), outbox.c.subscriber, outbox.c.recorded_at, pushes.c.sent_at)
        .join(event_log, event_log.c.seq == outbox.c.seq)
        .join(pushes, _ITS_PUSH, isouter=True)
        .where(outbox.c.acked_at.is_(None))
        .order_by(outbox.c.recorded_at)
        .limit(limit)
    )
    return _rows(session, owed)


def resend(session: Session, subscriber: str | None = None) -> int:
    """Have the relay resend every unacknowledged delivery; returns how many."""
    owed = select(outbox.c.seq, outbox.c.subscriber).where(outbox.c.acked_at.is_(None))
    if subscriber:
        owed = owed.where(outbox.c.subscriber == subscriber)
    return _notify_if_any(session, _push_again(session, owed))


def dead_letters(session: Session) -> list[Row]:
    """Dead events and jobs, oldest first, up to a limit."""
    events = (
        select(
            inbox.c.event_id.label("id"),
            inbox.c.type.label("what"),
            inbox.c.subject,
            inbox.c.envelope["reference"].astext.label("reference"),
            _heard_of.label("correlation_id"),
            inbox.c.received_at.label("since"),
            inbox.c.attempts,
            inbox.c.last_error,
        )
        .where(inbox.c.state == "dead")
        .order_by(inbox.c.received_at)
        .limit(MOST_LISTED)
    )
    given_up = (
        select(
            jobs.c.id,
            jobs.c.kind.label("what"),
            jobs.c.subject,
            jobs.c.reference,
            jobs.c.correlation_id,
            jobs.c.created_at.label("since"),
            jobs.c.attempts,
            jobs.c.last_error,
        )
        .where(jobs.c.state == "dead")
        .order_by(jobs.c.created_at)
        .limit(MOST_LISTED)
    )
    rows = [
        *({"kind": "event", **row} for row in _rows(session, events)),
        *({"kind": "job", **row} for row in _rows(session, given_up)),
    ]
    return sorted(rows, key=lambda row: row["since"])[:MOST_LISTED]


def dead_letter(session: Session, letter_id: UUID) -> Row:
    """One dead event or job in full; raises NotFound."""
    event = select(inbox).where(inbox.c.event_id == letter_id, inbox.c.state == "dead")
    job = select(jobs).where(jobs.c.id == letter_id, jobs.c.state == "dead")
    for row in (*_rows(session, event), *_rows(session, job)):
        return row
    raise NotFound("dead letter", letter_id)


def retry(session: Session, letter_id: UUID) -> None:
    """Retry a dead event or job, starting over at its first attempt; raises NotFound."""
    if not _retry(session, inbox.c.event_id == letter_id, jobs.c.id == letter_id):
        raise NotFound("dead letter", letter_id)


def retry_all(session: Session, what: str | None = None) -> int:
    """Retry everything dead, or only events or jobs of one type; returns how many.

    For the time after the fault that killed them was mended.
    """
    if what is None:
        return _retry(session, true(), true())
    return _retry(session, inbox.c.type == what, jobs.c.kind == what)


def _retry(session: Session, events: ColumnElement[bool], given_up: ColumnElement[bool]) -> int:
    now = clock.now()
    event = (
        update(inbox)
        .where(events, inbox.c.state == "dead")
        .values(state="pending", attempts=0, next_at=now)
        .returning(inbox.c.event_id)
    )
    job = (
        update(jobs)
        .where(given_up, jobs.c.state == "dead")
        .values(state="queued", excused=jobs.c.attempts, run_at=now, due_at=now, sent_at=None)
        .returning(jobs.c.id)
    )
    session.execute(text("select pg_notify('jobs', '')"))
    return len(session.execute(event).all()) + len(session.execute(job).all())


def skip(session: Session, letter_id: UUID, reason: str) -> None:
    """Skip a dead event for good; the reason is kept until its order's person is erased.

    Raises Invalid for no reason, NotFound, Refused (job_not_skippable).
    """
    if not reason.strip():
        raise Invalid(reason="must say why")
    skipped = (
        update(inbox)
        .where(inbox.c.event_id == letter_id, inbox.c.state == "dead")
        .values(state="skipped", done_at=clock.now(), last_error=f"skipped: {reason}")
        .returning(inbox.c.event_id)
    )
    if session.execute(skipped).first() is None:
        dead_letter(session, letter_id)
        raise Refused("job_not_skippable", "a dead job can't be skipped; retry it")


def replay(session: Session, since: datetime, event_types: Sequence[str] = ()) -> int:
    """Have this service process received events again; returns how many. Safe by design."""
    again = update(inbox).where(inbox.c.received_at >= since, inbox.c.state == "done")
    if event_types:
        again = again.where(inbox.c.type.in_(event_types))
    values = {"state": "pending", "via": "replay", "attempts": 0, "next_at": clock.now()}
    return len(session.execute(again.values(values).returning(inbox.c.event_id)).all())


def deliver_again(session: Session, subscriber: str, since: datetime) -> int:
    """Redeliver everything since a time to a subscriber whose database was restored; returns how many."""
    subscribers: dict[str, tuple[str, ...]] = session.info["subscribers"]
    followed = [event_type for event_type, listeners in subscribers.items() if subscriber in listeners]
    told = select(event_log.c.event_id, cast(subscriber, Text), event_log.c.seq).where(
        event_log.c.occurred_at >= since, event_log.c.type.in_(followed)
    )
    owed = insert(outbox).from_select(["event_id", "subscriber", "seq"], told)
    again = owed.on_conflict_do_update(
        index_elements=[outbox.c.event_id, outbox.c.subscriber], set_={"sent_at": None, "acked_at": None}
    )
    count = len(session.execute(again.returning(outbox.c.seq)).all())
    # Also of what did not concern it at the time: from now on it was told that too.
    was_not_told = or_(event_log.c.told_to.is_(None), literal(subscriber, Text) != all_(event_log.c.told_to))
    session.execute(
        update(event_log)
        .where(event_log.c.occurred_at >= since, event_log.c.type.in_(followed), was_not_told)
        .values(told_to=func.array_append(event_log.c.told_to, subscriber))
    )
    since_then = outbox.c.seq.in_(select(event_log.c.seq).where(event_log.c.occurred_at >= since))
    _push_again(
        session,
        select(outbox.c.seq, outbox.c.subscriber).where(outbox.c.subscriber == subscriber, since_then),
    )
    return _notify_if_any(session, count)


def delivery_log(session: Session, subscriber: str, after: int, limit: int) -> list[Row]:
    """Deliveries to a subscriber in order, after a sequence number: those owed, or of the last 90 days."""
    return _rows(session, log_page(subscriber, after, limit))


def log_page(subscriber: str, after: int, limit: int) -> Select[*tuple[Any, ...]]:
    """The query for a page of the delivery log.

    It goes along the event log, whose key is the order of the pages. Of what was acknowledged it shows what
    is not older than 90 days: so long whoever heard it keeps it.
    """
    its_delivery = select(outbox.c.seq).where(
        outbox.c.event_id == event_log.c.event_id, outbox.c.subscriber == subscriber
    )
    was_told = literal(subscriber, Text) == any_(event_log.c.told_to)
    is_kept = event_log.c.occurred_at > func.now() - KEPT
    # Past all that is older. Events' numbers and instants rise together, but for what happens at once.
    young = event_log.c.occurred_at > func.now() - KEPT - timedelta(days=1)
    first_kept = select(event_log.c.seq).where(young).order_by(event_log.c.occurred_at).limit(1)
    first_owed = select(func.min(outbox.c.seq)).where(
        outbox.c.subscriber == subscriber, outbox.c.acked_at.is_(None)
    )
    begins = func.least(first_kept.scalar_subquery(), first_owed.scalar_subquery())
    return (
        select(
            event_log.c.seq, event_log.c.event_id, event_log.c.type, event_log.c.subject, event_log.c.version
        )
        .where(
            event_log.c.seq > after,
            event_log.c.seq >= begins,
            or_(and_(was_told, is_kept), its_delivery.exists()),
        )
        .order_by(event_log.c.seq)
        .limit(limit)
    )


def _push_again(session: Session, owed: Select[*tuple[Any, ...]]) -> int:
    """Mark deliveries unsent that the relay has sent, or that a crash forgot; returns how many."""
    unsent = (
        insert(pushes)
        .from_select(["seq", "subscriber"], owed)
        .on_conflict_do_update(
            index_elements=[pushes.c.seq, pushes.c.subscriber],
            set_={"sent_at": None},
            where=pushes.c.sent_at.is_not(None),
        )
    )
    return len(session.execute(unsent.returning(pushes.c.seq)).all())


def _notify_if_any(session: Session, count: int) -> int:
    if count:
        session.execute(text("select pg_notify('outbox', '')"))
    return count


def _summary() -> list[Any]:
    columns = event_log.c
    return [
        columns.event_id,
        columns.type,
        columns.subject,
        columns.reference,
        columns.version,
        columns.occurred_at,
    ]


def _rows(session: Session, statement: Any) -> list[Row]:
    return [dict(row) for row in session.execute(statement).mappings()]
