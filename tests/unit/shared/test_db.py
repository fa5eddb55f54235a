"""What every service expects of its database."""

import os
import socket
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from importlib import import_module

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, select, text
from sqlalchemy.exc import DBAPIError, OperationalError, StatementError
from sqlalchemy.orm import Session

from deploy.local.databases import SERVICES
from shared.db import each_alone, is_current, listening, make_engine, metadata, new_id
from shared.messaging.tables import jobs
from shared.migrations import downgrade, upgrade, wait_for_database, wait_until_current
from tests.waiting import PATIENCE_SECONDS


def test_ids_rise_with_time():
    ids = [new_id() for _ in range(100)]

    assert ids == sorted(ids)
    assert {made.version for made in ids} == {7}


def test_a_statement_of_a_session_stands_alone_if_that_is_asked_for_and_in_no_other(engines):
    status = text("select pg_current_xact_id()")

    with Session(engines["orders"]) as session:
        each_alone(session)
        alone = [session.scalar(status), session.scalar(status)]
    with Session(engines["orders"]) as session:
        together = [session.scalar(status), session.scalar(status)]

    assert alone[0] != alone[1]
    assert together[0] == together[1]


def test_an_instant_without_a_time_zone_is_refused(engines):
    naive = datetime(2026, 3, 2, 9, 15)  # noqa: DTZ001 - what is refused

    with engines["orders"].connect() as connection, pytest.raises(StatementError, match="time zone"):
        connection.execute(select(jobs).where(jobs.c.run_at == naive))


@pytest.mark.requirement("K-09")
def test_server_and_client_give_each_other_up_when_a_network_is_cut(engines):
    asked = "select name, setting from pg_settings where name ~ '^tcp_' order by name"
    seconds = [("tcp_keepalives_count", "3"), ("tcp_keepalives_idle", "10"), ("tcp_keepalives_interval", "5")]
    expected = [*seconds, ("tcp_user_timeout", "25000")]

    with engines["orders"].connect() as connection:
        assert [tuple(row) for row in connection.execute(text(asked))] == expected
        client = connection.connection.dbapi_connection
        assert client.info.get_parameters().items() >= {
            ("keepalives_idle", "10"),
            ("keepalives_interval", "5"),
            ("keepalives_count", "3"),
            ("tcp_user_timeout", "25000"),
        }
    with listening(engines["orders"], "outbox") as listener:
        assert listener.execute(asked).fetchall() == expected


def test_instants_come_back_in_utc(engines):
    with engines["orders"].connect() as connection:
        connection.execute(text("set timezone = 'Europe/Madrid'"))
        [[instant]] = connection.execute(
            text("select timestamptz '2026-03-02 10:15+01'").columns(jobs.c.run_at)
        )

    assert instant == datetime(2026, 3, 2, 9, 15, tzinfo=UTC)
    assert instant.tzinfo is UTC


@pytest.mark.parametrize(
    "broken",
    [
        "insert into orders (id, customer_name) values (gen_random_uuid(), 'Ada Okafor')",
        "insert into subjects values ('Ada Okafor'), ('Ada Okafor')",
        """select cast('{"name": "Ada Okafor", }' as jsonb)""",
    ],
    ids=["a row", "a key", "JSON"],
)
def test_an_error_tells_nothing_of_the_row(engines, broken):
    with engines["orders"].connect() as connection, pytest.raises(DBAPIError) as failed:
        connection.execute(text(broken))

    assert "Okafor" in failed.value.statement
    assert "Okafor" not in f"{failed.value.orig} {failed.value.args} {failed.value.__cause__}"
    assert failed.value.orig.diag.message_primary in str(failed.value)


@pytest.fixture
def late_database(postgres_server):
    """An engine whose database takes connections only from the third try on."""
    tries = iter([False, False, True])

    def connect():
        if not next(tries):
            raise psycopg.OperationalError("connection refused")
        return psycopg.connect(postgres_server.url("orders").replace("+psycopg", ""))

    engine = create_engine("postgresql+psycopg://", creator=connect)
    yield engine
    engine.dispose()


def test_a_database_that_is_away_is_waited_for(late_database):
    wait_for_database(late_database, 10)

    with late_database.connect() as connection:
        assert connection.execute(text("select 1")).scalar() == 1


def test_one_that_stays_away_is_not_waited_for_for_ever(late_database):
    with pytest.raises(OperationalError, match="refused"):
        wait_for_database(late_database, 0)


@pytest.mark.parametrize("service", SERVICES)
def test_migrations_go_up_and_down_and_up_again(postgres_server, service):
    engine = make_engine(postgres_server.url(service))
    try:
        downgrade(engine, service)
        with engine.connect() as connection:
            assert not is_current(connection, service)
            left = text("select tablename from pg_tables where schemaname = 'public'")
            assert connection.execute(left).scalars().all() == ["alembic_version"]
        upgrade(engine, service)
        with engine.connect() as connection:
            assert is_current(connection, service)
    finally:
        upgrade(engine, service)
        engine.dispose()


@pytest.mark.requirement("K-03")
def test_two_that_migrate_at_once_do_it_once_and_who_waits_for_it_goes_on_after_it(postgres_server):
    engine = make_engine(postgres_server.url("documents"))
    try:
        downgrade(engine, "documents")
        assert not wait_until_current(engine, "documents", 0)
        with ThreadPoolExecutor() as pool:
            waiting = pool.submit(wait_until_current, engine, "documents", PATIENCE_SECONDS)
            both = [pool.submit(upgrade, engine, "documents") for _ in range(2)]
            for one in both:
                one.result()
            assert waiting.result()
        upgrade(engine, "documents")
        assert wait_until_current(engine, "documents", 0)
    finally:
        upgrade(engine, "documents")
        engine.dispose()


@pytest.fixture
def migrated_by_a_newer_release(postgres_server):
    """An engine of a database that has migrations that this release does not know."""
    engine = make_engine(postgres_server.url("orders"))
    told = text("update alembic_version set version_num = :now returning version_num")
    with engine.begin() as connection:
        own = connection.scalar(text("select version_num from alembic_version"))
        connection.execute(told, {"now": "9999"})
    yield engine
    with engine.begin() as connection:
        connection.execute(told, {"now": own})
    engine.dispose()


@pytest.mark.requirement("K-03")
def test_the_release_before_serves_on_when_a_newer_one_has_migrated_and_leaves_it_so(
    migrated_by_a_newer_release,
):
    upgrade(migrated_by_a_newer_release, "orders")

    with migrated_by_a_newer_release.connect() as connection:
        assert is_current(connection, "orders")
        assert connection.scalar(text("select version_num from alembic_version")) == "9999"


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="the system has no such timeout")
def test_a_connection_whose_network_is_cut_is_given_up(engines):
    with engines["orders"].connect() as connection:
        own = socket.socket(fileno=os.dup(connection.connection.dbapi_connection.fileno()))
        with own:
            assert own.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 25_000
            assert own.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 10


@pytest.mark.parametrize("service", SERVICES)
def test_the_migrated_tables_are_those_the_code_expects(engines, service):
    models = import_module(f"services.{service}.models")
    import_module("shared.messaging.tables")
    import_module("shared.web.tables")

    with engines[service].connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": False})
        differences = compare_metadata(context, [metadata, models.Base.metadata])

    assert differences == []
