"""Migrations of tables that are in use: nobody waits long for them, and what broke off is taken up again."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext

import psycopg
import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from shared import migrations
from shared.db import is_current, libpq_url, make_engine
from shared.migrations import build_index, change_rows, downgrade, require, upgrade
from tests.waiting import until

WAITS = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and query ilike 'alter table%'"


@pytest.fixture
def engine(postgres_server):
    made = make_engine(postgres_server.url("shipping"))
    yield made
    made.dispose()


@pytest.fixture
def table(engine):
    """A table of ten rows."""
    with engine.begin() as connection:
        connection.execute(text("create table parts (id int primary key, name text)"))
        connection.execute(text("insert into parts select generate_series(1, 10)"))
    yield "parts"
    with engine.begin() as connection:
        connection.execute(text("drop table parts"))


@contextmanager
def operations(engine):
    """What a migration is given."""
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"transaction_per_migration": True})
        with context.begin_transaction(_per_migration=True):
            yield Operations(context)
        connection.invalidate()


def one(engine, query):
    with engine.connect() as connection:
        return connection.scalar(text(query))


def test_an_index_that_was_half_built_is_built_anew(engine, table):
    with engine.begin() as connection:
        connection.execute(text("update parts set name = 'bolt'"))
    with psycopg.connect(libpq_url(engine), autocommit=True) as builder, pytest.raises(psycopg.Error):
        builder.execute("create unique index concurrently ix_parts_name on parts (name)")
    left = "select indisvalid from pg_index where indexrelid = to_regclass('ix_parts_name')"
    assert one(engine, left) is False

    with operations(engine) as op:
        build_index(op, "ix_parts_name", table, ["name"])

    assert one(engine, left) is True


def test_an_index_is_built_while_its_table_is_written_to(engine, table):
    with psycopg.connect(libpq_url(engine)) as writer, ThreadPoolExecutor(1) as pool:
        writer.execute("insert into parts values (11, 'nut')")

        def build():
            with operations(engine) as op:
                build_index(op, "ix_parts_name", table, ["name"])

        building = pool.submit(build)
        until(lambda: one(engine, "select count(*) from pg_stat_progress_create_index"))
        with engine.begin() as connection:
            connection.execute(text("insert into parts values (12, 'washer')"))
        assert not building.done()
        writer.commit()
        building.result()

    assert one(engine, "select count(*) from parts") == 12


def test_many_rows_are_changed_a_few_at_a_time_and_let_go_each_time(engine, table):
    three = "update parts set name = xmin::text where id in (select id from parts where name is null limit 3)"

    with operations(engine) as op:
        change_rows(op, three.replace("xmin", "pg_current_xact_id()"))

    assert one(engine, "select count(distinct name) from parts where name is not null") == 4


def test_a_column_is_required_once_all_rows_have_it(engine, table):
    with pytest.raises(Exception, match="is_there"), operations(engine) as op:
        require(op, table, "name")
    with engine.begin() as connection:
        connection.execute(text("update parts set name = 'bolt'"))

    with operations(engine) as op:
        require(op, table, "name")

    required = "select attnotnull from pg_attribute where attrelid = 'parts'::regclass and attname = 'name'"
    assert one(engine, required) is True
    assert one(engine, "select count(*) from pg_constraint where conname = 'is_there'") == 0


def test_a_migration_that_waits_for_a_table_lets_others_pass_and_comes_again(engine, monkeypatch):
    monkeypatch.setattr(migrations, "TABLE_PAUSE_SECONDS", 0.5)
    downgrade(engine, "shipping", "0011")
    try:
        with psycopg.connect(libpq_url(engine)) as reader, ThreadPoolExecutor(1) as pool:
            reader.execute("select from parcels")
            migrating = pool.submit(upgrade, engine, "shipping")
            until(lambda: one(engine, WAITS))
            until(lambda: not one(engine, WAITS))
            assert not migrating.done()
            until(lambda: one(engine, WAITS))
            reader.rollback()
            migrating.result()
        with engine.connect() as connection:
            assert is_current(connection, "shipping")
    finally:
        upgrade(engine, "shipping")


@pytest.mark.parametrize(
    ("kind", "tries"), [(psycopg.errors.DeadlockDetected, 2), (psycopg.errors.InsufficientPrivilege, 1)]
)
def test_who_was_in_the_way_is_waited_for_and_nothing_else(engine, monkeypatch, kind, tries):
    tried = []

    def migrate(config, revision):
        tried.append(revision)
        if len(tried) == 1:
            raise OperationalError("update parts", {}, kind("not now"))

    monkeypatch.setattr(migrations, "TABLE_PAUSE_SECONDS", 0)
    monkeypatch.setattr(migrations.command, "downgrade", migrate)

    with nullcontext() if tries > 1 else pytest.raises(OperationalError):
        downgrade(engine, "shipping", "0011")

    assert len(tried) == tries
