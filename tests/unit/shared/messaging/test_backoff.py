"""Which failures of a database say nothing of the work that met them."""

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from shared.db import make_engine
from shared.messaging.backoff import is_databases_own, is_lost_connection


def failure_of(url, *statements):
    engine = make_engine(url)
    with pytest.raises(OperationalError) as failed, engine.connect() as connection:  # noqa: PT012 - any of these
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()
    return failed.value


def test_a_database_that_cannot_be_reached_is_no_fault_of_an_event():
    error = failure_of("postgresql+psycopg://nobody@127.0.0.1:1/nothing")

    assert is_lost_connection(error)
    assert is_databases_own(error)


def test_a_server_that_takes_no_more_connections_is_none_either(postgres_server):
    with psycopg.connect(postgres_server.superuser_url(), autocommit=True) as superuser:
        superuser.execute("alter role shipping connection limit 0")
        try:
            error = failure_of(postgres_server.url("shipping"))
        finally:
            superuser.execute("alter role shipping connection limit -1")

    assert "too many connections" in str(error)
    assert is_lost_connection(error)


def test_a_statement_that_takes_too_long_is(postgres_server):
    error = failure_of(postgres_server.url("orders"), "set statement_timeout = 10", "select pg_sleep(5)")

    assert not is_lost_connection(error)
    assert is_databases_own(error)
