"""Bringing a service's database up to date: numbered migrations in services/<service>/migrations."""

import time
from collections.abc import Callable
from contextlib import suppress

from alembic import command, context
from alembic.config import Config
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

from shared.db import is_current, migrations_folder

# Two processes that start at once must not both migrate.
_LOCK = 7_261_025
LOOK_SECONDS = 0.2


def upgrade(engine: Engine, service: str, revision: str = "head") -> None:
    """Apply what is missing, all or nothing; waits for another process that is at it.

    Where a newer release has been nothing is missing: going back to this one keeps the newer shape.
    """
    _migrate(engine, service, revision, command.upgrade)


def downgrade(engine: Engine, service: str, revision: str = "base") -> None:
    """Take migrations back, all or nothing."""
    _migrate(engine, service, revision, command.downgrade)


def wait_for_database(engine: Engine, seconds: float) -> None:
    """Return when the database takes connections; raises what keeps it from that when the time is over."""
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
    """Wait until the database has this release's shape or a newer one; answers whether it had in time."""
    deadline = time.monotonic() + seconds
    while True:
        with suppress(OperationalError), engine.connect() as connection:
            if is_current(connection, service):
                return True
        if time.monotonic() > deadline:
            return False
        time.sleep(LOOK_SECONDS)


def run_migrations() -> None:
    """What each service's migrations/env.py does."""
    connection: Connection = context.config.attributes["connection"]
    context.configure(connection=connection, transaction_per_migration=False)
    with context.begin_transaction():
        context.run_migrations()


def _migrate(engine: Engine, service: str, revision: str, direction: Callable[[Config, str], None]) -> None:
    with engine.begin() as connection:
        # Building an index on a large table takes longer than any request may wait.
        connection.execute(text("set local lock_timeout = '60s'"))
        connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        if revision == "head" and is_current(connection, service):
            return
        config = _config(service)
        config.attributes["connection"] = connection
        direction(config, revision)


def _config(service: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(migrations_folder(service)))
    config.set_main_option("path_separator", "os")
    return config
