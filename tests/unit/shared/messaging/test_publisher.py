"""What goes to the broker, as an operator's eyes see it."""

import pytest
from celery import Celery

from deploy.local.valkey import temporary_valkey
from shared.messaging.relay import Publisher


@pytest.fixture
def app():
    with temporary_valkey() as server, Celery(broker=server.url, set_as_current=False) as app:
        yield app


def test_flower_is_told_the_order_s_number_and_nothing_of_its_people(app):
    arguments = {"order": "GB-100010", "event": {"data": {"name": "Ann Archer"}}}
    publisher = Publisher(app)

    publisher.send([("documents.events", "1", "documents.order.accepted", arguments)])
    publisher.send([("documents.events", "2", "documents.canary", {})])

    with app.connection_for_read() as connection:
        first, second = (connection.default_channel.basic_get("documents.events") for _ in range(2))
    assert (first.headers["task"], first.headers["kwargsrepr"]) == ("documents.order.accepted", "GB-100010")
    assert second.headers["kwargsrepr"] == ""
    publisher.close()
