"""An event takes effect once, whatever the way it comes."""

import threading
import time
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from sqlalchemy import text

from shared import clock
from shared.events.orders import OrderAccepted, OrderCompleted, OrderPlaced
from shared.events.snapshots import OrderSnapshot
from shared.messaging import copies, deliveries, inbox, operations
from shared.messaging.deliveries import acknowledge_received
from tests.plans import plans
from tests.samples import envelope, event
from tests.waiting import PATIENCE_SECONDS, until


def newer(name, version, **changes):
    sample = envelope(name)
    sample["id"] = str(uuid4())
    sample["snapshotversion"] = version
    sample["data"]["order"] |= {"version": version, **changes}
    return sample


def let_pass(shipping, what):
    with shipping.engine.begin() as connection:
        connection.execute(text(f"update inbox set {what}"))


def by_push(shipping, told):
    inbox.receive_and_process(shipping.hearing, [told])


def by_pull(shipping, told):
    inbox.receive(shipping.hearing, told, "pull")


@pytest.mark.requirement("F-04")
@pytest.mark.parametrize("first", [by_push, by_pull])
@pytest.mark.parametrize("second", [by_push, by_pull])
def test_an_event_that_comes_twice_takes_effect_once(shipping, heard, first, second):
    told = envelope("order.placed")

    first(shipping, told)
    second(shipping, told)

    assert len(heard) == 1
    assert shipping.value("select state from inbox") == "done"


@pytest.mark.requirement("F-04")
def test_an_event_that_comes_twice_at_once_takes_effect_once(shipping, heard):
    told = envelope("order.placed")
    barrier = threading.Barrier(4)

    def come(way):
        barrier.wait()
        way(shipping, told)

    threads = [threading.Thread(target=come, args=(way,)) for way in (by_push, by_push, by_pull, by_pull)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(heard) == 1


@pytest.mark.requirement("F-04")
def test_an_event_that_is_heard_again_while_it_is_taken_in_does_not_wait_for_the_sweep(
    shipping, heard, monkeypatch
):
    """Who pulls it again has its row for a moment, and leaves the work to who had it first."""
    with shipping.sessions() as again:

        def hold(point):
            if point == "before_ack":
                again.execute(text("select from inbox for update"))
                threading.Timer(0.3, again.commit).start()

        monkeypatch.setattr(inbox, "crash_point", hold)
        by_pull(shipping, envelope("order.placed"))

    assert len(heard) == 1


def of_order(number, order_id):
    told = newer("order.placed", number)
    told["data"]["order"]["order_id"] = told["subject"] = str(UUID(int=order_id))
    return told


def test_events_that_come_together_take_effect_in_one_commit(shipping, heard):
    known, *new = together = [of_order(number, order_id=number) for number in (1, 2, 3)]
    by_push(shipping, known)

    inbox.receive_and_process(shipping.hearing, together)

    assert [order.version for order in heard] == [1, 2, 3]
    assert shipping.value("select count(distinct xmin::text) from inbox") == 2
    assert shipping.value("select count(*) from pending_acks") == 3
    assert shipping.value("select array_agg(event_id::text) from inbox where via <> 'push'") is None
    assert {one["id"] for one in new} < {row["id"] for row in kept(shipping)}


def kept(shipping):
    return shipping.value("select jsonb_agg(envelope) from inbox where state = 'done'")


def test_of_events_that_come_together_the_poisoned_one_fails_alone(shipping):
    handled = []

    @shipping.messaging.consumers.on(OrderPlaced)
    def fail_of_the_second(session, order):
        handled.append(order.version)
        if order.version == 2:
            raise RuntimeError("poison")

    inbox.receive_and_process(shipping.hearing, [of_order(number, order_id=number) for number in (1, 2, 3)])

    assert handled == [1, 2, 1, 2, 3]
    end = "concat_ws(' ', envelope ->> 'snapshotversion', state, last_error)"
    ends = shipping.value(f"select array_agg({end} order by {end}) from inbox")
    assert ends == ["1 done", "2 pending poison", "3 done"]


def test_what_can_not_be_stored_stops_nothing_that_comes_with_it(shipping, heard):
    unreadable, *others = [of_order(number, order_id=number) for number in (1, 2, 3)]
    unreadable["data"]["order"]["number"] = "\0"  # which no jsonb holds

    inbox.receive_and_process(shipping.hearing, [unreadable, *others])

    assert [order.version for order in heard] == [2, 3]
    assert shipping.value("select count(*) from inbox") == 2


def test_where_the_time_is_up_none_of_several_is_begun_again(shipping):
    handled = []

    @shipping.messaging.consumers.on(OrderPlaced)
    def take_too_long(session, order):
        handled.append(order.version)
        raise SoftTimeLimitExceeded

    together = [of_order(number, order_id=number) for number in (1, 2)]
    with pytest.raises(SoftTimeLimitExceeded):
        inbox.receive_and_process(shipping.hearing, together)

    assert handled == [1]
    assert shipping.value("select count(*) from inbox") == 0  # so they are pulled


def test_an_id_in_capitals_or_twice_in_a_task_is_the_event_that_it_names_once(shipping, heard):
    told = of_order(1, order_id=1)
    loud = of_order(2, order_id=1) | {"id": str(uuid4()).upper()}

    inbox.receive_and_process(shipping.hearing, [told, loud, told])

    assert sorted(order.version for order in heard) == [1, 2]


def test_orders_that_two_tell_of_together_are_locked_in_the_same_order(shipping, heard):
    """Else each could have the one that the other waits for."""
    middle = str(UUID(int=2))
    there = [of_order(1, order_id) for order_id in (1, 2, 3)]
    back = [of_order(1, order_id) for order_id in (3, 2, 1)]
    for number, told in enumerate(there + back):
        told["id"] = str(UUID(int=number))
    with shipping.sessions() as holding:
        holding.execute(text("insert into subjects (subject) values (:middle)"), {"middle": middle})
        threads = [
            threading.Thread(target=inbox.receive_and_process, args=(shipping.hearing, told))
            for told in (there, back)
        ]
        for thread in threads:
            thread.start()
        waiting = "select count(*) from pg_locks where not granted and pid <> pg_backend_pid()"
        until(lambda: shipping.value(waiting) == 2)
        holding.commit()
    for thread in threads:
        thread.join()

    assert shipping.value("select count(distinct xmin::text) from inbox where state = 'done'") == 2
    assert len(heard) == 6


def test_a_first_delivery_whose_handler_fails_is_kept_for_its_next_attempt(shipping):
    @shipping.messaging.consumers.on(OrderPlaced)
    def fail_after_writing(session, order):
        session.execute(text("insert into subjects (subject) values ('written')"))
        raise RuntimeError("no luck")

    inbox.receive_and_process(shipping.hearing, [envelope("order.placed")])

    assert shipping.value("select count(*) from subjects where subject = 'written'") == 0
    row = "select concat_ws(' ', state, attempts, error_type, last_error) from inbox"
    assert shipping.value(row) == "pending 1 RuntimeError no luck"


@pytest.mark.parametrize("way", [by_push, by_pull])
def test_of_an_event_that_was_followed_stays_what_it_says_beside_its_snapshot(shipping, heard, way):
    told = envelope("order.placed")
    told["data"]["reason"] = "as the shop was empty"

    way(shipping, told)

    assert heard[0].number == told["data"]["order"]["number"]
    kept = shipping.value("select envelope from inbox")
    assert kept == told | {"data": {"reason": "as the shop was empty"}}


def test_an_event_that_is_replayed_is_handled_with_the_newest_that_is_known(shipping, heard):
    by_push(shipping, newer("order.placed", 1))
    by_push(shipping, newer("order.placed", 3))
    with shipping.sessions.begin() as session:
        operations.replay(session, clock.now() - timedelta(hours=1))

    while event_id := inbox.claim_due(shipping.hearing):
        assert inbox.process(shipping.hearing, event_id)

    assert [order.version for order in heard] == [1, 3, 3, 3]
    assert shipping.value("select string_agg(distinct state, '') from inbox") == "done"


@pytest.mark.parametrize("way", [by_push, by_pull])
def test_an_event_that_was_not_followed_yet_is_kept_whole(shipping, way):
    @shipping.messaging.consumers.on(OrderPlaced)
    def fail(session, order):
        raise RuntimeError("no luck")

    way(shipping, envelope("order.placed"))

    assert shipping.value("select envelope from inbox") == envelope("order.placed")


@pytest.mark.parametrize("way", [by_push, by_pull])
def test_a_service_that_tells_events_on_keeps_them_whole(shipping, heard, way):
    shipping.messaging.consumers.keeps_events = True

    way(shipping, envelope("order.placed"))

    assert shipping.value("select envelope from inbox") == envelope("order.placed")


def test_a_repeat_is_acknowledged_again(shipping, heard):
    told = envelope("order.placed")
    inbox.receive(shipping.hearing, told, "push")
    with shipping.engine.begin() as connection:
        connection.execute(text("delete from pending_acks"))

    inbox.receive(shipping.hearing, told, "pull")

    assert shipping.value("select event_id from pending_acks") == UUID(told["id"])


class Told:
    """A source that is told what was received."""

    name = "orders"

    def __init__(self, away=False):
        self.away, self.acknowledged = away, []

    def acknowledge(self, event_ids):
        if self.away:
            raise ConnectionError("nobody there")
        self.acknowledged += event_ids


def test_an_event_is_written_once_and_not_again_when_it_is_acknowledged(shipping, heard):
    by_push(shipping, told := envelope("order.placed"))
    place = "select concat_ws(' ', ctid, xmin, xmax) from inbox"
    written = shipping.value(place)
    source = Told()

    with shipping.sessions() as session:
        acknowledge_received(session, source)

    assert source.acknowledged == [UUID(told["id"])]
    assert shipping.value(place) == written
    # What only says what is to be done soon is not in the log, and after a crash it is owed anew.
    assert shipping.value("select relpersistence from pg_class where relname = 'pending_acks'") == "u"
    assert shipping.value("select count(*) from pending_acks") == 0


def test_what_the_release_before_stores_and_acknowledges_is_noted(shipping, heard):
    """It knows `acked_at` alone."""
    by_push(shipping, envelope("order.placed"))
    owed = "select count(*) from pending_acks"
    before = """insert into inbox (event_id, source, type, subject, envelope, via, next_at)
                values (gen_random_uuid(), 'orders', 'order.placed', 'x', '{}', 'push', now())"""
    said = []
    for does in (
        "delete from inbox; delete from pending_acks",
        before,
        "update inbox set acked_at = now()",
        "update inbox set acked_at = null",
    ):
        with shipping.engine.begin() as connection:
            connection.execute(text(does))
        said.append(shipping.value(owed))

    assert said == [0, 1, 0, 1]


def test_an_event_that_was_forgotten_before_it_was_acknowledged_can_come_again(shipping, heard):
    """Its source was away for longer than what was heard is kept."""
    by_push(shipping, told := envelope("order.placed"))
    with shipping.engine.begin() as connection:
        connection.execute(text("delete from inbox"))

    by_push(shipping, told)

    assert len(heard) == 2
    assert shipping.value("select count(*) from pending_acks") == 1


def test_what_can_not_be_told_stays_to_be_acknowledged(shipping, heard):
    by_push(shipping, told := envelope("order.placed"))

    with shipping.sessions() as session, pytest.raises(ConnectionError):
        acknowledge_received(session, Told(away=True))

    assert shipping.value("select event_id from pending_acks where source = 'orders'") == UUID(told["id"])


def test_of_a_backlog_the_oldest_is_acknowledged_first_along_an_index(shipping, heard):
    first, second = sorted((newer("order.placed", 1), newer("order.placed", 2)), key=lambda told: told["id"])
    by_push(shipping, second)
    by_push(shipping, first)
    source = Told()

    with shipping.sessions() as session, plans(session, off=("seqscan", "sort", "bitmapscan")) as seen:
        session.execute(deliveries._MARK_ACKNOWLEDGED, {"source": "orders", "limit": 1})
    with shipping.sessions() as session:
        acknowledge_received(session, source, limit=1)

    [plan] = seen
    assert source.acknowledged == [UUID(first["id"])]
    assert "Index Scan using pk_pending_acks" in plan or "Index Only Scan using pk_pending_acks" in plan
    assert "Sort" not in plan


def test_a_late_event_shows_the_newest_snapshot(shipping, heard):
    inbox.receive(shipping.hearing, newer("order.placed", 7, status="accepted"), "push")
    inbox.receive(shipping.hearing, newer("order.placed", 1, status="placed"), "push")

    assert [order.status for order in heard] == ["accepted", "accepted"]
    with shipping.sessions() as session:
        known = copies.newest(session, heard[0].order_id, OrderSnapshot)
    assert known.version == 7


def test_a_handlers_state_and_the_done_mark_commit_together(shipping):
    @shipping.messaging.consumers.on(OrderPlaced)
    def fail_after_writing(session, order):
        session.execute(text("insert into subjects (subject) values ('written')"))
        raise RuntimeError("no luck")

    inbox.receive(shipping.hearing, envelope("order.placed"), "push")

    assert shipping.value("select count(*) from subjects where subject = 'written'") == 0
    assert shipping.value("select state || ' ' || error_type from inbox") == "pending RuntimeError"


def test_a_failing_handler_is_tried_again_and_given_up_at_last(shipping):
    tries = []

    @shipping.messaging.consumers.on(OrderPlaced)
    def fail(session, order):
        tries.append(order)
        raise RuntimeError("never")

    inbox.receive(shipping.hearing, envelope("order.placed"), "push")
    deadline = time.monotonic() + PATIENCE_SECONDS
    while shipping.value("select state from inbox") == "pending" and time.monotonic() < deadline:
        if event_id := inbox.claim_due(shipping.hearing):
            inbox.process(shipping.hearing, event_id)

    assert len(tries) == inbox.ATTEMPTS
    assert shipping.value("select state || ' ' || last_error from inbox") == "dead never"


def test_a_handler_that_kills_its_process_is_counted_too(shipping, heard):
    told = envelope("order.placed")
    with shipping.sessions() as session:
        inbox._store(session, shipping.backoff, told, "push")  # taken in, and then the process died
        session.commit()

    deadline = time.monotonic() + PATIENCE_SECONDS
    while shipping.value("select state from inbox") == "pending" and time.monotonic() < deadline:
        inbox.claim_due(shipping.hearing)  # claimed, and died again

    assert shipping.value("select state || ' ' || attempts from inbox") == f"dead {inbox.ATTEMPTS + 1}"
    assert shipping.value("select last_error from inbox") == "its process died at every attempt"
    assert heard == []


def test_what_waits_beside_an_event_that_kills_its_process_loses_no_attempt(shipping, heard):
    deadly, innocent = (envelope("order.placed") | {"id": str(uuid4())} for _ in range(2))
    with shipping.sessions() as session:
        for told in (deadly, innocent):
            inbox._store(session, shipping.backoff, told, "push")
        session.commit()
    let_pass(shipping, "next_at = clock_timestamp()")

    assert inbox.claim_due(shipping.hearing) is not None  # and its process died

    assert shipping.value("select string_agg(attempts::text, ' ' order by attempts) from inbox") == "1 2"


@pytest.mark.parametrize("damage", [{"order": {}}, {}])
def test_an_event_that_cannot_be_read_is_dead_at_once_and_blocks_nobody(shipping, heard, damage):
    broken = envelope("order.placed") | {"id": str(uuid4()), "data": damage}

    inbox.receive(shipping.hearing, broken, "push")
    inbox.receive(shipping.hearing, envelope("order.placed"), "push")

    assert shipping.value("select state from inbox where event_id = :id", id=UUID(broken["id"])) == "dead"
    assert len(heard) == 1


@pytest.mark.requirement("F-03", "K-12")
@pytest.mark.parametrize("come", [by_push, by_pull])
def test_an_event_nobody_here_follows_waits_for_a_release_that_does(shipping, heard, come):
    told = envelope("order.completed")
    come(shipping, told)
    for _ in range(inbox.ATTEMPTS + 2):
        let_pass(shipping, "next_at = clock_timestamp()")
        assert inbox.claim_due(shipping.hearing) == UUID(told["id"])
        assert not inbox.process(shipping.hearing, UUID(told["id"]))
    assert shipping.value("select state || ' ' || error_type from inbox") == "pending NotFollowed"

    shipping.messaging.consumers.on(OrderCompleted)(lambda _session, order: heard.append(order))
    inbox.process(shipping.hearing, UUID(told["id"]))

    assert [order.number for order in heard] == [told["reference"]]
    assert shipping.value("select state from inbox") == "done"


@pytest.mark.requirement("F-03")
def test_an_event_that_no_release_follows_within_a_day_is_kept_for_an_operator(shipping, heard):
    told = envelope("order.completed")
    inbox.receive(shipping.hearing, told, "pull")
    let_pass(shipping, "received_at = received_at - interval '25 hours'")

    inbox.process(shipping.hearing, UUID(told["id"]))

    assert shipping.value("select state from inbox") == "dead"


def test_all_consumers_of_an_event_run_in_their_order(shipping):
    ran = []
    shipping.messaging.consumers.on(OrderAccepted)(lambda session, order: ran.append("first"))
    shipping.messaging.consumers.on(OrderAccepted)(lambda session, order: ran.append("second"))

    inbox.receive(shipping.hearing, envelope("order.accepted"), "push")

    assert ran == ["first", "second"]


@pytest.mark.requirement("P-38")
def test_erasing_a_person_empties_every_copy_of_the_event(shipping, heard):
    inbox.receive(shipping.hearing, envelope("order.placed"), "push")
    said = {
        "hold_id": str(uuid4()),
        "reason": "ask Lucia",
        "owner": "tess",
        "held_at": "2026-01-01T00:00:00Z",
    }
    inbox.receive(shipping.hearing, newer("order.placed", 9, holds=[said], end_reason="Lucia rang"), "push")
    order = event("order.placed").order

    with shipping.sessions() as session:
        copies.erase_people(session, order.order_id)
        session.commit()

    assert (
        "lucia"
        not in shipping.value("select envelope::text || c.snapshot::text from inbox, copies c").lower()
    )
    with shipping.sessions() as session:
        kept = copies.newest(session, order.order_id, OrderSnapshot)
        assert kept.people.customer is None
        assert [(hold.reason, hold.owner) for hold in kept.holds] == [("", "tess")]


@pytest.mark.requirement("P-38")
def test_what_comes_late_does_not_bring_an_erased_person_back(shipping, heard):
    people = {"customer": None, "billing": None, "delivery": {}}
    erased = newer("order.placed", 9, people=people, anonymised_at="2026-01-01T00:00:00Z")
    inbox.receive(shipping.hearing, erased, "push")

    inbox.receive(shipping.hearing, newer("order.placed", 8), "pull")

    kept = shipping.value("select string_agg(envelope::text, '') from inbox").lower()
    assert "order.placed" in kept
    assert "lucia" not in kept


@pytest.mark.requirement("P-38")
@pytest.mark.parametrize("keeps_events", [True, False])
@pytest.mark.parametrize("way", ["push", "pull", "sweep"])
def test_nor_do_whole_events_or_the_words_beside_a_snapshot(shipping, heard, monkeypatch, way, keeps_events):
    monkeypatch.setattr(shipping.messaging.consumers, "keeps_events", keeps_events)
    people = {"customer": None, "billing": None, "delivery": {}}
    erased = newer("order.placed", 9, people=people, anonymised_at="2026-01-01T00:00:00Z")
    inbox.receive(shipping.hearing, erased, "push")
    late = newer("order.placed", 8)
    late["data"] |= {"reason": "Lucia was away"}

    if way == "sweep":  # its first process died
        with shipping.sessions.begin() as session:
            inbox._store(session, shipping.backoff, late, "push")
        assert inbox.process(shipping.hearing, UUID(late["id"]))
    else:
        inbox.receive(shipping.hearing, late, way)

    kept = shipping.value("select string_agg(envelope::text, '') from inbox").lower()
    assert late["id"] in kept
    assert "lucia" not in kept
