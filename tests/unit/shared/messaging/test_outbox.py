"""An event is committed with the state it tells of, or not at all."""

import re
import threading
from contextlib import suppress
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.event import listen, remove

from shared import clock
from shared.access import Actor
from shared.logging import causation_id, correlation_id
from shared.messaging import operations, outbox, relay
from shared.messaging.deliveries import acknowledge, pending_for
from shared.messaging.order_locks import lock_order, next_version
from shared.messaging.outbox import envelope
from shared.messaging.relay import BATCH, delivery_id, relay_batch
from shared.messaging.tables import event_log
from tests import samples
from tests.plans import plans
from tests.samples import event


class Wire:
    """Takes what the relay sends."""

    def __init__(self, broken=False):
        self.sent = []
        self.broken = broken

    def send(self, tasks):
        for task in tasks:
            self.sent.append(task)
            if self.broken:
                raise ConnectionError("the broker is gone")


def tell(service, *events):
    with service.sessions() as session:
        for told in events:
            outbox.publish(session, told)
        session.commit()


@pytest.mark.requirement("F-01")
def test_an_event_is_owed_to_every_listener_only_once_its_transaction_commits(orders):
    with orders.sessions() as session:
        outbox.publish(session, event("order.placed"))

        assert orders.value("select count(*) from outbox") == 0
        session.commit()

    assert orders.value("select array_agg(subscriber order by subscriber) from outbox") == [
        "documents",
        "notifications",
        "shipping",
    ]


@pytest.mark.requirement("F-01")
def test_what_is_rolled_back_was_never_told(orders):
    with orders.sessions() as session:
        outbox.publish(session, event("order.placed"))
        session.rollback()

    assert orders.value("select count(*) from event_log") == 0
    assert relay_batch(orders.sessions, Wire(), "orders") == 0


@pytest.mark.requirement("F-02")
def test_a_slow_commit_is_neither_sent_early_nor_passed_over(orders):
    wire = Wire()
    with orders.sessions() as slow:
        outbox.publish(slow, event("order.placed"))
        tell(orders, event("order.accepted"))

        relay_batch(orders.sessions, wire, "orders")
        assert {name for _, _, name, _ in wire.sent} == {
            "shipping.order.accepted",
            "documents.order.accepted",
            "notifications.order.accepted",
        }
        slow.commit()

    assert relay_batch(orders.sessions, wire, "orders") == 3
    assert {arguments["event"][0]["type"] for *_, arguments in wire.sent[3:]} == {"order.placed"}


def test_a_broker_that_fails_loses_nothing(orders):
    tell(orders, event("order.placed"))

    with pytest.raises(ConnectionError):
        relay_batch(orders.sessions, Wire(broken=True), "orders")

    assert relay_batch(orders.sessions, Wire(), "orders") == 3
    assert relay_batch(orders.sessions, Wire(), "orders") == 0


@pytest.mark.requirement("F-04")
def test_two_relays_share_the_work_and_send_nothing_twice(orders):
    tell(orders, *[event("order.placed")] * 100)
    wires = [Wire(), Wire()]
    barrier = threading.Barrier(2)

    def run(wire):
        barrier.wait()
        while relay_batch(orders.sessions, wire, "orders") == BATCH:
            pass

    threads = [threading.Thread(target=run, args=(wire,)) for wire in wires]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    while relay_batch(orders.sessions, wires[0], "orders"):
        pass

    ids = [task_id for wire in wires for _, task_id, _, _ in wire.sent]
    assert len(ids) == len(set(ids)) == 300


@pytest.mark.requirement("F-05")
def test_event_and_delivery_ids_are_the_same_each_time_they_are_sent(orders):
    wire = Wire()
    tell(orders, event("order.placed"))

    relay_batch(orders.sessions, wire, "orders")
    with orders.engine.begin() as connection:
        connection.execute(text("update outbox set sent_at = null"))
    relay_batch(orders.sessions, wire, "orders")

    assert sorted(t[1] for t in wire.sent[:3]) == sorted(t[1] for t in wire.sent[3:])
    [event_id] = {told["id"] for t in wire.sent for told in t[3]["event"]}
    assert len({t[1] for t in wire.sent}) == 3
    assert wire.sent[0][1] == delivery_id(wire.sent[0][0].split(".")[0], UUID(event_id))


def test_a_task_shows_the_orders_number_first(orders):
    wire = Wire()
    tell(orders, event("order.placed"))

    relay_batch(orders.sessions, wire, "orders")

    assert next(iter(wire.sent[0][3].items())) == ("order", "EU-100042")


def test_events_told_together_are_one_task_for_each_subscriber(orders):
    """In the order in which they happened; what else is told at the time has tasks of its own."""
    wire = Wire()
    changed = [event("stock.changed", sku=sku) for sku in ("TEA", "CUP", "POT", "MUG", "JAR")]
    tell(orders, *changed[:3], event("order.placed"), *changed[3:])

    assert relay_batch(orders.sessions, wire, "orders", {"stock.changed"}) == 13
    relay_batch(orders.sessions, wire, "orders", {"stock.changed"})

    together = {queue: task for queue, *task in wire.sent if task[1].endswith("stock.changed")}
    assert sorted(together) == ["notifications.events", "orders.events"]
    assert len(wire.sent) == 5
    _, name, arguments = together["orders.events"]
    assert name == "orders.stock.changed"
    assert arguments["order"] == ", ".join([one.stock.subject for one in changed[:3]]) + " and 2 more"
    assert [one["data"]["stock"]["sku"] for one in arguments["event"]] == ["TEA", "CUP", "POT", "MUG", "JAR"]


@pytest.mark.requirement("F-05")
def test_the_same_events_are_the_same_task_each_time_they_are_sent(orders):
    wires = [Wire(), Wire()]
    tell(orders, *(event("stock.changed", sku=sku) for sku in ("TEA", "CUP")))

    for wire in wires:
        relay_batch(orders.sessions, wire, "orders", {"stock.changed"})
        with orders.engine.begin() as connection:
            connection.execute(text("update pushes set sent_at = null"))

    assert [task_id for _, task_id, *_ in wires[0].sent] == [task_id for _, task_id, *_ in wires[1].sent]
    assert wires[0].sent == wires[1].sent


def test_one_event_of_those_told_together_goes_as_any_other(orders, sealers):
    """So that the release before, which knows no lists, understands it."""
    wire = Wire()
    tell(orders, event("stock.changed"))

    relay_batch(orders.sessions, wire, "orders", {"stock.changed"})

    [_, (_, task_id, _, arguments)] = wire.sent  # orders' after notifications'
    [told] = arguments["event"]
    assert arguments["order"] == told["reference"]
    assert task_id == delivery_id("orders", UUID(told["id"]))
    alone, several = (
        sealers("orders").seal("shipping", envelopes) for envelopes in (arguments["event"], [told, told])
    )
    assert sealers("shipping").open(alone) == ("orders", [told])
    assert sealers("shipping").open(several) == ("orders", [told, told])


def test_an_envelope_is_a_cloud_event_with_its_correlation(orders):
    correlation_id.set("checkout-7")
    causation_id.set("cause-3")

    tell(orders, event("order.placed"))

    with orders.sessions() as session:
        told = envelope(session.execute(event_log.select()).mappings().one(), "orders")
    assert told["specversion"] == "1.0"
    assert told["source"] == "/orders"
    assert told["subject"] == str(event("order.placed").order.order_id)
    assert (told["correlationid"], told["causationid"]) == ("checkout-7", "cause-3")
    assert UUID(told["id"]).version == 7
    assert set(told) == set(samples.envelope("order.placed"))


def test_an_event_tells_who_asked_for_it_and_nobody_where_the_service_acted(orders):
    with orders.sessions() as session:
        outbox.publish(session, event("order.placed"))
        session.info["actor"] = Actor(name="tess")
        outbox.publish(session, event("order.accepted"))
        session.commit()

        asked = [delivery["actor"] for delivery in pending_for(session, "shipping", 10, grace_seconds=0)]

    assert asked == ["", "tess"]


def test_what_is_not_acknowledged_can_be_pulled_until_it_is(orders):
    tell(orders, event("order.placed"))

    with orders.sessions() as session:
        [delivery] = pending_for(session, "shipping", 10, grace_seconds=0)
        assert acknowledge(session, "shipping", [UUID(delivery["id"])]) == 1
        assert acknowledge(session, "shipping", [UUID(delivery["id"])]) == 0
        session.commit()

        assert pending_for(session, "shipping", 10, grace_seconds=0) == []
        assert len(pending_for(session, "documents", 10, grace_seconds=0)) == 1
        assert pending_for(session, "documents", 10, grace_seconds=60) == []


def settle(service, subscriber):
    """Have a subscriber acknowledge all that it is owed; answers how many it was."""
    with service.sessions() as session:
        owed = pending_for(session, subscriber, 100, grace_seconds=0)
        count = acknowledge(session, subscriber, [UUID(delivery["id"]) for delivery in owed])
        session.commit()
    return count


def test_a_delivery_is_written_once_and_gone_when_it_is_acknowledged(orders):
    tell(orders, event("order.placed"))
    place = "select string_agg(concat_ws(' ', ctid, xmin, xmax), ',' order by ctid) from outbox"
    written = orders.value(place)

    assert relay_batch(orders.sessions, Wire(), "orders") == 3

    assert orders.value(place) == written
    # What only says what was sent is not in the log; after a crash what is owed is pulled.
    assert orders.value("select relpersistence from pg_class where relname = 'pushes'") == "u"
    assert settle(orders, "shipping") == 1
    assert orders.value("select string_agg(subscriber, ',' order by subscriber) from outbox") == (
        "documents,notifications"
    )
    assert orders.value("select count(*) from pushes where subscriber = 'shipping'") == 0


def test_what_was_pulled_before_the_relay_came_to_it_is_not_sent(orders):
    tell(orders, event("order.placed"))
    wire = Wire()

    settle(orders, "shipping")
    relay_batch(orders.sessions, wire, "orders")

    assert {name for _, _, name, _ in wire.sent} == {
        "documents.order.placed",
        "notifications.order.placed",
    }


def test_what_a_crash_of_the_server_forgot_is_still_owed_and_can_be_sent_again(orders):
    tell(orders, event("order.placed"))
    with orders.engine.begin() as connection:
        connection.execute(text("truncate pushes"))

    assert relay_batch(orders.sessions, Wire(), "orders") == 0
    with orders.sessions.begin() as session:
        assert len(pending_for(session, "shipping", 10, grace_seconds=0)) == 1
        assert operations.resend(session) == 3
    assert relay_batch(orders.sessions, Wire(), "orders") == 3


def test_whoever_hears_all_again_is_known_to_have_been_told(orders):
    """Also what it was not told at the time, as it did not concern it."""
    began = clock.now()
    with orders.sessions.begin() as session:
        outbox.publish(session, event("order.placed"), but={"documents"})
    settle(orders, "shipping")

    for _ in range(2):
        with orders.sessions.begin() as session:
            assert operations.deliver_again(session, "documents", began) == 1

    told = "select array_agg(subscriber order by subscriber) from event_log, unnest(told_to) as subscriber"
    assert orders.value(told) == ["documents", "notifications", "shipping"]


def test_what_the_release_before_publishes_sends_and_acknowledges_is_noted(orders):
    """It marks its outbox, and knows nothing of who was told."""
    with orders.engine.begin() as connection:
        connection.execute(
            text("""
                with event as (
                    insert into event_log (event_id, type, subject, reference, version, occurred_at, payload,
                                           correlation_id, causation_id, trace_parent)
                    values (gen_random_uuid(), 'order.placed', 'x', 'x', 1, now(), '{}', '', '', '')
                    returning event_id, seq
                )
                insert into outbox (event_id, subscriber, seq)
                select event_id, subscriber, seq
                from event, unnest('{documents,shipping}'::text[]) as subscriber
            """)
        )
    unsent = "select count(*) from pushes where sent_at is null"
    said = [orders.value(unsent)]
    for marks in (
        "update outbox set sent_at = now() where subscriber = 'shipping'",
        "update outbox set sent_at = null where subscriber = 'shipping'",
        "update outbox set sent_at = now(), acked_at = now() where subscriber = 'shipping'",
    ):
        with orders.engine.begin() as connection:
            connection.execute(text(marks))
        said.append(orders.value(unsent))

    assert said == [2, 1, 2, 1]
    assert orders.value("select count(*) from pushes") == 1
    assert orders.value("select told_to from event_log") == ["documents", "shipping"]
    assert settle(orders, "shipping") == 0


def test_what_was_told_is_known_when_it_is_owed_no_more(orders):
    with orders.sessions() as session:
        outbox.publish(session, event("order.placed"), but={"documents"})
        session.commit()
    settle(orders, "shipping")

    with orders.sessions() as session:
        [told] = operations.delivery_log(session, "shipping", 0, 10)
        assert operations.delivery_log(session, "documents", 0, 10) == []
        shown = operations.show_event(session, told["event_id"])["deliveries"]
        session.execute(text("update event_log set occurred_at = now() - interval '91 days'"))
        assert operations.delivery_log(session, "shipping", 0, 10) == []
        assert len(operations.delivery_log(session, "notifications", 0, 10)) == 1  # owed for ever

    assert [(one["subscriber"], one["acknowledged"]) for one in shown] == [
        ("notifications", False),
        ("shipping", True),
    ]


def test_what_is_to_be_sent_is_found_along_an_index(orders):
    with orders.sessions() as session, plans(session, off=("seqscan", "sort")) as seen:
        session.execute(relay._MARK_SENT, {"batch": 200})

    [plan] = seen
    assert "Index Scan using ix_pushes_unsent" in plan


def test_the_log_of_deliveries_is_read_along_an_index(orders):
    tell(orders, event("order.placed"), event("order.accepted"))

    with orders.sessions() as session, plans(session, off=("seqscan", "bitmapscan", "sort")) as seen:
        first = operations.delivery_log(session, "documents", 0, 1)
        rest = operations.delivery_log(session, "documents", first[0]["seq"], 10)

    plan = seen[-1]
    assert [row["type"] for row in first + rest] == ["order.placed", "order.accepted"]
    assert "Index Scan using pk_event_log" in plan
    assert "Sort" not in plan
    # What is older is not read on the way.
    assert re.search(r"Index Cond: \(\(seq > .*\(seq >= LEAST\(", plan)


def test_an_order_is_locked_from_its_first_mention(orders):
    order_id = event("order.placed").order.order_id
    entered = []

    def second():
        with orders.sessions() as session:
            lock_order(session, order_id)
            entered.append(next_version(session, order_id))
            session.commit()

    with orders.sessions() as session:
        lock_order(session, order_id)
        waiting = threading.Thread(target=second)
        waiting.start()
        waiting.join(0.3)
        assert entered == []
        assert next_version(session, order_id) == 1
        session.commit()
    waiting.join()

    assert entered == [2]


def test_locking_an_order_writes_its_row_once(orders):
    versions = []
    for _ in range(2):
        with orders.sessions() as session:
            lock_order(session, event("order.placed").order.order_id)
            session.commit()
        versions.append(orders.value("select concat_ws(' ', ctid, xmin) from subjects"))

    assert versions[0] == versions[1]


def test_an_order_is_locked_once_in_a_transaction_and_anew_after_a_savepoint_is_taken_back(orders):
    order_id = event("order.placed").order.order_id
    with orders.sessions() as session:

        def is_asked_for():
            asked = []
            listener = session.connection(), "before_cursor_execute", lambda *about: asked.append(about[2])
            listen(*listener)
            lock_order(session, order_id)
            remove(*listener)
            return any("insert into subjects" in statement for statement in asked)

        with suppress(RuntimeError), session.begin_nested():
            lock_order(session, order_id)
            raise RuntimeError("taken back, and the lock with it")

        was_asked_for = [is_asked_for() for _ in range(2)]
        with session.begin_nested():
            was_asked_for.append(is_asked_for())
        session.commit()
        was_asked_for.append(is_asked_for())

    assert was_asked_for == [True, False, False, True]
