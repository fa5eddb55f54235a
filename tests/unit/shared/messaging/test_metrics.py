"""Events and jobs are counted where they pass, and how far behind a service is can be asked."""

import math
import time
from datetime import timedelta

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import text

from shared import clock
from shared.events.orders import OrderPlaced
from shared.messaging import inbox, jobs, measuring, operations, outbox
from shared.messaging.deliveries import acknowledge_received
from shared.messaging.relay import relay_batch
from tests.plans import plans
from tests.samples import envelope, event
from tests.waiting import PATIENCE_SECONDS


class Wire:
    """The broker as agents meet it."""

    def __init__(self, waiting=None):
        self.lengths = waiting

    def send(self, tasks):
        self.sent = list(tasks)

    def waiting(self, queue):
        if self.lengths is None:
            raise ConnectionError("the broker is gone")
        return self.lengths.get(queue, 0)


class Source:
    """Another service, which takes every acknowledgement."""

    name = "orders"

    def acknowledge(self, event_ids):
        self.acknowledged = event_ids


def newly(sample, age=timedelta(0)):
    """The sample as if it had been told so long ago."""
    return sample | {"time": (clock.now() - age).isoformat()}


@pytest.fixture
def fail(shipping):
    @shipping.messaging.consumers.on(OrderPlaced)
    def always(session, order):
        raise RuntimeError("never")


def test_an_event_is_told_when_it_is_committed_and_sent_when_it_is_marked(orders, counted):
    placed = {"type": "order.placed"}
    with orders.sessions() as session:
        outbox.publish(session, event("order.placed"))
        session.rollback()
    assert counted("waybill_events_told_total", **placed) == 0

    with orders.sessions() as session:
        outbox.publish(session, event("order.placed"))
        assert counted("waybill_events_told_total", **placed) == 0
        session.commit()
    assert counted("waybill_events_told_total", **placed) == 1

    relay_batch(orders.sessions, Wire(), "orders")
    assert counted("waybill_events_sent_total", **placed, subscriber="shipping") == 1
    assert counted("waybill_events_sent_total", **placed, subscriber="documents") == 1


def test_an_event_is_received_handled_and_acknowledged_once_however_often_it_comes(shipping, heard, counted):
    told = newly(envelope("order.placed"), timedelta(seconds=2))

    inbox.receive_and_process(shipping.hearing, [told])
    inbox.receive_and_process(shipping.hearing, [told])
    inbox.receive(shipping.hearing, told, "pull")
    with shipping.sessions() as session:
        acknowledge_received(session, Source())
        acknowledge_received(session, Source())

    assert counted("waybill_events_received_total", type="order.placed", via="push") == 1
    assert counted("waybill_events_received_total", type="order.placed", via="pull") == 0
    assert counted("waybill_events_handled_total", type="order.placed") == 1
    assert counted("waybill_events_acknowledged_total", type="order.placed") == 1
    assert counted("waybill_event_effect_seconds_bucket", source="orders", le="1.0") == 0
    assert counted("waybill_event_effect_seconds_bucket", source="orders", le="5.0") == 1


def test_what_comes_by_pull_is_known_by_it(shipping, heard, counted):
    inbox.receive(shipping.hearing, newly(envelope("order.placed")), "pull")

    assert counted("waybill_events_received_total", type="order.placed", via="pull") == 1
    assert counted("waybill_events_handled_total", type="order.placed") == 1


def test_a_replay_is_handled_again_and_says_nothing_of_the_lag(shipping, heard, counted):
    inbox.receive_and_process(shipping.hearing, [envelope("order.placed")])
    with shipping.sessions() as session:
        operations.replay(session, clock.now() - timedelta(hours=1))
        session.commit()

    inbox.process(shipping.hearing, inbox.claim_due(shipping.hearing))

    assert counted("waybill_events_handled_total", type="order.placed") == 2
    assert counted("waybill_event_effect_seconds_count", source="orders") == 1


def test_failures_are_retries_until_they_are_a_dead_letter(shipping, fail, counted):
    inbox.receive_and_process(shipping.hearing, [envelope("order.placed")])
    assert counted("waybill_events_retried_total", type="order.placed") == 1

    deadline = time.monotonic() + PATIENCE_SECONDS
    while shipping.value("select state from inbox") == "pending" and time.monotonic() < deadline:
        if event_id := inbox.claim_due(shipping.hearing):
            inbox.process(shipping.hearing, event_id)

    assert counted("waybill_events_received_total", type="order.placed", via="push") == 1
    assert counted("waybill_events_retried_total", type="order.placed") == inbox.ATTEMPTS - 1
    assert counted("waybill_events_dead_total", type="order.placed") == 1
    assert counted("waybill_events_handled_total", type="order.placed") == 0


def test_an_event_whose_process_died_each_time_is_counted_dead(shipping, fail, counted):
    inbox.receive_and_process(shipping.hearing, [envelope("order.placed")])
    with shipping.engine.begin() as connection:
        connection.execute(text("update inbox set attempts = 8, next_at = now()"))

    assert inbox.claim_due(shipping.hearing) is None

    assert counted("waybill_events_dead_total", type="order.placed") == 1


def test_a_job_is_counted_by_where_each_try_leaves_it(shipping, counted):
    tries = []

    @shipping.messaging.jobs.kind("bell", limit_seconds=5)
    def ring(sessions, argument):
        tries.append(argument)
        if len(tries) == 1:
            raise RuntimeError("not yet")
        if len(tries) == 3:
            raise jobs.PermanentFailure("never")

    def owe(key):
        with shipping.sessions() as session:
            jobs.enqueue(session, "bell", key=key, order_id="order-1", number="EU-1")
            session.commit()
        return shipping.value("select id from jobs where key = :key", key=key)

    def run(job_id):
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not jobs.run(shipping.sessions, shipping.messaging.jobs, job_id, shipping.backoff):
            assert time.monotonic() < deadline

    first, second = owe("bell:1"), owe("bell:2")
    run(first)
    run(first)
    run(second)

    for state in ("queued", "done", "dead"):
        assert counted("waybill_jobs_total", kind="bell", state=state) == 1


@pytest.fixture
def current():
    """What a gauge tells now."""
    return lambda name, **labels: REGISTRY.get_sample_value(name, labels)


def test_the_backlog_is_told_with_its_age(orders, current):
    before = clock.now().timestamp()
    with orders.sessions() as session:
        outbox.publish(session, event("order.placed"))
        jobs.enqueue(session, "paper", key="paper:1", order_id="order-1", number="EU-1")
        session.commit()
    with orders.engine.begin() as connection:
        connection.execute(text("update outbox set recorded_at = now() - interval '90 min'"))
        connection.execute(text("update outbox set acked_at = now() where subscriber = 'documents'"))
        connection.execute(text("update jobs set run_at = now() - interval '40 min'"))

    with orders.sessions() as session:
        measuring.measure_backlog(orders.messaging, session)

    assert 90 <= current("waybill_oldest_unsent_seconds") / 60 < 100
    assert 90 <= current("waybill_oldest_unacknowledged_seconds", subscriber="shipping") / 60 < 100
    assert current("waybill_oldest_unacknowledged_seconds", subscriber="documents") == 0
    assert 40 <= current("waybill_oldest_due_job_seconds") / 60 < 50
    assert current("waybill_oldest_pending_event_seconds") == 0
    assert current("waybill_dead_letters", kind="event") == 0
    assert before <= current("waybill_state_asked_at_seconds") <= clock.now().timestamp()


def test_what_was_behind_and_is_no_more_is_told_as_nothing(orders, current):
    with orders.sessions() as session:
        outbox.publish(session, event("order.placed"))
        session.commit()
    for acknowledged in (False, True):
        with orders.sessions() as session:
            if acknowledged:
                session.execute(text("update outbox set acked_at = now(), sent_at = now()"))
            measuring.measure_backlog(orders.messaging, session)
            session.commit()

    assert current("waybill_oldest_unsent_seconds") == 0
    assert current("waybill_oldest_unacknowledged_seconds", subscriber="shipping") == 0


def test_waiting_and_dead_events_are_told(shipping, fail, current):
    inbox.receive_and_process(shipping.hearing, [envelope("order.placed")])
    with shipping.engine.begin() as connection:
        connection.execute(text("update inbox set received_at = now() - interval '70 s'"))
    with shipping.sessions() as session:
        measuring.measure_backlog(shipping.messaging, session)
    assert 70 <= current("waybill_oldest_pending_event_seconds") < 80

    with shipping.engine.begin() as connection:
        connection.execute(text("update inbox set via = 'replay'"))
    with shipping.sessions() as session, plans(session, off=("seqscan", "sort"), of="oldest_pending") as seen:
        measuring.measure_backlog(shipping.messaging, session)
    assert current("waybill_oldest_pending_event_seconds") == 0  # it was followed in time
    assert "Scan using ix_inbox_pending" in seen[0]  # a million that wait are not read to tell how long

    with shipping.engine.begin() as connection:
        connection.execute(text("update inbox set state = 'dead'"))
    with shipping.sessions() as session:
        measuring.measure_backlog(shipping.messaging, session)
    assert current("waybill_oldest_pending_event_seconds") == 0
    assert current("waybill_dead_letters", kind="event") == 1


def test_queues_are_told_with_their_length_and_without_a_broker_with_none(shipping, current):
    measuring.measure_queues(shipping.messaging, Wire({"shipping.events": 7}))
    assert current("waybill_queue_length", queue="shipping.events") == 7
    assert current("waybill_queue_length", queue="shipping.jobs") == 0
    assert current("waybill_broker_up") == 1

    with pytest.raises(ConnectionError):
        measuring.measure_queues(shipping.messaging, Wire())
    assert math.isnan(current("waybill_queue_length", queue="shipping.events"))
    assert current("waybill_broker_up") == 0


def test_a_standing_check_tells_how_much_it_found_and_when(shipping, current):
    before = clock.now().timestamp()

    measuring.run_checks(shipping.sessions, {"bells": lambda session: session.scalar(text("select 3"))})

    assert current("waybill_standing_check_faults", check="bells") == 3
    assert before <= current("waybill_standing_check_at_seconds", check="bells") <= clock.now().timestamp()
