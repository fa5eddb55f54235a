"""A job's effect is committed once, by whoever holds its lease."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.orm import sessionmaker

from shared import clock
from shared.logging import trace_parent
from shared.messaging import jobs, operations
from shared.messaging.celery_app import _transport_options
from shared.messaging.job_dispatch import FEW_WAITING, MOST_WAITING, send_due
from shared.messaging.jobs import PermanentFailure, RetryLater, enqueue
from shared.messaging.order_locks import lock_order
from tests.waiting import PATIENCE_SECONDS


@pytest.fixture
def owe(shipping):
    def enqueued(key="paper:1", **options):
        with shipping.sessions() as session:
            enqueue(session, "paper", key=key, order_id="order-1", number="EU-1", **options)
            session.commit()
        return shipping.value("select id from jobs where key = :key", key=key)

    return enqueued


@pytest.fixture
def sent(shipping, owe):
    """The broker's queue with so many jobs in it, which are all sent for the first time."""

    def made(count):
        shipping.messaging.jobs.kind("paper", limit_seconds=5)(lambda sessions, argument: None)
        for number in range(count):
            owe(f"paper:{number}")
        wire = Wire()
        send_due(shipping.sessions, shipping.messaging, wire, 10)
        return wire

    return made


@pytest.fixture
def run(shipping):
    return lambda job_id: jobs.run(shipping.sessions, shipping.messaging.jobs, job_id, shipping.backoff)


class Wire:
    """The broker, and a worker that takes nothing until it is told to."""

    def __init__(self):
        self.sent = []

    def send(self, tasks):
        self.sent += tasks

    def waiting(self, queue):
        return sum(sent_to == queue for sent_to, *_ in self.sent)


def effects(shipping):
    return shipping.value("select version from subjects where subject = 'effect'") or 0


def count_effect(session):
    session.execute(
        text(
            "insert into subjects values ('effect', 1) "
            "on conflict (subject) do update set version = subjects.version + 1"
        )
    )


def test_a_job_is_owed_once_per_key_and_done_once(shipping, owe, run):
    shipping.messaging.jobs.kind("paper", limit_seconds=5)(lambda sessions, argument: count_effect)

    job_id = owe()
    assert owe() == job_id

    assert run(job_id) is True
    assert run(job_id) is False
    assert effects(shipping) == 1
    assert shipping.value("select state from jobs") == "done"


def test_a_job_has_nothing_to_do_with_what_its_process_handled_before(shipping, owe, run):
    seen = []
    shipping.messaging.jobs.kind("paper", limit_seconds=5)(lambda *_: seen.append(trace_parent.get()))
    trace_parent.set("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")

    run(owe())

    assert seen == [""]


def test_two_workers_that_get_the_same_job_do_it_once(shipping, owe, run):
    entered = threading.Barrier(2, timeout=PATIENCE_SECONDS)

    @shipping.messaging.jobs.kind("paper", limit_seconds=5)
    def work(sessions, argument):
        return count_effect

    job_id = owe()

    def race():
        entered.wait()
        run(job_id)

    threads = [threading.Thread(target=race) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert effects(shipping) == 1


def test_a_worker_that_overslept_its_lease_leaves_no_effect(shipping, owe, run):
    @shipping.messaging.jobs.kind("paper", limit_seconds=5)
    def oversleep(sessions, argument):
        if shipping.value("select attempts from jobs") == 1:
            with shipping.engine.begin() as connection:
                connection.execute(text("update jobs set lease_until = now() - interval '1 second'"))
            run(job_id)  # another worker takes it meanwhile
        return count_effect

    job_id = owe()
    run(job_id)

    assert effects(shipping) == 1
    assert shipping.value("select attempts from jobs") == 2


def test_failures_wait_and_are_given_up_with_what_else_is_to_happen(shipping, owe, run):
    given_up = []

    @shipping.messaging.jobs.kind("paper", limit_seconds=5, attempts=2)
    def fail(sessions, argument):
        raise RuntimeError("no paper")

    shipping.messaging.jobs.on_dead("paper")(lambda session, argument, reason: given_up.append(reason))

    job_id = owe()
    run(job_id)
    assert shipping.value("select state from jobs") == "queued"
    with shipping.engine.begin() as connection:
        connection.execute(text("update jobs set run_at = now()"))
    run(job_id)

    assert shipping.value("select state from jobs") == "dead"
    assert given_up == ["RuntimeError: no paper"]


def test_a_permanent_failure_is_given_up_at_once(shipping, owe, run):
    @shipping.messaging.jobs.kind("paper", limit_seconds=5)
    def fail(sessions, argument):
        raise PermanentFailure("550 no such mailbox")

    run(owe())

    assert shipping.value("select state || ' ' || attempts from jobs") == "dead 1"


def test_waiting_for_the_outside_does_not_count_until_patience_ends(shipping, owe, run):
    @shipping.messaging.jobs.kind("paper", limit_seconds=5, attempts=2, patience_seconds=60)
    def wait(sessions, argument):
        raise RetryLater(0, "451 later")

    job_id = owe()
    for _ in range(5):
        run(job_id)
    assert shipping.value("select state || ' ' || attempts || ' ' || excused from jobs") == "queued 5 5"

    with shipping.engine.begin() as connection:
        connection.execute(text("update jobs set due_at = now() - interval '2 minutes'"))
    run(job_id)
    assert shipping.value("select state from jobs") == "dead"


def test_a_job_that_an_operator_retries_is_waited_for_afresh(shipping, owe, run):
    @shipping.messaging.jobs.kind("paper", limit_seconds=5, attempts=2, patience_seconds=60)
    def wait(sessions, argument):
        raise RetryLater(0, "451 later")

    job_id = owe()
    with shipping.engine.begin() as connection:
        old = "interval '2 minutes'"
        connection.execute(text(f"update jobs set due_at = now() - {old}, created_at = now() - {old}"))
    run(job_id)
    assert shipping.value("select state from jobs") == "dead"

    with shipping.sessions.begin() as session:
        operations.retry(session, job_id)
    run(job_id)

    assert shipping.value("select state from jobs") == "queued"


def test_patience_with_a_job_begins_when_it_falls_due(shipping, owe, run):
    @shipping.messaging.jobs.kind("paper", limit_seconds=5, patience_seconds=60)
    def wait(sessions, argument):
        raise RetryLater(0, "451 later")

    job_id = owe(run_at=clock.now())
    with shipping.engine.begin() as connection:
        connection.execute(text("update jobs set created_at = now() - interval '5 days'"))
    run(job_id)

    assert shipping.value("select state from jobs") == "queued"


def test_a_job_that_kills_its_worker_every_time_is_given_up(shipping, owe, run):
    shipping.messaging.jobs.kind("paper", limit_seconds=5, attempts=3)(
        lambda sessions, argument: count_effect
    )
    job_id = owe()
    with shipping.engine.begin() as connection:
        connection.execute(
            text("update jobs set state = 'running', attempts = 3, lease_until = now() - interval '1 second'")
        )

    run(job_id)

    assert shipping.value("select state from jobs") == "dead"
    assert effects(shipping) == 0


def test_work_runs_outside_any_transaction_and_its_effect_under_the_orders_lock(shipping, owe, run):
    @shipping.messaging.jobs.kind("paper", limit_seconds=5)
    def work(sessions, argument):
        assert argument == {"part": 1}
        with sessions() as session:
            lock_order(session, "order-1")  # would wait for ever if the job held it while working
        return lambda session: None

    job_id = owe(argument={"part": 1})
    run(job_id)

    assert shipping.value("select state from jobs") == "done"


def test_due_jobs_are_sent_once_and_again_only_when_nobody_began_them(shipping, owe):
    shipping.messaging.jobs.kind("paper", limit_seconds=5)(lambda sessions, argument: None)
    wire = Wire()
    owe()
    owe("paper:later", run_at=clock.now() + timedelta(hours=1))

    assert send_due(shipping.sessions, shipping.messaging, wire, 10) == 1
    assert send_due(shipping.sessions, shipping.messaging, wire, 10) == 0
    assert send_due(shipping.sessions, shipping.messaging, wire, 0) == 1

    queue, _, name, arguments = wire.sent[0]
    assert (queue, name, arguments["order"]) == ("shipping.jobs", "shipping.paper", "EU-1")


def test_a_service_without_jobs_has_none_to_send(shipping):
    assert send_due(shipping.sessions, shipping.messaging, Wire(), 10) == 0


def test_a_backlog_waits_in_the_table(shipping):
    shipping.messaging.jobs.kind("paper", limit_seconds=5)(lambda sessions, argument: None)
    wire = Wire()
    with shipping.sessions() as session:
        for number in range(MOST_WAITING + 5):
            enqueue(session, "paper", key=f"paper:{number}", order_id="order-1", number="EU-1")
        session.commit()

    assert send_due(shipping.sessions, shipping.messaging, wire, 10) == MOST_WAITING
    assert send_due(shipping.sessions, shipping.messaging, wire, 10) == 0

    del wire.sent[:3]
    assert send_due(shipping.sessions, shipping.messaging, wire, 10) == 3


def test_a_job_that_waits_in_a_long_queue_is_not_sent_again(shipping, sent):
    wire = sent(FEW_WAITING)

    assert send_due(shipping.sessions, shipping.messaging, wire, 0) == 0

    wire.sent.clear()  # as a flush does
    assert send_due(shipping.sessions, shipping.messaging, wire, 0) == FEW_WAITING


def test_a_job_that_a_later_one_has_overtaken_is_sent_again_however_long_the_queue(shipping, sent):
    wire = sent(FEW_WAITING + 3)
    with shipping.sessions() as session:
        # The first was lost, the second runs, and the third was sent at about the same time as that.
        for key, state, seconds in (("0", "queued", 60), ("1", "running", 45), ("2", "queued", 50)):
            sent = f"sent_at = now() - interval '{seconds} s', lease_until = now() + interval '1 minute'"
            session.execute(text(f"update jobs set state = '{state}', {sent} where key = 'paper:{key}'"))
        lost = session.execute(text("select id from jobs where key = 'paper:0'")).scalar_one()
        session.commit()

    before = len(wire.sent)
    assert send_due(shipping.sessions, shipping.messaging, wire, 10) == 1
    assert [arguments["job_id"] for _, _, _, arguments in wire.sent[before:]] == [str(lost)]
    assert send_due(shipping.sessions, shipping.messaging, wire, 10) == 0


def test_a_job_whose_worker_died_is_sent_again_however_long_the_queue(shipping, sent):
    wire = sent(FEW_WAITING + 1)
    with shipping.sessions() as session:
        session.execute(text("update jobs set state = 'running', lease_until = now() where key = 'paper:0'"))
        session.commit()

    assert send_due(shipping.sessions, shipping.messaging, wire, 0) == 1


@pytest.mark.requirement("F-38")
def test_no_job_may_run_longer_than_half_the_brokers_patience(shipping):
    with pytest.raises(ValueError, match="cut it into rows"):
        shipping.messaging.jobs.kind("endless", limit_seconds=301)

    assert _transport_options("shipping")["visibility_timeout"] >= 2 * jobs.LONGEST_SECONDS


def test_the_jobs_of_some_day_are_not_read_to_find_those_of_now(shipping):
    shipping.messaging.jobs.kind("paper", limit_seconds=5)(lambda *_: None)
    with shipping.engine.connect() as connection, connection.begin() as transaction:
        connection.execute(
            text("""
                insert into jobs (id, kind, key, subject, reference, argument, run_at,
                                  correlation_id, causation_id)
                select gen_random_uuid(), 'paper', n, 's', 'r', '{}', now() + interval '1 month', '', ''
                from generate_series(1, 20000) as n
            """)
        )
        connection.execute(text("analyze jobs"))
        read = text("""select pg_stat_get_xact_tuples_returned('jobs'::regclass)
                            + pg_stat_get_xact_tuples_fetched('jobs'::regclass)""")
        before = connection.execute(read).scalar()

        sessions = sessionmaker(connection, join_transaction_mode="create_savepoint")
        assert send_due(sessions, shipping.messaging, Wire(), 10) == 0

        assert connection.execute(read).scalar() - before < 100
        transaction.rollback()
