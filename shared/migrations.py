"""Migrating a service's database: numbered migrations in services/<service>/migrations.

The release before goes on meanwhile. So a migration takes nothing away that it needs, and holds no lock for
as long as a table is large: what builds an index, changes many rows or looks at all of them does so by the
functions here.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
from alembic import command, context
from alembic.config import Config
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

from shared.db import GIVE_UP, is_current, libpq_url, migrations_folder

# Two processes that start at once must not both migrate.
_LOCK = 7_261_025
LOOK_SECONDS = 0.2
# Whoever comes after a migration that waits for a table waits behind it. So it gives up soon, lets them pass,
# and comes again: what it waits for may be an export of a minute.
TABLE_WAIT = "2s"
TABLE_PAUSE_SECONDS = 3.0
IN_THE_WAY = (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected)
TABLE_PATIENCE_SECONDS = 600.0


def upgrade(engine: Engine, service: str, revision: str = "head") -> None:
    """Apply missing migrations one by one; waits for another process that is migrating.

    What was applied stays where a later one fails; the next call goes on from there. Where a newer release
    has been nothing is missing: going back to this one keeps the newer shape.
    """
    _migrate(engine, service, revision, command.upgrade)


def downgrade(engine: Engine, service: str, revision: str = "base") -> None:
    """Revert migrations, newest first."""
    _migrate(engine, service, revision, command.downgrade)


def build_index(operations: Any, name: str, table: str, columns: list[Any], **options: Any) -> None:
    """Build an index without blocking reads and writes on the table.

    Commits what the migration has done so far, which has to bear being done again: the build may break off.
    """
    with operations.get_context().autocommit_block():
        operations.execute(
            "set lock_timeout = 0"
        )  # it waits for who was there before, and is in nobody's way
        operations.drop_index(name, table, if_exists=True, postgresql_concurrently=True)  # half built
        operations.create_index(name, table, columns, postgresql_concurrently=True, **options)
        operations.execute(f"set lock_timeout = '{TABLE_WAIT}'")


def change_rows(operations: Any, statement: str) -> None:
    """Update many rows in batches, repeating a statement until it finds no more.

    Each time is a transaction of its own. Commits what the migration has done so far, as build_index does.
    """
    with operations.get_context().autocommit_block():
        while operations.get_bind().execute(text(statement)).rowcount:
            pass


def require(operations: Any, table: str, *columns: str) -> None:
    """Make columns of a live table NOT NULL, checking existing rows without locking them.

    Commits what the migration has done so far, as build_index does.
    """
    are_there = " and ".join(f"{column} is not null" for column in columns)
    with operations.get_context().autocommit_block():
        operations.execute(f"alter table {table} drop constraint if exists is_there")
        operations.execute(f"alter table {table} add constraint is_there check ({are_there}) not valid")
        operations.execute(f"alter table {table} validate constraint is_there")
    for column in columns:
        operations.alter_column(table, column, nullable=False)  # looks at nothing where a constraint knows it
    operations.execute(f"alter table {table} drop constraint is_there")


def wait_for_database(engine: Engine, seconds: float) -> None:
    """Wait until the database accepts connections; raises its error on timeout."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            engine.connect().close()
        except OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(LOOK_SECONDS)
        else:
            return


def wait_until_current(engine: Engine, service: str, seconds: float) -> bool:
    """Wait until the database is at this release's migration or a newer one; returns False on timeout."""
    deadline = time.monotonic() + seconds
    while True:
        with suppress(OperationalError), engine.connect() as connection:
            if is_current(connection, service):
                return True
        if time.monotonic() > deadline:
            return False
        time.sleep(LOOK_SECONDS)


def run_migrations() -> None:
    """The body of each service's migrations/env.py."""
    connection: Connection = context.config.attributes["connection"]
    context.configure(connection=connection, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()


def _migrate(engine: Engine, service: str, revision: str, direction: Callable[[Config, str], None]) -> None:
    with _alone(engine), _connection_of_its_own(engine) as connection:
        if revision == "head" and is_current(connection, service):
            return
        connection.rollback()
        config = _config(service)
        config.attributes["connection"] = connection
        deadline = time.monotonic() + TABLE_PATIENCE_SECONDS
        while True:
            connection.execute(text(f"set lock_timeout = '{TABLE_WAIT}'"))
            connection.commit()
            try:
                direction(config, revision)
            except OperationalError as error:
                if not isinstance(error.orig, IN_THE_WAY) or time.monotonic() > deadline:
                    raise
                connection.rollback()
                time.sleep(TABLE_PAUSE_SECONDS)
            else:
                return


@contextmanager
def _alone(engine: Engine) -> Iterator[None]:
    """Hold the migration lock of this database until the block ends.

    Asked again and again: whoever waited in a statement would be waited for by the building of an index.
    """
    with psycopg.connect(libpq_url(engine), autocommit=True, **GIVE_UP) as guard:
        while guard.execute("select pg_try_advisory_lock(%s)", [_LOCK]).fetchone() != (True,):
            time.sleep(LOOK_SECONDS)
        yield


@contextmanager
def _connection_of_its_own(engine: Engine) -> Iterator[Connection]:
    """A connection that is discarded afterwards, because its settings are changed."""
    with engine.connect() as connection:
        try:
            yield connection
        finally:
            connection.invalidate()


def _config(service: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(migrations_folder(service)))
    config.set_main_option("path_separator", "os")
    return config
