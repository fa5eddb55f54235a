"""What an agent does is found by one question a second, whether or not a notification came."""

import threading
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from redis import Redis
from sqlalchemy import event as hooks
from sqlalchemy import insert

from deploy.local.databases import SERVICES
from deploy.local.valkey import temporary_valkey
from shared import clock
from shared.messaging import agent as agents
from shared.messaging.agent import Agent
from shared.messaging.jobs import enqueue
from shared.messaging.outbox import publish
from shared.messaging.tables import inbox, pending_acks
from shared.settings import ServiceSettings, read
from tests.contract.openapi import ENVIRONMENT
from tests.samples import envelope, event
from tests.waiting import until

NOBODY = "127.0.0.1:1"


@pytest.fixture
def shipping_agent(shipping, heard, keys):
    """Shipping's agent, which reaches its database and at most a broker, running while a block lasts."""
    shipping.messaging.jobs.kind("paper", limit_seconds=5)(lambda sessions, argument: None)
    told = {
        "ORDERS_URL": f"http://{NOBODY}",
        "PULL_GRACE_SECONDS": "0.1",
        "MESSAGE_KEYS": keys.message_keys("shipping"),
        "MESSAGE_PUBLIC_KEYS": keys.message_public_keys(SERVICES),
    }

    @contextmanager
    def running(broker=f"redis://{NOBODY}/0"):
        settings = read(ServiceSettings, ENVIRONMENT | told | {"BROKER_URL": broker})
        agent = Agent(shipping.messaging, shipping.sessions, settings)
        thread = threading.Thread(target=agent.run)
        thread.start()
        try:
            yield
        finally:
            agent.stop()
            thread.join()

    return running


@pytest.fixture
def acted(monkeypatch):
    """How often each duty has acted; none of them does anything."""
    counts = {}

    def counting(place, name, answer):
        def act(*_args, **_named):
            counts[name] = counts.get(name, 0) + 1
            return answer

        monkeypatch.setattr(place, name, act)
        counts[name] = 0

    counting(agents, "relay_batch", 0)
    counting(agents.job_dispatch, "send_due", 0)
    counting(agents.inbox, "claim_due", None)
    counting(agents.deliveries, "acknowledge_received", 0)
    return counts


def test_an_agent_that_is_stopped_as_it_looks_after_its_threads_has_lost_none(shipping, keys, monkeypatch):
    class JustThen(threading.Event):
        def wait(self, timeout=None):
            was_set = self.is_set()
            self.set()
            until(lambda: was_set or not any(one.name == "only" for one in threading.enumerate()))
            return was_set

    told = {"MESSAGE_KEYS": keys.message_keys("shipping")}
    told |= {"MESSAGE_PUBLIC_KEYS": keys.message_public_keys(SERVICES)}
    agent = Agent(shipping.messaging, shipping.sessions, read(ServiceSettings, ENVIRONMENT | told))
    monkeypatch.setattr(agent, "_duties", lambda: [("only", lambda: None)])
    monkeypatch.setattr(agent, "_stopping", JustThen())

    agent.run()  # and raises nothing


def test_what_no_worker_takes_does_not_fill_the_broker(shipping_agent, monkeypatch):
    monkeypatch.setattr(agents, "MOST_WAITING_EVENTS", 3)
    with temporary_valkey() as valkey, Redis.from_url(valkey.url) as broker:
        for number in range(10):
            broker.lpush("shipping.events", number)

        with shipping_agent(valkey.url):
            until(lambda: broker.llen("shipping.events") <= 3 + 1)  # and a canary

        kept = [told for told in broker.lrange("shipping.events", 0, -1) if told.isdigit()]
        assert kept == [b"9", b"8", b"7"][: len(kept)]


def test_what_cannot_be_stored_stops_nothing_that_is_pulled_after_it(
    shipping, shipping_agent, heard, monkeypatch
):
    broken, sound = (envelope("order.placed") | {"id": str(uuid4())} for _ in range(2))
    broken["data"] = broken["data"] | {"reason": "\0"}  # PostgreSQL takes no such letter
    monkeypatch.setattr(agents.Source, "pull", lambda *_: [broken, sound])

    with shipping_agent():
        until(lambda: heard)

    assert shipping.value("select event_id from inbox") == UUID(sound["id"])


def tell(session):
    publish(session, event("order.placed"))


def owe(session):
    enqueue(session, "paper", key="paper:1", order_id="order-1", number="EU-1")


def hear(session):
    now = clock.now()
    row = {"event_id": uuid4(), "source": "orders", "type": "order.placed", "subject": "order-1"}
    row |= {"envelope": {}, "via": "push", "next_at": now - timedelta(seconds=1), "acked_at": now}
    session.execute(insert(inbox).values(row))


def store(session):
    session.execute(insert(pending_acks).values(source="orders", event_id=uuid4()))


@pytest.mark.parametrize(
    ("write", "duty"),
    [
        (tell, "relay_batch"),
        (owe, "send_due"),
        (hear, "claim_due"),
        (store, "acknowledge_received"),
    ],
)
def test_each_duty_is_woken_by_what_is_due_to_it_and_by_nothing_else(
    shipping, shipping_agent, acted, write, duty
):
    with shipping_agent():
        until(lambda: all(acted.values()))
        with shipping.sessions() as session:
            write(session)
            session.commit()
        before = dict(acted)

        # Nothing is done, so it stays due; at most the first time there is a notification.
        until(lambda: acted[duty] > before[duty] + 2)

    assert {name for name, times in acted.items() if times > before[name] + 1} == {duty}


def test_an_agent_at_rest_asks_one_question_at_a_time(shipping, shipping_agent, monkeypatch):
    asked = []
    monkeypatch.setattr(agents, "MEASURE_EVERY_SECONDS", 1000.0)

    def note(_connection, _cursor, statement, *_rest):
        asked.append("look" if statement.count("EXISTS") == 4 else statement)

    hooks.listen(shipping.engine, "before_cursor_execute", note)
    try:
        with temporary_valkey() as broker, shipping_agent(broker.url):
            until(lambda: asked[-3:] == ["look"] * 3)
            del asked[:]
            until(lambda: len(asked) >= 3)
    finally:
        hooks.remove(shipping.engine, "before_cursor_execute", note)

    assert asked[:3] == ["look"] * 3


def test_what_was_lost_is_looked_for_less_often_where_nothing_comes(
    shipping, shipping_agent, acted, monkeypatch
):
    rests = []
    monkeypatch.setattr(agents, "QUIET_AFTER_SECONDS", 2.0)
    monkeypatch.setattr(agents.deliveries, "acknowledge_received", lambda *_: len(coming) and coming.pop())
    monkeypatch.setattr(agents.Source, "pull", lambda *_: [])
    coming, rest = [], Agent._rest

    def note(agent, seconds):
        if threading.current_thread().name == "pull-orders":
            rests.append(seconds)
        rest(agent, seconds)

    monkeypatch.setattr(Agent, "_rest", note)
    with temporary_valkey() as broker, shipping_agent(broker.url):
        until(lambda: rests[-1:] == [0.4])
        assert rests[0] == 0.1

        coming.append(1)
        with shipping.sessions() as session:
            store(session)  # something came by push
            session.commit()

        until(lambda: rests[-1] == 0.1)
        until(lambda: rests[-1] == 0.4)
