"""Access to a service's own PostgreSQL database."""

import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import msgspec
import psycopg
import uuid_utils.compat
from sqlalchemy import (
    Connection,
    DateTime,
    Dialect,
    Engine,
    Enum,
    ExceptionContext,
    Executable,
    MetaData,
    Row,
    TypeDecorator,
    create_engine,
    event,
    text,
)
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.pool import ConnectionPoolEntry

from shared.errors import NotFound

# Named constraints, so that a migration can drop what another one made.
metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


PING_AFTER_SECONDS = 1.0

# Whom a network is cut off from says nothing any more. Without these a thread would wait for its server for a
# quarter of an hour, and the server would keep what a host had that is gone, its locks and one of its
# connections, for two hours. Seconds, but for libpq's last, which is milliseconds.
_KEEPALIVES = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}
_SILENCE_SECONDS = 25
GIVE_UP: Mapping[str, Any] = {
    "connect_timeout": 3,
    **_KEEPALIVES,
    "tcp_user_timeout": _SILENCE_SECONDS * 1000,
    "options": " ".join(
        (
            *(f"-c tcp_{name}={value}" for name, value in _KEEPALIVES.items()),
            f"-c tcp_user_timeout={_SILENCE_SECONDS}s",
        )
    ),
}


_SESSION = "-c lock_timeout=5s -c idle_in_transaction_session_timeout=5s -c timezone=UTC"


class UtcDateTime(TypeDecorator[datetime]):
    """A time-zone-aware timestamp; naive ones are rejected, and values are returned in UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Reject a timestamp without a time zone."""
        if value is not None and value.tzinfo is None:
            raise ValueError("an instant needs a time zone")
        return value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """The timestamp in UTC, whatever the connection's time zone."""
        return value if value is None else value.astimezone(UTC)


def word(vocabulary: type[StrEnum], length: int = 32) -> Enum:
    """An enum column: text with a check constraint, so adding a value is an ordinary migration."""
    return Enum(
        vocabulary, native_enum=False, length=length, values_callable=lambda words: [*map(str, words)]
    )


def new_id() -> UUID:
    """A UUIDv7: unique without coordination, and ordered by time, which suits indexes."""
    return uuid_utils.compat.uuid7()


def make_engine(url: str, pool_size: int = 5) -> Engine:
    """An engine whose transactions time out rather than wait for ever on a lock or a lost client."""
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_use_lifo=True,  # one that was just used need not be asked whether it lives
        hide_parameters=True,  # of the statement in an error: they hold addresses, and errors are logged
        json_serializer=lambda value: msgspec.json.encode(value).decode(),
        json_deserializer=msgspec.json.decode,
        connect_args={
            **GIVE_UP,
            "options": f"{GIVE_UP['options']} {_SESSION}",
        },
    )
    event.listen(engine, "checkin", _note_use)
    event.listen(engine, "checkout", ping_after_idling)
    event.listen(engine, "handle_error", _leave_out_values)
    return engine


def _note_use(_connection: object, record: ConnectionPoolEntry) -> None:
    record.info["used_at"] = time.monotonic()


def ping_after_idling(connection: Any, record: ConnectionPoolEntry, _proxy: object) -> None:
    """Replace a connection that died while idle in the pool; recently used ones aren't checked."""
    if time.monotonic() - record.info.get("used_at", 0) > PING_AFTER_SECONDS:
        try:
            connection.execute("select 1")
            connection.rollback()
        except psycopg.Error as error:
            raise DisconnectionError from error


def _leave_out_values(context: ExceptionContext) -> None:
    """Keep row values out of error messages, because errors are logged; the constraint's name stays."""
    error, raised = context.original_exception, context.sqlalchemy_exception
    if isinstance(error, psycopg.Error) and (said := error.diag.message_primary):
        whole = str(error)
        error.args = (said,)
        if raised is not None:
            raised.args = tuple(str(part).replace(whole, said) for part in raised.args)


def each_alone(session: Session) -> None:
    """Run each statement of a new session in autocommit mode, with no surrounding transaction.

    For a session that only reads, or writes in one statement: nothing can be taken back. Where the caller
    has a transaction of its own around the session, the statements are part of that.
    """
    _isolate(session, "AUTOCOMMIT")


def all_at_once(session: Session) -> None:
    """Let all reads of a new session see one snapshot, taken at the first of them.

    By default each statement sees what was committed before it, and what is read of several tables may be of
    two versions. A caller's own transaction around the session stays as it is.
    """
    _isolate(session, "REPEATABLE READ")


def _isolate(session: Session, level: str) -> None:
    if isinstance(session.get_bind(), Engine):
        session.connection(execution_options={"isolation_level": level})


def executed_alone(
    sessions: sessionmaker[Session], statement: Executable, parameters: Mapping[str, Any] | None = None
) -> Sequence[Row[Any]]:
    """Run one statement in its own transaction and return its rows, if it returns any."""
    with sessions() as session:
        each_alone(session)
        result = session.execute(statement, parameters)
        rows = result.all() if result.returns_rows else []  # type: ignore[attr-defined]
        session.commit()
    return rows


def libpq_url(engine: Engine) -> str:
    """The engine's database URL, with the password, for psycopg itself."""
    return engine.url.set(drivername="postgresql").render_as_string(hide_password=False)


def listening(engine: Engine, *channels: str) -> psycopg.Connection[Any]:
    """A separate connection to the engine's database that listens for notifications on channels."""
    connection = psycopg.connect(libpq_url(engine), autocommit=True, **GIVE_UP)
    for channel in channels:
        connection.execute(f"listen {channel}".encode())
    return connection


T = TypeVar("T")


def locked(session: Session, model: type[T], identity: object) -> T:
    """A row locked for update until the transaction ends, fresh from the database; raises NotFound."""
    row = session.get(model, identity, with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound(model.__name__.lower(), identity)
    return row


def leave_unread(found: object, parts: Iterable[Any], are_there: Iterable[bool]) -> None:
    """Mark a row's collections as empty without loading them, where a query has shown they are.

    Some collections are nearly always empty: whether there is anything is asked in the statement that reads
    the row (`Row.collection.any()`), instead of a statement each.
    """
    for part, is_there in zip(parts, are_there, strict=True):
        if not is_there:
            set_committed_value(found, part.key, [])


def migrations_folder(service: str) -> Path:
    """The folder of a service's numbered migrations."""
    found = find_spec(f"services.{service}")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).with_name("migrations")


def is_current(connection: Connection, service: str) -> bool:
    """Whether all of the service's migrations have been applied; newer ones may have been too.

    A newer shape still has what the release before needs: both run while one takes the other's place. Asked
    by each readiness probe, so without Alembic, which would read every migration for it.
    """
    return (migration_of(connection) or "") >= newest_migration(service)


def migration_of(connection: Connection) -> str | None:
    """The number of the newest applied migration; None for an empty database."""
    if connection.scalar(text("select to_regclass('alembic_version')")) is None:
        return None
    number: str | None = connection.scalar(text("select version_num from alembic_version"))
    return number


def newest_migration(service: str) -> str:
    """The number of the service's newest migration."""
    versions = (migrations_folder(service) / "versions").glob("*.py")
    return max(file.name.partition("_")[0] for file in versions)
