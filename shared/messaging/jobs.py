"""Slow, external or delayed work: the rows are authoritative, tasks are only wake-up calls."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

import msgspec
from sqlalchemy import Row, text, update
from sqlalchemy.orm import Session, sessionmaker

from shared import clock
from shared.db import executed_alone, new_id
from shared.errors import Unavailable
from shared.logging import causation_id, correlation_id, logger, trace_parent
from shared.messaging import metrics
from shared.messaging.backoff import Backoff, is_lost_connection
from shared.messaging.fault_points import crash_point
from shared.messaging.order_locks import lock_order
from shared.messaging.tables import jobs
from shared.metrics import when_committed

log = logger(__name__)

Effect = Callable[[Session], None]
Work = Callable[[sessionmaker[Session], dict[str, Any]], Effect | None]
GiveUp = Callable[[Session, dict[str, Any], str], None]
W = TypeVar("W", bound=Work)
G = TypeVar("G", bound=GiveUp)

LEASE_MARGIN_SECONDS = 10  # a worker is killed at its limit; only then may another take the job
LONGEST_SECONDS = 300  # longer work is cut into rows

_ENQUEUE = text("""
    with owed as (
        insert into jobs (id, kind, key, subject, reference, argument, run_at, due_at,
                          correlation_id, causation_id)
        values (:id, :kind, :key, :subject, :reference, cast(:argument as jsonb), :due_at, :due_at,
                :correlation_id, :causation_id)
        on conflict (key) do nothing
        returning id
    )
    select pg_notify('jobs', '') from owed
""")
# Of a kind that this process does not know it takes none.
_TAKE = text(
    f"""
    update jobs
    set state = 'running', attempts = attempts + 1,
        lease_until = clock_timestamp() + (cast(:leases as jsonb) ->> kind)::float * interval '1 second'
    where id = :id and cast(:leases as jsonb) ? kind and (
        (state = 'queued' and run_at <= clock_timestamp())
        or (state = 'running' and lease_until < clock_timestamp())
    )
    returning {", ".join(jobs.c.keys())}"""  # noqa: S608 - the names of our own columns
).columns(*jobs.c)


class PermanentFailure(Exception):  # noqa: N818 - reads as what happened
    """Retrying can't help."""


class RetryLater(Exception):  # noqa: N818
    """An external dependency is not ready; this doesn't count as a failed attempt."""

    def __init__(self, seconds: float, reason: str) -> None:
        super().__init__(reason)
        self.seconds = seconds


@dataclass(frozen=True, kw_only=True)
class Kind:
    """How one kind of job is run and when it is given up."""

    name: str
    work: Work
    limit_seconds: int
    queue: str
    attempts: int
    patience_seconds: float | None  # how long RetryLater may put it off; None: for ever


class Jobs:
    """The kinds of job a service has."""

    def __init__(self) -> None:
        self.kinds: dict[str, Kind] = {}
        self.give_up: dict[str, GiveUp] = {}

    def kind(
        self,
        name: str,
        *,
        limit_seconds: int,
        queue: str = "jobs",
        attempts: int = 8,
        patience_seconds: float | None = None,
    ) -> Callable[[W], W]:
        """Register the function that runs a kind of job.

        The function reads and works outside any transaction and answers its effect, which runs in one
        commit with the end of the job, under the order's lock, and only if nobody else has taken the job.
        """
        if limit_seconds > LONGEST_SECONDS:
            raise ValueError(f"a job may take {LONGEST_SECONDS} s at most; cut it into rows")

        def register(work: W) -> W:
            self.kinds[name] = Kind(
                name=name,
                work=work,
                limit_seconds=limit_seconds,
                queue=queue,
                attempts=attempts,
                patience_seconds=patience_seconds,
            )
            return work

        return register

    def on_dead(self, name: str) -> Callable[[G], G]:
        """Register a function to run in the same commit when a job is given up."""

        def register(give_up: G) -> G:
            self.give_up[name] = give_up
            return give_up

        return register


def enqueue(
    session: Session,
    kind: str,
    *,
    key: str,
    order_id: UUID | str,
    number: str,
    argument: Mapping[str, Any] | None = None,
    run_at: datetime | None = None,
) -> None:
    """Enqueue a job, once per key; it runs after the commit, and not before `run_at`."""
    session.flush()
    row = {
        "id": new_id(),
        "kind": kind,
        "key": key,
        "subject": str(order_id),
        "reference": number,
        "argument": msgspec.json.encode(argument or {}).decode(),
        "due_at": run_at or clock.now(),
        "correlation_id": correlation_id.get(),
        "causation_id": causation_id.get(),
    }
    session.execute(_ENQUEUE, row)


def run(sessions: sessionmaker[Session], registry: Jobs, job_id: UUID, backoff: Backoff) -> bool:
    """Claim a job, run it and commit its effect; returns whether it could be claimed.

    Raises what the database raises while it is claimed; what goes wrong after that is written on the row,
    which is then tried again or given up.
    """
    job = _take(sessions, registry, job_id)
    if job is None:
        return False
    correlation_id.set(job.correlation_id)
    causation_id.set(job.causation_id)
    trace_parent.set("")  # what this process handled last is of another trace
    kind = registry.kinds[job.kind]
    try:
        if job.attempts - job.excused > kind.attempts:
            raise PermanentFailure(f"its worker died {kind.attempts} times")  # noqa: TRY301 - one way to give up
        effect = kind.work(sessions, job.argument)
        crash_point("after_work")
        _finish(sessions, job, effect)
        crash_point("after_effect")
    except Exception as error:
        log.warning("job_failed", kind=job.kind, job_id=str(job.id), attempts=job.attempts, exc_info=error)
        _fail(sessions, registry, job, error, backoff)
    return True


def _take(sessions: sessionmaker[Session], registry: Jobs, job_id: UUID) -> Row[Any] | None:
    leases = {name: kind.limit_seconds + LEASE_MARGIN_SECONDS for name, kind in registry.kinds.items()}
    taken = executed_alone(sessions, _TAKE, {"id": job_id, "leases": msgspec.json.encode(leases).decode()})
    return taken[0] if taken else None


def _finish(sessions: sessionmaker[Session], job: Row[Any], effect: Effect | None) -> None:
    with sessions() as session:
        lock_order(session, job.subject)
        if not _end(session, job, state="done", done_at=clock.now(), last_error=None):
            log.warning("job_lost", kind=job.kind, job_id=str(job.id))
            return
        if effect is not None:
            effect(session)
        session.commit()


def _fail(
    sessions: sessionmaker[Session], registry: Jobs, job: Row[Any], error: Exception, backoff: Backoff
) -> None:
    kind = registry.kinds[job.kind]
    excused = isinstance(error, RetryLater | Unavailable) or is_lost_connection(error)
    waited = (clock.now() - job.due_at).total_seconds()
    impatient = excused and kind.patience_seconds is not None and waited > kind.patience_seconds
    reason = f"{type(error).__name__}: {error}"[:2000]
    try:
        with sessions() as session:
            lock_order(session, job.subject)
            counted = job.attempts - job.excused
            # What is away is asked more and more seldom, though that is held against no job.
            tries = job.attempts if isinstance(error, Unavailable) else counted
            if isinstance(error, PermanentFailure) or impatient or (not excused and counted >= kind.attempts):
                if _end(session, job, state="dead", last_error=reason) and job.kind in registry.give_up:
                    registry.give_up[job.kind](session, job.argument, reason)
            else:
                wait = error.seconds if isinstance(error, RetryLater) else backoff.seconds(tries)
                _end(
                    session,
                    job,
                    state="queued",
                    run_at=clock.now() + timedelta(seconds=wait),
                    sent_at=None,
                    excused=job.excused + excused,
                    last_error=reason,
                )
            session.commit()
    except Exception as unwritten:
        log.warning("job_failure_unwritten", kind=job.kind, job_id=str(job.id), exc_info=unwritten)


def _end(session: Session, job: Row[Any], **values: Any) -> bool:
    """Update a job if this attempt still holds it; the attempt number is the fencing token."""
    held = jobs.c.id == job.id, jobs.c.state == "running", jobs.c.attempts == job.attempts
    written = update(jobs).where(*held).values(lease_until=None, **values).returning(jobs.c.id)
    if session.execute(written).first() is None:
        return False
    when_committed(session, metrics.JOBS.labels(job.kind, values["state"]).inc)
    return True
