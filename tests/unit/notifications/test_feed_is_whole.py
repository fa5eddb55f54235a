"""A reader that keeps the last position misses nothing, whoever commits late, is killed or numbers beside."""

import json
import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text

from services.notifications.agent import number_events
from services.notifications.commands import feed as commands
from services.notifications.models import FeedEntry
from services.notifications.queries import feed
from shared.access import Actor
from shared.db import each_alone, new_id
from tests.emptying import empty

SELLERS = ("dock", "harbour", "quay")
READERS = [
    frozenset({"*"}),
    frozenset({"harbour"}),
    frozenset({"dock", "quay"}),
]
_HEAR = text("""
    insert into inbox (event_id, source, type, subject, envelope, via, next_at, state)
    values (:event_id, 'orders', 'order.updated', :subject, cast(:envelope as jsonb), 'push', now(), 'done')
""")


class Reader:
    """A program that reads on from the last position it was told, a few at a time."""

    def __init__(self, sessions, sellers):
        self.sessions = sessions
        self.sellers = sellers
        self.after = 0
        self.seen = []

    def read(self):
        actor = Actor(name="reader", sellers=self.sellers, markets=frozenset({"*"}))
        with self.sessions(info={"actor": actor}) as session:
            each_alone(session)
            last = feed.ends(session).last
            page = feed.page(session, after=self.after, last=last, limit=3)
        positions = [entry.position for entry in page.entries]
        assert positions == sorted(positions)
        assert all(self.after < position <= last for position in positions)
        assert page.next >= self.after
        self.seen += [entry.event_id for entry in page.entries]
        self.after = page.next
        return bool(page.entries) or self.after < last


class Writer:
    """Somebody who hears of an order of a seller and has not committed yet."""

    def __init__(self, sessions, seller, subject, version):
        self.seller = seller
        self.event_id = new_id()
        self.session = sessions()
        order = {"seller": {"seller": seller}, "market": {"market": "gb"}}
        envelope = json.dumps({"snapshotversion": version, "data": {"order": order}})
        row = {"event_id": self.event_id, "subject": str(subject), "envelope": envelope}
        self.session.execute(_HEAR, row)

    def commit(self):
        self.session.commit()
        self.session.close()

    def die(self):
        self.session.rollback()
        self.session.close()


def gapless(sessions):
    """The events by position, which are all from 1 to the last; of each order in one sequence."""
    with sessions() as session:
        rows = session.scalars(select(FeedEntry).order_by(FeedEntry.position)).all()
    assert [row.position for row in rows] == list(range(1, len(rows) + 1))
    counted = Counter()
    for row in rows:
        counted[row.order_id] += 1
        assert row.sequence == counted[row.order_id]
    return [(row.event_id, row.seller) for row in rows]


def of(sellers, entries):
    return [event_id for event_id, seller in entries if "*" in sellers or seller in sellers]


@pytest.fixture
def emptied(sessions):
    def start_over():
        with sessions.begin() as session:
            empty(session.connection(), ("inbox", "event_log", "feed", "feed_orders", "feed_waiting"))
            session.execute(text("update feed_head set position = 0"))

    return start_over


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(0, len(SELLERS) - 1)),
        st.tuples(st.just("commit"), st.integers(0, 9)),
        st.tuples(st.just("die"), st.integers(0, 9)),
        st.tuples(st.sampled_from(["number", "number_and_die"]), st.just(0)),
        st.tuples(st.just("read"), st.integers(0, len(READERS) - 1)),
    ),
    max_size=40,
)


class Play:
    """What happens, one thing after the other, and what should have come of it."""

    def __init__(self, sessions):
        self.sessions = sessions
        self.readers = [Reader(sessions, sellers) for sellers in READERS]
        self.orders = [new_id() for _ in SELLERS]
        self.writing = []
        self.committed = []
        self.versions = 0

    def write(self, which):
        self.versions += 1
        self.writing.append(Writer(self.sessions, SELLERS[which], self.orders[which], self.versions))

    def commit(self, which):
        if self.writing:
            writer = self.writing.pop(which % len(self.writing))
            writer.commit()
            self.committed.append(writer.event_id)

    def die(self, which):
        if self.writing:
            self.writing.pop(which % len(self.writing)).die()

    def number(self, _):
        number_events(self.sessions)

    def number_and_die(self, _):
        with self.sessions() as session:
            commands.number_waiting(session)  # and no commit

    def read(self, which):
        self.readers[which].read()

    def end(self):
        while self.writing:
            self.commit(0)
        self.number(0)


def check(sessions, committed, readers):
    """All is entered once, and each reader that reads to the end has seen all of its own, in order."""
    entries = gapless(sessions)
    assert {event_id for event_id, _ in entries} == set(committed)
    for reader in readers:
        while reader.read():
            pass
        assert reader.seen == of(reader.sellers, entries)


@pytest.mark.requirement("W-08")
@settings(max_examples=40)
@given(ACTIONS)
def test_in_whatever_order_things_happen_each_reader_sees_all_that_was_committed_once(
    sessions, emptied, actions
):
    emptied()
    play = Play(sessions)

    for name, which in actions:
        getattr(play, name)(which)
    play.end()

    check(sessions, play.committed, play.readers)


def write_all(sessions, plan, committed):
    """Write one event after the other, each with a moment in which others overtake it, or it is killed."""
    orders = {seller: new_id() for seller in SELLERS}
    for version, luck in enumerate(plan):
        seller = SELLERS[int(luck * 100) % 3]
        writer = Writer(sessions, seller, orders[seller], version)
        time.sleep(luck / 100)
        if luck < 0.2:
            writer.die()
        else:
            writer.commit()
            committed.append(writer.event_id)


def number_until(over, sessions):
    """An agent, which is killed in every other batch."""
    while not over.is_set():
        with sessions() as session:
            commands.number_waiting(session)  # and no commit
        number_events(sessions)


def read_until(over, reader):
    while not over.is_set():
        reader.read()


@pytest.mark.requirement("W-08")
@pytest.mark.parametrize("seed", range(3))
def test_with_many_writers_and_two_agents_at_once_each_reader_sees_all_that_was_committed_once(
    sessions, seed
):
    chance = random.Random(seed)
    committed, over = [], threading.Event()
    readers = [Reader(sessions, sellers) for sellers in READERS]
    with ThreadPoolExecutor(10) as pool:
        beside = [pool.submit(number_until, over, sessions) for _ in range(2)]
        beside += [pool.submit(read_until, over, reader) for reader in readers]
        plans = [[chance.random() for _ in range(40)] for _ in range(4)]
        for writing in [pool.submit(write_all, sessions, plan, committed) for plan in plans]:
            writing.result()
        over.set()
        for one in beside:
            one.result()
    number_events(sessions)

    check(sessions, committed, readers)


@pytest.mark.requirement("W-08")
def test_what_is_committed_late_is_entered_above_what_was_read(sessions):
    late = Writer(sessions, "harbour", new_id(), 1)
    early = Writer(sessions, "harbour", new_id(), 1)
    reader = Reader(sessions, frozenset({"harbour"}))
    early.commit()
    number_events(sessions)
    reader.read()
    assert reader.seen == [early.event_id]

    late.commit()
    number_events(sessions)
    reader.read()

    assert reader.seen == [early.event_id, late.event_id]
