"""The backbone between two services as a machine that Hypothesis drives: any order of steps, losses, crashes.

PostgreSQL and the code are real. The wire is a list, in the place of the broker, which may do to its
messages whatever it likes. A crash is a session that dies at one of its commits, before or after it.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session, sessionmaker

from shared.logging import causation_id
from shared.messaging import deliveries, inbox, operations, outbox, relay
from shared.messaging.backoff import Backoff
from shared.messaging.inbox import Inbox
from shared.messaging.order_locks import lock_order, next_version
from shared.messaging.service import Messaging

ORDERS = [UUID(int=number) for number in range(1, 4)]
TABLES = {
    "orders": "create table model_amounts (subject text primary key, version bigint, amount bigint)",
    "shipping": """create table model_mirror (subject text primary key, version bigint, amount bigint);
                   create table model_handled (event_id uuid)""",
}
ROUNDS = inbox.ATTEMPTS + 1  # by which everything that is owed must have found its end


@dataclass(frozen=True, kw_only=True)
class Amount:
    """The whole state of a model's order."""

    SOURCE: ClassVar[str] = "orders"

    order_id: UUID
    version: int
    amount: int
    poisoned: bool = False

    @property
    def subject(self) -> str:
        return str(self.order_id)


@dataclass(frozen=True, kw_only=True)
class AmountChanged:
    """All that ever happens to a model's order."""

    NAME: ClassVar[str] = "order.amount_changed"

    order: Amount

    @property
    def snapshot(self) -> Amount:
        return self.order


def receive(hearing: Inbox, envelopes: list[dict], way: str, _source) -> None:
    """As the worker and the agent take in what comes first, again, or by pull."""
    if way == "first":
        inbox.receive_and_process(hearing, envelopes)
    else:
        for envelope in envelopes:
            inbox.receive(hearing, envelope, "pull" if way == "pull" else "push")


@dataclass(frozen=True, kw_only=True)
class Steps:
    """The code under test, a function a step; the model must notice when one of them is broken."""

    publish: Callable = outbox.publish
    relay: Callable = relay.relay_batch
    receive: Callable = receive
    process: Callable = inbox.process
    pull: Callable = deliveries.pending_for
    acknowledge: Callable = deliveries.acknowledge_received


class Crash(BaseException):
    """A process died."""


class Crashing:
    """Which of the commits to come kills its process, and whether just before or just after."""

    def __init__(self):
        self.commits_left, self.is_before = None, False

    def strike(self, is_before):
        if self.commits_left == 0 and self.is_before == is_before:
            self.commits_left = None
            raise Crash
        if self.commits_left and not is_before:
            self.commits_left -= 1


class CrashingSession(Session):
    def commit(self):
        self.info["crashing"].strike(is_before=True)
        super().commit()
        self.info["crashing"].strike(is_before=False)


class Wire:
    """The broker as the relay sees it, and the other service's API as the agent sees it."""

    name = "orders"

    def __init__(self, sessions):
        self.messages = []  # each with its way (first, or again after its process died) and its events
        self.is_answer_lost = False
        self._sessions = sessions

    def send(self, tasks):
        self.messages.extend(("first", arguments["event"]) for _queue, _id, _name, arguments in tasks)

    def acknowledge(self, event_ids):
        with self._sessions() as session:
            deliveries.acknowledge(session, "shipping", event_ids)
            session.commit()
        if self.is_answer_lost:
            raise ConnectionError("the answer was lost")


crashes = st.none() | st.tuples(st.integers(0, 2), st.booleans())


class DeliveryModel(RuleBasedStateMachine):
    """Orders tells amounts, shipping mirrors them."""

    def __init__(self, engines: dict[str, Engine], steps: Steps):
        super().__init__()
        self.engines, self.steps = engines, steps
        self.crashing = Crashing()
        subscribers = {AmountChanged.NAME: ("shipping",)}
        self.telling = self._sessions(Messaging("orders", subscribers))
        shipping = Messaging("shipping", subscribers)
        shipping.consumers.on(AmountChanged)(self._mirror)
        self.hearing = Inbox(
            sessions=self._sessions(shipping), consumers=shipping.consumers, backoff=Backoff(0, 0)
        )
        self.wire = Wire(self.telling)
        self.failures_due = 0
        self.late: tuple[UUID, Session] | None = None
        self.mirrored: list[tuple[str, int]] = []  # versions at the last look

    def _sessions(self, messaging):
        info = messaging.session_info() | {"crashing": self.crashing}
        return sessionmaker(
            self.engines[messaging.name], class_=CrashingSession, expire_on_commit=False, info=info
        )

    def _mirror(self, session: Session, order: Amount) -> None:
        """Be in line with the newest snapshot: the handler, which fails when it is told to."""
        if order.poisoned:
            raise RuntimeError("poisoned")
        session.execute(
            text("""insert into model_mirror values (:subject, :version, :amount) on conflict (subject)
                    do update set version = excluded.version, amount = excluded.amount"""),
            {"subject": order.subject, "version": order.version, "amount": order.amount},
        )
        session.execute(text("insert into model_handled values (:id)"), {"id": causation_id.get()})
        if self.failures_due:
            self.failures_due -= 1
            raise RuntimeError("no luck")

    # What the services do.

    @rule(order=st.sampled_from(ORDERS), is_poisoned=st.integers(0, 9).map(lambda n: n == 0), crash=crashes)
    def command(self, order, is_poisoned, crash):
        if self.late and self.late[0] == order:
            return  # it would wait for the order's lock
        with self._dying(crash), self.telling() as session:
            self._change(session, order, is_poisoned)
            session.commit()

    def _change(self, session, order, is_poisoned=False):
        lock_order(session, order)
        amount = Amount(
            order_id=order,
            version=(version := next_version(session, order)),
            amount=100 * version,
            poisoned=is_poisoned,
        )
        session.execute(
            text("""insert into model_amounts values (:subject, :version, :amount) on conflict (subject)
                    do update set version = excluded.version, amount = excluded.amount"""),
            {"subject": amount.subject, "version": version, "amount": amount.amount},
        )
        self.steps.publish(session, AmountChanged(order=amount))

    @precondition(lambda self: self.late is None)
    @rule(order=st.sampled_from(ORDERS))
    def begin_late_command(self, order):
        """A transaction that others overtake: its event has its number before theirs, and comes after."""
        session = self.telling()
        self._change(session, order)
        self.late = order, session

    @precondition(lambda self: self.late is not None)
    @rule(commits=st.booleans())
    def end_late_command(self, commits):
        (_order, session), self.late = self.late, None
        with session:
            if commits:
                session.commit()

    @rule(crash=crashes, is_together=st.booleans())
    def relay(self, crash, is_together):
        with self._dying(crash):
            together = {AmountChanged.NAME} if is_together else ()
            self.steps.relay(self.telling, self.wire, "orders", together)

    @precondition(lambda self: self.wire.messages)
    @rule(crash=crashes, is_requeued=st.booleans())
    def receive(self, crash, is_requeued):
        way, envelopes = self.wire.messages.pop(0)
        with self._dying(crash) as died:
            self.steps.receive(self.hearing, envelopes, way, self.wire)
        if died and is_requeued:
            self.wire.messages.insert(0, ("again", envelopes))

    @rule(limit=st.integers(1, 5), crash=crashes)
    def process(self, limit, crash):
        with self._dying(crash):
            self._sweep(limit)

    @rule(limit=st.integers(1, 5), crash=crashes)
    def pull(self, limit, crash):
        with self._dying(crash):
            self._pull(limit)

    def _pull(self, limit):
        with self.telling() as session:
            envelopes = self.steps.pull(session, "shipping", limit, 0)
        for envelope in envelopes:
            self.steps.receive(self.hearing, [envelope], "pull", self.wire)

    @rule(crash=crashes, is_answer_lost=st.booleans())
    def acknowledge(self, crash, is_answer_lost):
        self.wire.is_answer_lost = is_answer_lost
        with self._dying(crash), self.hearing.sessions() as session:
            try:
                self.steps.acknowledge(session, self.wire)
            except ConnectionError:
                session.rollback()
        self.wire.is_answer_lost = False

    # What befalls them.

    @rule(failures=st.integers(1, 3))
    def fail(self, failures):
        self.failures_due = failures

    @precondition(lambda self: self.wire.messages)
    @rule(data=st.data())
    def lose(self, data):
        self.wire.messages.pop(data.draw(self._places()))

    @precondition(lambda self: self.wire.messages)
    @rule(data=st.data())
    def double(self, data):
        self.wire.messages.append(self.wire.messages[data.draw(self._places())])

    @precondition(lambda self: len(self.wire.messages) > 1)
    @rule(data=st.data())
    def reorder(self, data):
        self.wire.messages.append(self.wire.messages.pop(data.draw(self._places())))

    def _places(self):
        return st.integers(0, len(self.wire.messages) - 1)

    @contextmanager
    def _dying(self, crash) -> Iterator[list[Crash]]:
        """Run a process' step that may die; the transactions it leaves are abandoned."""
        died = []
        if crash is not None:
            self.crashing.commits_left, self.crashing.is_before = crash
        try:
            yield died
        except Crash as crashed:
            died.append(crashed)
        self.crashing.commits_left = None

    # What must hold after every step.

    @invariant()
    def holds(self):
        amounts, told, acknowledged = self._look(
            "orders",
            "select subject, version, amount from model_amounts order by 1",
            """select distinct on (subject) subject, version, (payload #>> '{order,amount}')::bigint
               from event_log where told_to = '{shipping}' order by subject, version desc""",
            "select event_id from event_log where event_id not in (select event_id from outbox)",
        )
        safe, handled, done, mirrored, copied = self._look(
            "shipping",
            "select event_id from inbox",
            "select event_id from model_handled order by 1",
            "select event_id from inbox where state = 'done' order by 1",
            "select subject, version from model_mirror order by 1",
            "select subject, version from copies order by 1",
        )
        assert amounts == told, "the state is not what was told last"
        assert set(acknowledged) <= set(safe), "acknowledged, and not in the inbox"
        assert handled == done, "effects and done marks differ"
        assert mirrored == copied, "the handler was not given the newest copy"
        assert all(version <= dict(mirrored)[subject] for subject, version in self.mirrored), "back in time"
        self.mirrored = mirrored

    # What must come to pass once the faults end.

    def teardown(self):
        if self.late:
            self.late[1].close()
        try:
            if sys.exception() is None:  # else the example has already failed, and says better why
                self.failures_due = 0
                self.wire.messages.clear()  # the worst that a broker can do
                self._settle()
                with self.hearing.sessions() as session:  # an operator looks after what crashed too often
                    for letter in operations.dead_letters(session):
                        operations.retry(session, letter["id"])
                    session.commit()
                self._settle()
                self._check_the_end()
        finally:
            self._forget()

    def _sweep(self, limit):
        for _ in range(limit):
            if event_id := inbox.claim_due(self.hearing):
                self.steps.process(self.hearing, event_id)

    def _settle(self):
        for _round in range(ROUNDS):
            self._pull(limit=100)
            self._sweep(limit=100)
            with self.hearing.sessions() as session:
                self.steps.acknowledge(session, self.wire)
            [pending] = self._look("shipping", "select from inbox where state = 'pending'")
            if not pending:
                break

    def _check_the_end(self):
        told, owed, newest = self._look(
            "orders",
            "select event_id, (payload #>> '{order,poisoned}')::bool from event_log order by 1",
            "select event_id from outbox where acked_at is null",
            """select distinct on (subject) subject, version, (payload #>> '{order,amount}')::bigint
               from event_log where not (payload #>> '{order,poisoned}')::bool
               order by subject, version desc""",
        )
        ends, mirrored = self._look(
            "shipping",
            "select event_id, state from inbox",
            "select subject, version, amount from model_mirror order by 1",
        )
        assert not owed, "told and never acknowledged"
        assert dict(ends).keys() == dict(told).keys(), "what was heard is not what was told"
        # What is poisoned becomes harmless where a newer event has overtaken it.
        given_up = {event_id for event_id, state in ends if state != "done"}
        assert all(is_poisoned for event_id, is_poisoned in told if event_id in given_up), "given up"
        assert mirrored == newest, "the mirror is not the newest amount"

    def _look(self, service, *queries):
        with self.engines[service].connect() as connection:
            return [[tuple(row) for row in connection.execute(text(query))] for query in queries]

    def _forget(self):
        # Deleting a few rows is much faster than truncating.
        for service, tables in (
            ("orders", ("event_log", "outbox", "pushes", "subjects", "model_amounts")),
            ("shipping", ("inbox", "pending_acks", "subjects", "copies", "model_mirror", "model_handled")),
        ):
            with self.engines[service].begin() as connection:
                connection.execute(text("; ".join(f"delete from {table}" for table in tables)))
