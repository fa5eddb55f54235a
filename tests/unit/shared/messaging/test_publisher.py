"""What goes to the broker, as an operator's eyes see it."""

import pytest
import redis
from celery import Celery

from deploy.local.valkey import Valkey, temporary_valkey
from shared.messaging.relay import Publisher
from tests.samples import envelope
from tests.waiting import until


@pytest.fixture
def app():
    with temporary_valkey() as server, Celery(broker=server.url, set_as_current=False) as app:
        yield app


def test_flower_is_told_the_order_s_number_and_nothing_of_its_people(app, sealers):
    arguments = {"order": "GB-100010", "event": [{"data": {"name": "Ann Archer"}}]}
    publisher = Publisher(app, sealers("orders"))

    publisher.send([("documents.events", "1", "documents.order.accepted", arguments)])
    publisher.send([("documents.events", "2", "documents.canary", {})])

    with app.connection_for_read() as connection:
        first, second = (connection.default_channel.basic_get("documents.events") for _ in range(2))
    assert (first.headers["task"], first.headers["kwargsrepr"]) == ("documents.order.accepted", "GB-100010")
    assert second.headers["kwargsrepr"] == ""
    publisher.close()


@pytest.mark.requirement("V-05", "V-08")
def test_an_event_goes_to_the_broker_sealed_for_its_listener(app, sealers):
    told = envelope("order.accepted")
    publisher = Publisher(app, sealers("orders"))

    publisher.send([("shipping.events", "1", "shipping.order.accepted", {"order": "7", "event": [told]})])

    with app.connection_for_read() as connection:
        message = connection.default_channel.basic_get("shipping.events")
    _, arguments, _ = message.decode()
    assert told["data"]["order"]["people"]["customer"]["email"] not in str(message.decode()) + str(
        message.headers
    )
    assert sealers("shipping").open(arguments["event"]) == ("orders", [told])
    publisher.close()


@pytest.mark.requirement("V-08")
def test_what_has_passed_through_the_broker_leaves_its_file(tmp_path, sealers):
    sealed = sealers("orders").seal("shipping", [envelope("order.accepted")])

    def is_kept():
        return any(sealed.encode() in file.read_bytes() for file in (tmp_path / "valkey").rglob("*.aof"))

    with (
        Valkey(tmp_path / "valkey") as server,
        Celery(broker=server.url_of("orders"), set_as_current=False) as app,
        redis.Redis.from_url(server.url) as operator,
    ):
        operator.lpush("shipping.events", sealed)
        operator.rpop("shipping.events")
        operator.execute_command("WAITAOF", 1, 0, 5000)
        assert is_kept()
        publisher = Publisher(app, sealers("orders"))

        assert [publisher.rewrite_file("orders", every_seconds=3600) for _ in range(2)] == [True, False]

        until(lambda: not is_kept())
        publisher.close()


def test_a_broker_without_a_file_is_left_alone(app, sealers):
    publisher = Publisher(app, sealers("orders"))

    assert publisher.rewrite_file("orders", every_seconds=3600) is False
    publisher.close()
