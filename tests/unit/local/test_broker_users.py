"""On the broker each may do what its work needs and no more; Flower may look."""

from contextlib import closing

import pytest
import redis
from celery import Celery
from kombu.exceptions import OperationalError
from redis.backoff import NoBackoff
from redis.exceptions import NoPermissionError
from redis.retry import Retry

from deploy import flower
from deploy.local.databases import SERVICES
from deploy.local.service_processes import WORKERS
from deploy.local.valkey import USERS, temporary_valkey
from shared.events.routes import SUBSCRIBERS

pytestmark = pytest.mark.requirement("V-05")


@pytest.fixture(scope="module")
def valkey():
    with temporary_valkey() as server:
        yield server


@pytest.fixture
def connect(valkey):
    """The broker as one of its users meets it."""
    opened = []

    def client(user):
        opened.append(redis.Redis.from_url(valkey.url_of(user), retry=Retry(NoBackoff(), 0)))
        return opened[-1]

    yield client
    for each in opened:
        each.close()


def is_refused(act):
    try:
        act()
    except NoPermissionError:
        return True
    except OperationalError as error:
        return "No permissions" in str(error)
    return False


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_puts_events_on_the_queues_of_who_listens_and_takes_none_from_there(connect, service):
    client = connect(service)
    listeners = {name for names in SUBSCRIBERS.values() for name in names} - {service}

    for listener in listeners:
        client.lpush(f"{listener}.events", "an event")
        for act in (
            lambda queue: client.rpop(f"{queue}.events"),
            lambda queue: client.lrange(f"{queue}.events", 0, -1),
            lambda queue: client.delete(f"{queue}.events"),
            lambda queue: client.lpush(f"{queue}.jobs", "a job"),
            lambda queue: client.set(f"{queue}.limits:somebody", "1000"),
            lambda queue: client.hdel(f"{queue}.unacked", "a tag"),
        ):
            assert is_refused(lambda act=act, listener=listener: act(listener))


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_works_on_its_own_keys(connect, service):
    client = connect(service)

    client.lpush(f"{service}.events", "an event")

    assert client.brpop(f"{service}.events", timeout=1)[1] == b"an event"
    assert client.info("memory")["used_memory"] > 0


@pytest.mark.parametrize("user", USERS)
def test_nobody_but_the_operator_rules_the_broker(connect, user):
    client = connect(user)

    for act in (
        client.flushall,
        client.flushdb,
        client.keys,
        client.config_get,
        client.acl_list,
        client.client_list,
        client.shutdown,
        lambda: client.config_set("appendonly", "no"),
        lambda: client.monitor().__enter__(),
        lambda: client.publish("/0.celery.pidbox", "shutdown"),
        lambda: client.execute_command("SUBSCRIBE", "/0.celery.pidbox"),
    ):
        assert is_refused(act), act


def test_flower_cannot_publish(valkey, connect):
    client = connect("flower")
    with closing(Celery(broker=valkey.url_of("flower"), set_as_current=False)) as app:
        app.conf.task_ignore_result = True
        assert is_refused(
            lambda: app.send_task("shipping.order.accepted", kwargs={}, queue="shipping.events", retry=False)
        )
        assert is_refused(app.control.shutdown)

    for queue in flower.QUEUES:
        assert client.llen(queue) >= 0
        for act in (
            lambda queue: client.lpush(queue, "a task"),
            lambda queue: client.lrange(queue, 0, -1),
            client.rpop,
            client.delete,
        ):
            assert is_refused(lambda act=act, queue=queue: act(queue))
    assert is_refused(lambda: client.publish("/0.celeryev/task.succeeded", "{}"))


def test_flower_shows_every_queue():
    queues = {queue for _, _, named in WORKERS.values() for queue in named.split(",")}

    assert set(flower.QUEUES) == queues
