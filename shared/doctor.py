"""Finds problems with a deployed service: what is wrong, why it matters, and how to fix it.

It only looks. What is wrong in its settings alone is told by whoever reads them.
"""

import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import httpx2
import jwt
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy import func, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from shared import clock
from shared.db import migration_of, newest_migration
from shared.messaging import operations
from shared.messaging.service import Messaging, listening_mark
from shared.messaging.tables import inbox
from shared.publisher_clients import sources
from shared.settings import ServiceSettings, bearer

OLDEST_POSTGRESQL = 15
MOST_SKEW_SECONDS = 2.0
LATE_SECONDS = 60.0
MANY_WAITING = 1000
LOOKED_AT = 1000  # of the newest events heard
FEWEST = 100  # of which a share says something
MOST_PULLED = 0.01
NEEDED_BYTES = 500_000_000
FULL_SHARE = 0.8
RENEW_DAYS = 14
RENEW_HOURS = 1
PATIENCE_SECONDS = 3
NOTHING_AFTER = 2**62
A_ZONE = "Europe/Madrid"


class Trouble(NamedTuple):
    """A problem that was found; each part is a sentence."""

    what: str
    why: str
    cure: str


@dataclass(frozen=True, kw_only=True)
class Queue:
    """The current state of a broker queue."""

    queue: str
    waiting: int  # tasks
    listened_to: bool  # by a worker


@dataclass(frozen=True, kw_only=True)
class Patient:
    """The deployed service to examine."""

    messaging: Messaging
    sessions: sessionmaker[Session]
    settings: ServiceSettings


Check = Callable[[Patient], Iterator[Trouble]]


def examine(patient: Patient, own: Iterable[Check] = ()) -> Iterator[Trouble]:
    """Find all problems; `own` are the checks specific to this service."""
    for check in (database, backlog, broker, token, others, machine, *own):
        if check is database:
            yield from check(patient)
            continue
        with suppress(SQLAlchemyError):  # that the database can't be asked was told first
            yield from check(patient)


def database(patient: Patient) -> Iterator[Trouble]:
    """Whether the database is reachable, recent enough and migrated, and its clock agrees with ours."""
    name = patient.messaging.name
    try:
        with patient.sessions() as session:
            version = int(session.scalar(text("show server_version_num")) or 0) // 10_000
            before = clock.now()
            there: datetime = session.scalar(text("select clock_timestamp()")) or before
            skew = max(before - there, there - clock.now()).total_seconds()
            migration, newest = migration_of(session.connection()), newest_migration(name)
    except SQLAlchemyError as error:
        said = " ".join(str(error.__cause__ or error).split())
        yield Trouble(
            f"the database can't be queried: {said}",
            "Nothing works without it",
            "Check that PostgreSQL is running, and that DATABASE_URL has the right host, role and password",
        )
        return
    if version < OLDEST_POSTGRESQL:
        yield Trouble(
            f"PostgreSQL is version {version}",
            f"Waybill needs version {OLDEST_POSTGRESQL} or later",
            "Upgrade the server",
        )
    if skew > MOST_SKEW_SECONDS:
        yield Trouble(
            f"the clocks of this machine and of the database differ by {skew:.0f} s",
            "Jobs and deadlines come early or late, and tokens may be rejected",
            "Synchronise both by NTP",
        )
    if migration is None or migration < newest:
        yield Trouble(
            f"the database has migration {migration or 'none'}, but {newest} is the newest",
            "Requests and events fail where they need the newer schema",
            f"Run `python -m services.{name}.cli migrate`",
        )
    elif migration > newest:
        yield Trouble(
            f"the database has migration {migration}, but this release only knows up to {newest}",
            "A newer release has migrated it, with changes that this one does not know",
            "Run the newer release",
        )


def backlog(patient: Patient) -> Iterator[Trouble]:
    """Whether the agent and the workers keep up, judging by the rows still waiting."""
    name = patient.messaging.name
    with patient.sessions() as session:
        behind = operations.health(session)
        listening = session.scalar(
            text("""
                select count(*) from pg_stat_activity
                where datname = current_database() and query ilike 'listen %'
            """)
        )
        newest = select(inbox.c.via).where(inbox.c.via.in_(("push", "pull")))
        newest = newest.order_by(inbox.c.received_at.desc()).limit(LOOKED_AT)
        ways = newest.subquery()
        heard = session.execute(
            select(func.count(), func.count().filter(ways.c.via == "pull")).select_from(ways)
        )
        [(events, pulled)] = heard.all()
    if not listening:
        yield Trouble(
            f"no agent of {name} is connected",
            "Events are not sent, pulled or acknowledged, and jobs are not started",
            f"Start `python -m services.{name}.agent`, and read its log",
        )
    for wait, what, cure in (
        ("oldest_unsent_seconds", "an event has been waiting to be sent", "Check the agent's log"),
        ("oldest_pending_event_seconds", "an event has been waiting to be handled", "Check `dead-letters`"),
        ("oldest_due_job_seconds", "a due job has been waiting", "Check that its queue's worker is running"),
    ):
        if behind[wait] > LATE_SECONDS:
            yield Trouble(f"{what} for {behind[wait]:.0f} s", "Whatever follows from it is late", cure)
    for subscriber, seconds in behind["oldest_unacknowledged_seconds"].items():
        if seconds > LATE_SECONDS:
            yield Trouble(
                f"{subscriber} has not acknowledged an event for {seconds:.0f} s",
                "It does not know what has happened here",
                f"See that the agent of {subscriber} runs and reaches {patient.settings.service_url(name)}",
            )
    if dead := behind["dead_events"] + behind["dead_jobs"]:
        yield Trouble(
            f"{dead} events or jobs were given up",
            "Their work stays undone until somebody retries or skips them",
            "See `dead-letters list`, fix the cause, then `retry` or `skip` each",
        )
    if events >= FEWEST and pulled > MOST_PULLED * events:
        yield Trouble(
            f"{pulled} of the last {events} events had to be pulled",
            "The broker loses them or workers are too slow; pulled events arrive seconds late",
            "Check that Redis keeps its data and that the workers keep up",
        )


def broker(patient: Patient) -> Iterator[Trouble]:
    """Whether Redis keeps its data, and each queue has a worker listening."""
    name, url = patient.messaging.name, patient.settings.broker_url
    try:
        with redis.Redis.from_url(
            url,
            socket_timeout=PATIENCE_SECONDS,
            socket_connect_timeout=PATIENCE_SECONDS,
            retry=Retry(NoBackoff(), 0),
        ) as client:
            memory, persistence = client.info("memory"), client.info("persistence")
            waiting = _queues(client, patient)
            refusal = _refusal(client, f"{name}.doctor")
    except redis.RedisError as error:
        yield Trouble(
            f"Redis can't be used: {error}",
            "Events arrive late, by pull, and jobs wait",
            "Check that it is running, and that BROKER_URL has the right host and password",
        )
        return
    if memory["maxmemory_policy"] != "noeviction":
        yield Trouble(
            f"Redis' maxmemory-policy is {memory['maxmemory_policy']}",
            "When full, it drops tasks",
            "Set it to noeviction",
        )
    if not persistence["aof_enabled"]:
        yield Trouble(
            "Redis has no append-only file",
            "A restart loses all tasks; their events then arrive late, by pull",
            "Set appendonly to yes",
        )
    if memory["maxmemory"] and memory["used_memory"] > FULL_SHARE * memory["maxmemory"]:
        yield Trouble(
            "Redis is nearly full",
            "Once it is full, no event can be sent",
            "Give it more memory, and check which queue is growing",
        )
    if refusal:
        yield Trouble(
            f"Redis accepts no writes: {refusal}",
            "No event can be sent, and no worker can report that it is listening",
            "Check that it has memory and disk space, and allows writes",
        )
        return
    for one in waiting:
        if not one.listened_to:
            yield Trouble(
                f"no worker is listening to {one.queue}",
                "Its tasks wait; events are handled late, by the agent",
                f"Start the worker of {name} with -Q {one.queue}, and read its log",
            )
        elif one.waiting > MANY_WAITING:
            yield Trouble(
                f"{one.waiting} tasks are waiting in {one.queue}",
                "Its worker can't keep up, or receives nothing",
                "Look at it in Flower; start another worker",
            )


def _refusal(client: redis.Redis, key: str) -> str | None:
    """The error Redis gives for a write; None if it accepts it."""
    try:
        client.set(key, "", ex=1)
    except redis.RedisError as error:
        return str(error)
    return None


def queues(patient: Patient) -> list[Queue]:
    """The state of the service's queues; raises redis.RedisError."""
    with redis.Redis.from_url(
        patient.settings.broker_url,
        socket_timeout=PATIENCE_SECONDS,
        socket_connect_timeout=PATIENCE_SECONDS,
        retry=Retry(NoBackoff(), 0),
    ) as client:
        return _queues(client, patient)


def _queues(client: redis.Redis, patient: Patient) -> list[Queue]:
    return [
        Queue(
            queue=queue,
            waiting=int(client.llen(queue)),
            listened_to=bool(client.exists(listening_mark(queue))),
        )
        for queue in patient.messaging.queues
    ]


def is_listened_to(patient: Patient, queue: str) -> bool:
    """Whether a worker listens to one of the service's queues; raises redis.RedisError."""
    with redis.Redis.from_url(
        patient.settings.broker_url, socket_timeout=PATIENCE_SECONDS, socket_connect_timeout=PATIENCE_SECONDS
    ) as client:
        return bool(client.exists(listening_mark(queue)))


def token(patient: Patient) -> Iterator[Trouble]:
    """Whether the service's own token is valid and grants what it needs."""
    from shared.web.auth import KeySet, Tokens  # noqa: PLC0415

    name, told = patient.messaging.name, patient.settings.service_token
    why = "The service can't pull, acknowledge or read papers"
    try:
        own = bearer(told)
        actor = Tokens(KeySet(patient.settings.jwks), patient.settings.token_issuer).actor(own)
    except (jwt.InvalidTokenError, OSError) as error:
        yield Trouble(
            f"SERVICE_TOKEN is not accepted: {error}",
            why,
            "Check that JWKS and TOKEN_ISSUER match the issuer and can be read, or issue a new token",
        )
        return
    if actor.subscriber != name or "events:read" not in actor.scopes:
        yield Trouble(
            f"SERVICE_TOKEN has subscriber {actor.subscriber}, scopes {' '.join(sorted(actor.scopes))}",
            why,
            f"Issue one with the claim subscriber={name} and the scope events:read documents:read",
        )
    ends_at = datetime.fromtimestamp(jwt.decode(own, options={"verify_signature": False})["exp"], UTC)
    # In a file a new one comes by itself.
    if ends_at - clock.now() < (timedelta(days=RENEW_DAYS) if told == own else timedelta(hours=RENEW_HOURS)):
        yield Trouble(f"SERVICE_TOKEN expires at {ends_at:%Y-%m-%d %H:%M} UTC", why, "Issue a new one")


def others(patient: Patient) -> Iterator[Trouble]:
    """Whether this service can pull from each service it subscribes to."""
    name, why = patient.messaging.name, "Any of its events that the broker loses never arrives"
    with sources(patient.messaging, patient.settings) as asked:
        for source in asked:
            address = patient.settings.service_url(source.name)
            try:
                source.log(NOTHING_AFTER)
            except httpx2.HTTPStatusError as error:
                status = error.response.status_code
                yield Trouble(
                    f"{source.name} at {address} answers {status} to {name}",
                    why,
                    "Check that both have the same JWKS, and that SERVICE_TOKEN is this service's own"
                    if status in {httpx2.codes.UNAUTHORIZED, httpx2.codes.FORBIDDEN}
                    else f"Check that {source.name.upper()}_URL leads to its API, not to a gateway",
                )
            except httpx2.HTTPError as error:
                yield Trouble(
                    f"{source.name} can't be reached at {address}: {error}",
                    why,
                    f"Check that its API is running, and that {source.name.upper()}_URL is right",
                )


def machine(_patient: Patient) -> Iterator[Trouble]:
    """Whether the machine has enough disk space and the time zone data."""
    yield from space(Path(tempfile.gettempdir()))
    try:
        ZoneInfo(A_ZONE)
    except ZoneInfoNotFoundError:
        yield Trouble(
            "the time zone data is missing",
            "Deadlines and document dates can't be calculated",
            "Install tzdata, from the system's packages or from PyPI",
        )


def space(folder: Path) -> Iterator[Trouble]:
    """Whether a folder's disk has enough space."""
    free = shutil.disk_usage(folder).free
    if free < NEEDED_BYTES:
        yield Trouble(
            f"{free / 1e6:,.0f} MB are free for {folder}",
            "Writes will fail when the disk is full",
            f"Free at least {NEEDED_BYTES / 1e6:,.0f} MB",
        )
