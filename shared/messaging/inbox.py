"""Receiving events: stored once, processed once, retried when a handler fails, and finally given up."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import msgspec
import structlog
from celery.exceptions import SoftTimeLimitExceeded
from sqlalchemy import exists, func, select, text, update
from sqlalchemy.orm import Session, sessionmaker

from shared import clock
from shared.db import executed_alone
from shared.logging import causation_id, correlation_id, logger, trace_parent
from shared.messaging import copies, metrics
from shared.messaging.backoff import Backoff, is_lost_connection
from shared.messaging.consumers import Consumers, NotFollowed
from shared.messaging.fault_points import crash_point, disturb_handler
from shared.messaging.order_locks import lock_order, note_locked
from shared.messaging.outbox import without_snapshot
from shared.messaging.tables import inbox
from shared.metrics import when_committed

log = logger(__name__)

ATTEMPTS = 8
# So long an event that nobody here follows waits for a release that does: its teller may be of a newer one.
FOLLOWED_WITHIN = timedelta(days=1)
LOOK_AGAIN_SECONDS = 30.0
_DIED = "its process died at every attempt"

# Written once: that it has to be acknowledged stands elsewhere, so that acknowledging writes no row again.
_STORE = """
    with stored as (
        insert into inbox (event_id, source, type, subject, envelope, via, next_at, acked_at)
        values (:event_id, :source, :type, :subject, cast(:envelope as jsonb), :via, :next_at,
                clock_timestamp())
        on conflict (event_id) do nothing
        returning event_id, source, subject
    )"""
_OWE = "insert into pending_acks select source, event_id from stored on conflict do nothing"
# A pushed repeat shows nothing: it may have waited in the queue while its twin was pulled.
_STORE_PUSHED = text(f"{_STORE}, owed as ({_OWE}) select true from stored")  # noqa: S608 - of what stands above
# A pulled one shows that the source has not heard our acknowledgement, or lost it: it is owed again. Counting
# makes sure that this comes after the event is in: else it and its twin could wait for each other.
_STORE_PULLED = text(
    f"""{_STORE}, owed as (
        insert into pending_acks (source, event_id)
        select :source, :event_id from (select count(*) from stored) as looked
        on conflict do nothing
    )
    select true from stored"""  # noqa: S608 - of what stands above
)
# One round trip. Locks are taken after the events are in, of which the rows that it selects from make sure:
# the other way round two deliveries of one event could wait for each other. So they could if those of
# several events were not all in one order.
_STORE_AND_LOCK = text(
    f"""with stored as (
        insert into inbox (event_id, source, type, subject, envelope, via, next_at, state, done_at, acked_at)
        select event_id, source, type, subject, envelope, via, next_at, 'done', clock_timestamp(),
               clock_timestamp()
        from jsonb_to_recordset(cast(:rows as jsonb)) as told (
            event_id uuid, source text, type text, subject text, envelope jsonb, via text,
            next_at timestamptz
        )
        order by event_id
        on conflict (event_id) do nothing
        returning event_id, source, subject
    ), owed as ({_OWE}), locked as (
        insert into subjects (subject) select distinct subject from stored order by subject
        on conflict (subject) do update set version = subjects.version where false
    )
    select event_id from stored"""  # noqa: S608 - of what stands above
)


IS_ANY_DUE = exists().where(inbox.c.state == "pending", inbox.c.next_at <= func.now())
_CLAIM_DUE = text("""
    update inbox
    set attempts = attempts + 1, next_at = clock_timestamp() + :wait,
        state = case when attempts >= :attempts then 'dead' else 'pending' end,
        last_error = case when attempts >= :attempts then coalesce(last_error, :died) else last_error end
    where event_id = (
        select event_id from inbox where state = 'pending' and next_at <= now()
        order by next_at limit 1 for update skip locked
    )
    returning event_id, type, state, envelope ->> 'correlationid' as correlation_id
""")


@dataclass(frozen=True, kw_only=True)
class Inbox:
    """How one service receives events: its sessions, handlers and backoff."""

    sessions: sessionmaker[Session]
    consumers: Consumers
    backoff: Backoff


def receive_and_process(hearing: Inbox, envelopes: Sequence[Mapping[str, Any]]) -> None:
    """Store events and run their handlers in one commit: the usual path, for a first delivery.

    Where one of several fails each is taken in by itself, so that it fails alone. If their process dies,
    nothing is stored, and they come again by a way that counts attempts first. Raises what the database
    raises where an event could not even be stored, and SoftTimeLimitExceeded where several took too long.
    """
    try:
        with hearing.sessions() as session:
            _store_and_handle(session, hearing, envelopes)
            session.commit()
    except Exception as error:
        if len(envelopes) == 1:
            _keep_failed(hearing, envelopes[0], error)
        elif _stops_all(error):
            raise
        else:
            why = f"{type(error).__name__}: {error}"
            log.warning("events_failed_together", events=ids(envelopes), error=why)
            one_by_one(envelopes, lambda envelope: receive_and_process(hearing, [envelope]))
            return
    crash_point("before_ack")


def _keep_failed(hearing: Inbox, envelope: Mapping[str, Any], error: Exception) -> None:
    """Store an event whose handlers failed, for its next attempt."""
    event_id = UUID(envelope["id"])
    log.warning("event_failed", event_id=str(event_id), exc_info=error)
    with hearing.sessions() as session:
        is_new = _store(session, hearing.backoff, envelope, "push")
        session.commit()
    if is_new:
        _fail(hearing, event_id, error)


def one_by_one(
    envelopes: Sequence[Mapping[str, Any]], take_in: Callable[[Mapping[str, Any]], object]
) -> None:
    """Take in each event by itself; what can't even be stored is pulled, and stops none after it.

    Raises what stops them all: the time is up, or there is no database.
    """
    for envelope in envelopes:
        try:
            take_in(envelope)
        except Exception as error:
            if _stops_all(error):
                raise
            log.warning("event_not_received", event_id=envelope.get("id"), exc_info=error)


def _stops_all(error: Exception) -> bool:
    return isinstance(error, SoftTimeLimitExceeded) or is_lost_connection(error)


def ids(envelopes: Sequence[Mapping[str, Any]]) -> list[str]:
    """The ids of events, for the log."""
    return [str(envelope.get("id")) for envelope in envelopes]


def _store_and_handle(session: Session, hearing: Inbox, envelopes: Sequence[Mapping[str, Any]]) -> None:
    """Run the handlers of those events that are new."""
    _follow(envelopes[0])
    rows = [
        _row(hearing.backoff, envelope, "push") | {"envelope": _kept(hearing.consumers, envelope)}
        for envelope in envelopes
    ]
    new = set(session.scalars(_STORE_AND_LOCK, {"rows": _encoded(rows)}))
    for envelope in envelopes:
        event_id = UUID(envelope["id"])
        if event_id not in new:
            continue
        new.remove(event_id)
        _follow(envelope)
        with structlog.contextvars.bound_contextvars(event_id=str(event_id)):
            when_committed(session, metrics.RECEIVED.labels(envelope["type"], "push").inc)
            note_locked(session, envelope["subject"])
            _handle(session, hearing.consumers, envelope)
            when_committed(session, partial(metrics.handled, envelope, "push"))


def receive(hearing: Inbox, envelope: Mapping[str, Any], via: str) -> bool:
    """Store an event once, with its first attempt counted, and process it afterwards.

    The way for an event that may have killed its process before; answers whether it was new. Raises what
    the database raises while the event is taken in: it is then not acknowledged and comes again.
    """
    _follow(envelope)
    with hearing.sessions() as session:
        is_new = _store(session, hearing.backoff, envelope, via)
        session.commit()
    crash_point("before_ack")
    if is_new:
        process(hearing, UUID(envelope["id"]))
    return is_new


def _follow(envelope: Mapping[str, Any]) -> None:
    """Set the logging and tracing context so that everything from here on is attributed to this event."""
    correlation_id.set(envelope["correlationid"])
    causation_id.set(envelope["id"])
    trace_parent.set(envelope["traceparent"])


def _store(session: Session, backoff: Backoff, envelope: Mapping[str, Any], via: str) -> bool:
    row = _row(backoff, envelope, via) | {"envelope": _encoded(envelope)}
    stored = session.execute(_STORE_PULLED if via == "pull" else _STORE_PUSHED, row).scalar_one_or_none()
    if stored:
        when_committed(session, metrics.RECEIVED.labels(envelope["type"], via).inc)
    return bool(stored)


def _row(backoff: Backoff, envelope: Mapping[str, Any], via: str) -> dict[str, Any]:
    """An event as an inbox row whose handlers have not run yet, without what is kept of it."""
    return {
        "event_id": UUID(envelope["id"]),
        "source": envelope["source"].removeprefix("/"),
        "type": envelope["type"],
        "subject": envelope["subject"],
        "via": via,
        # The processing that follows is the first attempt; only if it dies is the row due.
        "next_at": clock.now() + timedelta(seconds=backoff.seconds(1)),
    }


def _kept(consumers: Consumers, envelope: Mapping[str, Any]) -> Mapping[str, Any]:
    """What is kept of a processed event, for 91 days: its data without the snapshot.

    The snapshot is most of it, and stands in this service's copies, or a newer one does.
    """
    if consumers.keeps_events:
        return envelope
    return {**envelope, "data": without_snapshot(envelope["data"])}


def _encoded(content: object) -> str:
    return msgspec.json.encode(content).decode()


def claim_due(hearing: Inbox) -> UUID | None:
    """Count an attempt on a due row, in a separate commit, and return its event's id; None if none is due.

    Counted before it begins, so that a handler that kills its process is given up too; and on that row alone,
    for its process dies with no other's attempt.
    """
    wait = timedelta(seconds=hearing.backoff.seconds(1))
    claim = {"wait": wait, "attempts": ATTEMPTS, "died": _DIED}
    while rows := executed_alone(hearing.sessions, _CLAIM_DUE, claim):
        [row] = rows
        if row.state == "pending":
            event_id: UUID = row.event_id
            return event_id
        metrics.DEAD.labels(row.type).inc()
        log.error("event_dead", event_id=str(row.event_id), correlation_id=row.correlation_id, error=_DIED)
    return None


def process(hearing: Inbox, event_id: UUID) -> bool:
    """Run a pending row's handlers and mark it done in one commit; returns whether it was done.

    Never raises: a failure is written on the row, which waits for its next attempt or is dead.
    """
    with structlog.contextvars.bound_contextvars(event_id=str(event_id)):
        try:
            return _process(hearing, event_id)
        except Exception as error:
            log.warning("event_failed", exc_info=error)
            _fail(hearing, event_id, error)
            return False


def _process(hearing: Inbox, event_id: UUID) -> bool:
    with hearing.sessions() as session:
        pending = (
            select(inbox.c.envelope, inbox.c.via)
            .where(inbox.c.event_id == event_id, inbox.c.state == "pending")
            .with_for_update()  # waits: who has the row may be one that only heard it again
        )
        row = session.execute(pending).one_or_none()
        if row is None:
            return False  # another process had it
        _follow(row.envelope)
        # Before its handlers: of a person who has been erased they empty what is kept here, too.
        done = update(inbox).where(inbox.c.event_id == event_id)
        kept = _kept(hearing.consumers, row.envelope)
        ended = {"state": "done", "done_at": clock.now(), "error_type": None, "last_error": None}
        session.execute(done.values(envelope=kept, **ended))
        _handle(session, hearing.consumers, row.envelope)
        when_committed(session, partial(metrics.handled, row.envelope, row.via))
        session.commit()
    crash_point("after_commit")
    return True


def _handle(session: Session, consumers: Consumers, envelope: Mapping[str, Any]) -> None:
    """Run an event's handlers with the newest snapshot from its source, holding the order's lock."""
    if envelope["type"] not in consumers.kinds:
        raise NotFollowed(envelope["type"])
    if envelope["type"] in consumers.passed_on:
        return
    lock_order(session, envelope["subject"])
    snapshot = _newest(session, consumers, envelope)
    disturb_handler(envelope["id"])
    for handler in consumers.handlers[envelope["type"]]:
        handler(session, snapshot)
    for witness in consumers.witnesses:
        witness(session, envelope)
    session.flush()


def _newest(session: Session, consumers: Consumers, envelope: Mapping[str, Any]) -> Any:
    """The newest snapshot from the event's source, maybe the event's own; a replay uses the stored copy."""
    data, event_type = envelope["data"], envelope["type"]
    if data == without_snapshot(data):  # it was followed before
        known = copies.newest(session, envelope["subject"], consumers.snapshots[event_type])
        if known is not None:
            return known
    event: Any = msgspec.convert(data, consumers.kinds[event_type])
    return copies.keep_newest(session, event.snapshot)


def _fail(hearing: Inbox, event_id: UUID, error: Exception) -> None:
    # An event that can't be read will not become better by waiting.
    permanent = isinstance(error, msgspec.ValidationError | KeyError)
    is_followed = not isinstance(error, NotFollowed)
    excused = is_lost_connection(error) or not is_followed
    try:
        with hearing.sessions() as session:
            row = session.execute(
                select(inbox.c.attempts, inbox.c.type, inbox.c.received_at)
                .where(inbox.c.event_id == event_id, inbox.c.state == "pending")
                .with_for_update()
            ).one_or_none()
            if row is None:
                return
            attempts = row.attempts
            is_late = not is_followed and clock.now() - row.received_at > FOLLOWED_WITHIN
            is_dead = permanent or is_late or (not excused and attempts >= ATTEMPTS)
            wait = hearing.backoff.seconds(attempts) if is_followed else LOOK_AGAIN_SECONDS
            when_committed(session, (metrics.DEAD if is_dead else metrics.RETRIED).labels(row.type).inc)
            session.execute(
                update(inbox)
                .where(inbox.c.event_id == event_id)
                .values(
                    state="dead" if is_dead else "pending",
                    attempts=attempts - excused,
                    next_at=clock.now() + timedelta(seconds=wait),
                    error_type=type(error).__name__,
                    last_error=str(error)[:2000],
                )
            )
            session.commit()
        if is_dead:
            log.error("event_dead", event_id=str(event_id), error=str(error))
    except Exception as unwritten:
        log.warning("event_failure_unwritten", event_id=str(event_id), exc_info=unwritten)
