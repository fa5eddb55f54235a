"""What is wrong with a service where it is deployed: what, why it matters, and what to do about it.

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
from shared.settings import ServiceSettings, bearer
from shared.sources import sources

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
    """Something that is wrong, each part a sentence."""

    what: str
    why: str
    cure: str


@dataclass(frozen=True, kw_only=True)
class Queue:
    """A queue of the broker, as it is at this moment."""

    queue: str
    waiting: int  # tasks
    listened_to: bool  # by a worker


@dataclass(frozen=True, kw_only=True)
class Patient:
    """A service as it is deployed."""

    messaging: Messaging
    sessions: sessionmaker[Session]
    settings: ServiceSettings


Check = Callable[[Patient], Iterator[Trouble]]


def examine(patient: Patient, own: Iterable[Check] = ()) -> Iterator[Trouble]:
    """All that is wrong; `own` are the checks that only this service has."""
    for check in (database, backlog, broker, token, others, machine, *own):
        if check is database:
            yield from check(patient)
            continue
        with suppress(SQLAlchemyError):  # that the database can't be asked was told first
            yield from check(patient)


def database(patient: Patient) -> Iterator[Trouble]:
    """Whether the database is there, new enough, migrated, and of our time."""
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
            f"the database can't be asked: {said}",
            "Nothing works without it",
            "See that PostgreSQL runs, and that DATABASE_URL names it, its role and the password",
        )
        return
    if version < OLDEST_POSTGRESQL:
        yield Trouble(
            f"PostgreSQL is version {version}",
            f"Waybill is made for {OLDEST_POSTGRESQL} and later",
            "Upgrade the server",
        )
    if skew > MOST_SKEW_SECONDS:
        yield Trouble(
            f"the clocks of this machine and of the database differ by {skew:.0f} s",
            "Jobs and deadlines come early or late, and tokens are refused",
            "Let both keep time by NTP",
        )
    if migration is None or migration < newest:
        yield Trouble(
            f"the database has migration {migration or 'none'}, and {newest} is the newest",
            "Requests and events fail at what is not there yet",
            f"Run `python -m services.{name}.cli migrate`",
        )
    elif migration > newest:
        yield Trouble(
            f"the database has migration {migration}, and this release ends with {newest}",
            "A newer release has been here; this one does not know what it changed",
            "Run the newer release",
        )


def backlog(patient: Patient) -> Iterator[Trouble]:
    """Whether agent and worker do what is owed, by the rows that wait."""
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
            "Events are not sent, pulled or acknowledged, and jobs not started",
            f"Start `python -m services.{name}.agent`, and read its log",
        )
    for wait, what, cure in (
        ("oldest_unsent_seconds", "an event waits to be sent", "Read the agent's log"),
        ("oldest_pending_event_seconds", "an event waits to be handled", "See `dead-letters`, and the logs"),
        ("oldest_due_job_seconds", "a job that is due waits", "See that the worker of its queue runs"),
    ):
        if behind[wait] > LATE_SECONDS:
            yield Trouble(f"{what} for {behind[wait]:.0f} s", "What it leads to is late", cure)
    for subscriber, seconds in behind["oldest_unacknowledged_seconds"].items():
        if seconds > LATE_SECONDS:
            yield Trouble(
                f"{subscriber} has not acknowledged an event for {seconds:.0f} s",
                "It does not know what happened here",
                f"See that the agent of {subscriber} runs and reaches {patient.settings.service_url(name)}",
            )
    if dead := behind["dead_events"] + behind["dead_jobs"]:
        yield Trouble(
            f"{dead} events or jobs were given up",
            "What they owe stays undone until somebody decides",
            "Look at `dead-letters list`, mend the cause, then `retry` or `skip` each",
        )
    if events >= FEWEST and pulled > MOST_PULLED * events:
        yield Trouble(
            f"{pulled} of the last {events} events came by pull",
            "The broker loses them or workers are too slow; by pull they come seconds later",
            "See that Redis keeps its data and that the workers keep up",
        )


def broker(patient: Patient) -> Iterator[Trouble]:
    """Whether Redis keeps what it is given, and somebody listens to each queue."""
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
            f"Redis can't be asked: {error}",
            "Events come late, by pull, and jobs wait",
            "See that it runs, and that BROKER_URL names it and the password",
        )
        return
    if memory["maxmemory_policy"] != "noeviction":
        yield Trouble(
            f"Redis' maxmemory-policy is {memory['maxmemory_policy']}",
            "When it is full it drops tasks",
            "Set it to noeviction",
        )
    if not persistence["aof_enabled"]:
        yield Trouble(
            "Redis keeps no append-only file",
            "A restart of it loses all tasks, which then come late, by pull",
            "Set appendonly to yes",
        )
    if memory["maxmemory"] and memory["used_memory"] > FULL_SHARE * memory["maxmemory"]:
        yield Trouble(
            "Redis is nearly full",
            "When it is, no event can be sent",
            "Give it more memory, and see which queue grows",
        )
    if refusal:
        yield Trouble(
            f"Redis takes nothing: {refusal}",
            "No event can be sent, and no worker can say that it listens",
            "See that it has memory and disk, and may be written to",
        )
        return
    for one in waiting:
        if not one.listened_to:
            yield Trouble(
                f"no worker listens to {one.queue}",
                "What comes there waits; events are handled late, by the agent",
                f"Start the worker of {name} with -Q {one.queue}, and read its log",
            )
        elif one.waiting > MANY_WAITING:
            yield Trouble(
                f"{one.waiting} tasks wait in {one.queue}",
                "Its worker does not keep up, or hears nothing",
                "Look at it in Flower; start another worker",
            )


def _refusal(client: redis.Redis, key: str) -> str | None:
    """What Redis says when something is written; None if it takes it."""
    try:
        client.set(key, "", ex=1)
    except redis.RedisError as error:
        return str(error)
    return None


def queues(patient: Patient) -> list[Queue]:
    """The service's queues; raises redis.RedisError."""
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
    """Whether the service's own token opens what it must."""
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
            "See that JWKS and TOKEN_ISSUER are the issuer's and can be read, or have a new token issued",
        )
        return
    if actor.subscriber != name or "events:read" not in actor.scopes:
        yield Trouble(
            f"SERVICE_TOKEN is for the subscriber {actor.subscriber} with {' '.join(sorted(actor.scopes))}",
            why,
            f"Have one issued with the claim subscriber={name} and the scope events:read documents:read",
        )
    ends_at = datetime.fromtimestamp(jwt.decode(own, options={"verify_signature": False})["exp"], UTC)
    # In a file a new one comes by itself.
    if ends_at - clock.now() < (timedelta(days=RENEW_DAYS) if told == own else timedelta(hours=RENEW_HOURS)):
        yield Trouble(f"SERVICE_TOKEN ends at {ends_at:%Y-%m-%d %H:%M} UTC", why, "Have a new one issued")


def others(patient: Patient) -> Iterator[Trouble]:
    """Whether the services that this one listens to let it pull."""
    name, why = patient.messaging.name, "What the broker loses of its events never comes"
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
                    "See that both have the same JWKS, and that SERVICE_TOKEN is this service's own"
                    if status in {httpx2.codes.UNAUTHORIZED, httpx2.codes.FORBIDDEN}
                    else f"See that {source.name.upper()}_URL leads to its API, not through a gateway",
                )
            except httpx2.HTTPError as error:
                yield Trouble(
                    f"{source.name} can't be reached at {address}: {error}",
                    why,
                    f"See that its API runs, and that {source.name.upper()}_URL is right",
                )


def machine(_patient: Patient) -> Iterator[Trouble]:
    """Whether the machine has room, and knows the time zones."""
    yield from space(Path(tempfile.gettempdir()))
    try:
        ZoneInfo(A_ZONE)
    except ZoneInfoNotFoundError:
        yield Trouble(
            "the time zones are not known here",
            "Deadlines and dates of papers can't be reckoned",
            "Install tzdata, of the system or of Python",
        )


def space(folder: Path) -> Iterator[Trouble]:
    """Whether a folder's disk has room."""
    free = shutil.disk_usage(folder).free
    if free < NEEDED_BYTES:
        yield Trouble(
            f"{free / 1e6:,.0f} MB are free for {folder}",
            "What can't be written fails",
            f"Make room for {NEEDED_BYTES / 1e6:,.0f} MB and more",
        )
