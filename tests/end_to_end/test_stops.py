"""A process that is asked to stop ends what it has in hand: nothing is lost by it, nothing done twice."""

import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg
import pytest

from tests.chaos.databases import Databases
from tests.chaos.measures import seconds_until_rest
from tests.waiting import PATIENCE_SECONDS, until

pytestmark = pytest.mark.slow

WAITING = (
    "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
)
IN_HAND = """select count(*) from pushes join event_log using (seq)
             where subject = %(order)s and type = 'order.accepted' and sent_at is not null"""
HEARD = "select via, state, attempts from inbox where subject = %(order)s and type = 'order.accepted'"


@pytest.fixture
def databases(stack):
    return Databases(stack)


@pytest.fixture
def order_id(shop, databases):
    """A placed order that everybody has heard of."""
    placed = shop.place(("TEA-250", 1))["order_id"]
    assert seconds_until_rest(databases, 60, "events") is not None
    return placed


@contextmanager
def held(stack, service, row, **values):
    """A row of a service's database that nobody else may have for the moment."""
    with psycopg.connect(stack.servers.postgres.superuser_url(service)) as holder:
        assert holder.execute(f"select from {row} for update", values).rowcount == 1
        yield
        holder.rollback()


@pytest.fixture(autouse=True)
def everything_runs_again(stack):
    yield
    stack.start_process("orders.api", "shipping.worker", "documents.rendering", "orders.agent")
    stack.wait_until_healthy()


def ask_to_stop(stack, name, words=""):
    """Ask a process to stop, and wait until it says so."""
    process = stack.processes[name]
    said = process.log.stat().st_size
    stack.supervisor.release([name])
    process.ask_to_stop()
    until(lambda: words in process.log.read_bytes()[said:].decode())


def ends_by_itself(stack, name):
    process = stack.processes[name]
    return process.wait(PATIENCE_SECONDS) and process.exit_status == 0


@pytest.fixture
def in_background():
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit


def accept(shop, order_id):
    return shop.call("orders", "POST", f"/v1/orders/{order_id}/accept")


def test_an_api_answers_the_requests_that_it_has(stack, shop, databases, order_id, in_background):
    with held(stack, "orders", "subjects where subject = %(order)s", order=order_id):
        answer = in_background(accept, shop, order_id)
        until(lambda: databases.value("orders", WAITING))
        ask_to_stop(stack, "orders.api", "Shutting down")

    assert answer.result()["status"] == "accepted"
    assert ends_by_itself(stack, "orders.api")
    told = "select count(*) from event_log where subject = %(order)s and type = 'order.accepted'"
    assert databases.value("orders", told, order=order_id) == 1


def test_a_worker_ends_the_event_that_it_has(stack, shop, databases, order_id):
    with held(stack, "shipping", "subjects where subject = %(order)s", order=order_id):
        accept(shop, order_id)
        until(lambda: databases.value("shipping", WAITING))
        ask_to_stop(stack, "shipping.worker", "Warm shutdown")
    assert ends_by_itself(stack, "shipping.worker")

    assert databases.rows("shipping", HEARD, order=order_id) == [
        {"via": "push", "state": "done", "attempts": 1}
    ]


def test_a_renderer_ends_the_paper_that_it_has(stack, shop, databases, order_id):
    accept(shop, order_id)
    series = "series where kind = 'invoice' and seller = 'acme' and market = 'gb'"
    until(lambda: databases.value("documents", f"select count(*) from {series}"))
    assert seconds_until_rest(databases, 60, "events") is not None
    another = shop.place(("TEA-250", 1))["order_id"]
    with held(stack, "documents", series):
        accept(shop, another)
        until(lambda: databases.value("documents", WAITING))
        ask_to_stop(stack, "documents.rendering", "Warm shutdown")
    assert ends_by_itself(stack, "documents.rendering")

    made = """select papers.status, jobs.state, jobs.attempts
              from papers join jobs on jobs.kind = 'paper' and jobs.argument ->> 'paper_id' = papers.id::text
              where papers.order_id::text = %(order)s and papers.kind = 'invoice'"""
    assert databases.rows("documents", made, order=another) == [
        {"status": "stored", "state": "done", "attempts": 1}
    ]


def test_an_agent_marks_what_it_has_sent(stack, shop, databases, order_id):
    broker = stack.processes["valkey"]
    broker.signal(signal.SIGSTOP)
    try:
        accept(shop, order_id)
        until(lambda: databases.value("orders", IN_HAND, order=order_id))
        ask_to_stop(stack, "orders.agent")
    finally:
        broker.signal(signal.SIGCONT)
    assert ends_by_itself(stack, "orders.agent")

    unsent = (
        "select count(*) from pushes join event_log using (seq) where subject = %(order)s and sent_at is null"
    )
    assert databases.value("orders", unsent, order=order_id) == 0
    stack.start_process("orders.agent")
    assert seconds_until_rest(databases, 60, "events") is not None
    [heard] = databases.rows("shipping", HEARD, order=order_id)
    assert (heard["state"], heard["attempts"]) == ("done", 1)
