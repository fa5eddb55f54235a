"""Events are given their positions by one writer at a time, in the order of its commits."""

import threading
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, text

from services.notifications import consumers  # noqa: F401 - consumers register themselves
from services.notifications.agent import number_events
from services.notifications.commands import feed
from services.notifications.messaging import messaging
from services.notifications.models import FeedEntry
from services.notifications.queries.feed import old
from shared import clock
from shared.db import new_id
from shared.events import notifications
from shared.events.codec import EVENTS
from shared.messaging import inbox, outbox
from shared.messaging.backoff import Backoff
from shared.messaging.inbox import Inbox
from shared.messaging.retention import forget
from tests.samples import envelope, event


@pytest.fixture
def hear(sessions):
    """Have the service hear an event, as its worker does."""
    hearing = Inbox(sessions=sessions, consumers=messaging.consumers, backoff=Backoff(60, 60))

    def heard(told):
        inbox.receive_and_process(hearing, [told])
        return UUID(told["id"])

    return heard


def told_of(order_id, event_type="order.updated", *, version=1, seconds=0, **changes):
    """An event of an order as it travels, so many seconds old."""
    told = envelope(event_type)
    [carried] = [key for key, value in told["data"].items() if isinstance(value, dict)]
    about = {"sku": order_id} if carried == "stock" else {"order_id": str(order_id)}
    told["data"][carried] |= about | {"version": version} | changes
    at = clock.now() - timedelta(seconds=seconds)
    identity = {"id": str(new_id()), "subject": str(order_id), "snapshotversion": version}
    return told | identity | {"time": at.isoformat()}


def entries(sessions):
    with sessions() as session:
        return session.scalars(select(FeedEntry).order_by(FeedEntry.position)).all()


def order_of(sessions):
    return [entry.event_id for entry in entries(sessions)]


def test_what_is_heard_and_what_is_told_gets_the_next_positions(sessions, hear):
    order_id = new_id()
    placed = hear(told_of(order_id, "order.placed", seconds=10))
    with sessions.begin() as session:
        posted = outbox.publish(session, event("message.posted", order_id=order_id))

    number_events(sessions)

    first, second = entries(sessions)
    assert (first.position, first.event_id, first.sequence) == (1, placed, 1)
    assert (second.position, second.event_id, second.sequence) == (2, posted, 2)
    assert {entry.order_id for entry in (first, second)} == {order_id}
    assert (first.source, second.source) == ("orders", "notifications")
    assert first.seller == second.seller == envelope("order.placed")["data"]["order"]["seller"]["seller"]
    assert first.market == second.market == envelope("order.placed")["data"]["order"]["market"]["market"]


def test_an_order_and_source_stand_by_version_where_both_wait(sessions, hear):
    order_id = new_id()
    newer = hear(told_of(order_id, version=3, seconds=20))  # by a clock that goes wrong
    older = hear(told_of(order_id, version=2, seconds=10))

    number_events(sessions)

    assert order_of(sessions) == [older, newer]


def test_an_event_whose_handler_fails_enters_all_the_same(sessions, hear):
    unreadable = told_of(new_id())
    del unreadable["data"]["order"]["lines"]

    heard = hear(unreadable)
    number_events(sessions)

    assert order_of(sessions) == [heard]
    with sessions() as session:
        assert session.scalar(text("select state from inbox")) == "dead"


def test_an_event_heard_twice_or_replayed_is_entered_once(sessions, hear):
    told = told_of(new_id())
    hear(told)
    number_events(sessions)

    hear(told)
    with sessions.begin() as session:
        session.execute(text("update inbox set state = 'pending', via = 'replay'"))
    number_events(sessions)

    assert len(entries(sessions)) == 1


def test_an_event_of_an_order_not_heard_of_waits_for_it(sessions, hear):
    order_id = new_id()
    created = hear(told_of(order_id, "shipment.updated", seconds=9))
    other = hear(told_of(new_id()))
    number_events(sessions)
    assert order_of(sessions) == [other]

    placed = hear(told_of(order_id, "order.placed", seconds=10))
    number_events(sessions)

    assert order_of(sessions) == [other, placed, created]
    assert [entry.sequence for entry in entries(sessions)] == [1, 1, 2]


def test_more_than_a_batch_is_numbered_without_a_gap(sessions):
    with sessions.begin() as session:
        for _ in range(feed.BATCH + 1):
            order_id = new_id()
            session.execute(
                text("""insert into inbox (event_id, source, type, subject, envelope, via, next_at)
                        values (:id, 'orders', 'order.updated', :subject, :envelope, 'push', now())"""),
                {
                    "id": new_id(),
                    "subject": str(order_id),
                    "envelope": '{"data": {"order": {"seller": {"seller": "a"}, "market": {"market": "b"}}}}',
                },
            )

    number_events(sessions)

    assert [entry.position for entry in entries(sessions)] == list(range(1, feed.BATCH + 2))


def test_what_is_told_again_after_its_time_is_not_entered(sessions, hear):
    hear(told_of(new_id(), seconds=91 * 24 * 3600))

    number_events(sessions)

    assert entries(sessions) == []
    with sessions() as session:
        assert session.scalar(text("select count(*) from feed_waiting")) == 0


def test_a_second_writer_waits_and_goes_on_where_the_first_ended(sessions, hear):
    first = hear(told_of(new_id(), seconds=10))
    with sessions() as session:
        feed.number_waiting(session)
        second = hear(told_of(new_id()))
        other = threading.Thread(target=number_events, args=(sessions,))
        other.start()
        other.join(0.3)
        assert other.is_alive()
        assert entries(sessions) == []
        session.commit()
    other.join()

    assert order_of(sessions) == [first, second]


def test_a_writer_killed_before_its_commit_leaves_nothing(sessions, hear):
    heard = hear(told_of(new_id()))
    with sessions() as session:
        feed.number_waiting(session)  # and ends without a commit
    assert entries(sessions) == []

    number_events(sessions)

    assert [(entry.position, entry.event_id) for entry in entries(sessions)] == [(1, heard)]


@pytest.mark.parametrize(
    ("owners", "seller"),
    [
        (["quay", "quay"], "quay"),
        (["quay", "*"], "quay"),
        (["*"], "*"),
        (["quay", "dock"], ""),
        (["quay", ""], ""),
        ([], ""),
    ],
)
def test_stock_is_of_whoever_has_it(sessions, hear, owners, seller):
    levels = [
        {"location": f"L{at}", "on_hand": 1, "reserved": 0, "seller": owner}
        for at, owner in enumerate(owners)
    ]
    hear(told_of("TEA-250", "stock.changed", levels=levels))

    number_events(sessions)

    [entry] = entries(sessions)
    assert (entry.seller, entry.market, entry.order_id, entry.sequence) == (seller, "*", None, 0)
    with sessions() as session:
        assert session.scalar(text("select count(*) from copies")) == 0
        assert session.scalar(text("select state from inbox")) == "done"


def test_every_event_is_heard_or_told_here():
    told_here = {name for name, kind in EVENTS.items() if kind in vars(notifications).values()}

    assert messaging.consumers.kinds.keys() | told_here == EVENTS.keys()


def test_old_entries_are_forgotten_from_the_beginning_and_positions_go_on(sessions, hear):
    ids = [hear(told_of(new_id())) for _ in range(3)]
    held = hear(told_of(new_id(), "shipment.updated"))
    number_events(sessions)
    with sessions.begin() as session:
        session.execute(text("update feed set entered_at = now() - interval '91 days' where position < 3"))
        session.execute(text("update feed_waiting set entered_at = now() - interval '91 days'"))
        assert session.scalars(text("select event_id from feed_waiting")).all() == [held]

    forget(sessions, lambda: False, old(timedelta(days=90)))
    ids.append(hear(told_of(new_id())))
    number_events(sessions)

    assert [(entry.position, entry.event_id) for entry in entries(sessions)] == [(3, ids[2]), (4, ids[3])]
    with sessions() as session:
        assert session.scalar(text("select count(*) from feed_waiting")) == 0


def test_an_order_is_counted_on_after_its_entries_were_forgotten(sessions, hear):
    order_id = new_id()
    hear(told_of(order_id, "order.placed"))
    number_events(sessions)
    with sessions.begin() as session:
        session.execute(text("delete from feed"))

    hear(told_of(order_id, "shipment.updated"))
    number_events(sessions)

    assert [entry.sequence for entry in entries(sessions)] == [2]
