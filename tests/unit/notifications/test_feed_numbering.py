"""Events are given their positions by one writer at a time, in the order of its commits."""

import threading
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import sessionmaker

from services.notifications import consumers  # noqa: F401 - consumers register themselves
from services.notifications.agent import number_events
from services.notifications.commands import feed
from services.notifications.messaging import messaging
from services.notifications.models import FeedEntry
from shared import clock
from shared.db import new_id
from shared.messaging import inbox, outbox
from shared.messaging.backoff import Backoff
from shared.messaging.inbox import Inbox
from tests.samples import envelope, event


@pytest.fixture
def sessions(engines, settings):
    """Sessions that commit, as those of several processes do; emptied at the end."""
    info = messaging.session_info() | {"settings": settings}
    yield sessionmaker(engines["notifications"], expire_on_commit=False, info=info)
    with engines["notifications"].begin() as connection:
        connection.execute(
            text("""
                truncate event_log, outbox, inbox, jobs, subjects, copies, feed, feed_orders, feed_waiting,
                         emails, email_attempts, email_contents, notices, notice_reads, open_matters;
                update feed_head set position = 0
            """)
        )


@pytest.fixture
def hear(sessions):
    """Have the service hear an event, as its worker does."""
    hearing = Inbox(sessions=sessions, consumers=messaging.consumers, backoff=Backoff(60, 60))

    def heard(told):
        inbox.receive_and_process(hearing, told)
        return UUID(told["id"])

    return heard


def told_of(order_id, event_type="order.updated", *, version=1, seconds=0, **changes):
    """An event of an order as it travels, so many seconds old."""
    told = envelope(event_type)
    [carried] = [key for key, value in told["data"].items() if isinstance(value, dict)]
    told["data"][carried] |= {"order_id": str(order_id), "version": version} | changes
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
