"""Passwords of databases and of the broker are changed while both are in use, as docs/operations.md says."""

from contextlib import closing

import psycopg
import pytest
import redis
from sqlalchemy import text
from sqlalchemy.engine import make_url

from deploy.local.valkey import temporary_valkey
from shared.db import make_engine
from shared.migrations import upgrade

pytestmark = pytest.mark.requirement("K-05")


@pytest.fixture
def second_role(postgres_server):
    """A second role for orders' database; answers the address that it reaches it by."""
    with psycopg.connect(postgres_server.superuser_url(), autocommit=True) as superuser:
        superuser.execute("create role orders_b login password 'second' in role orders")
        superuser.execute("alter role orders_b set role orders")
        superuser.execute("grant connect on database orders to orders_b")
        yield make_url(postgres_server.url("orders")).set(username="orders_b", password="second")
        superuser.execute("revoke connect on database orders from orders_b")
        superuser.execute("drop role orders_b")


def test_a_second_role_does_what_the_first_does_and_owns_nothing(postgres_server, second_role):
    first, second = make_engine(postgres_server.url("orders")), make_engine(second_role)
    try:
        upgrade(second, "orders")
        with second.begin() as connection:
            connection.execute(text("create table made_by_the_second (id int)"))
        with first.begin() as connection:
            connection.execute(text("insert into made_by_the_second values (1)"))
            connection.execute(text("drop table made_by_the_second"))
    finally:
        first.dispose()
        second.dispose()


def test_a_user_of_the_broker_has_two_passwords_for_a_while():
    def lets_in(server, password):
        client = redis.Redis(port=server.port, username="orders", password=password)
        with closing(client):
            return client.get("orders.nothing") is None

    with temporary_valkey() as server, closing(redis.Redis.from_url(server.url)) as operator:
        before = make_url(server.url_of("orders")).password
        operator.execute_command("ACL", "SETUSER", "orders", ">second")
        assert lets_in(server, before)
        assert lets_in(server, "second")
        operator.execute_command("ACL", "SETUSER", "orders", f"<{before}")
        with pytest.raises(redis.exceptions.AuthenticationError):
            lets_in(server, before)
        assert lets_in(server, "second")
