"""A reader may wait for the feed: it is answered when something comes for it, and few wait at once."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import text

from deploy.local.keys import Keys
from services.notifications.agent import number_events
from services.notifications.app import create_app
from services.notifications.feed_waiting import AT_ONCE, Waiters
from shared import clock
from shared.db import new_id
from shared.events.samples import envelope
from shared.messaging.tables import inbox
from tests.waiting import until

SELLER = envelope("order.placed")["data"]["order"]["seller"]["seller"]


@pytest.fixture
def app(sessions, settings, tmp_path):
    made = create_app(replace(settings, jwks=str(Keys(tmp_path).jwks_file)))
    made.extensions["sessions"] = sessions
    made.extensions["feed_waiters"] = Waiters(sessions)
    return made


@pytest.fixture
def ask(app, tmp_path):
    """Ask for the feed in a thread; answers later what came, and after how many seconds."""
    keys = Keys(tmp_path)

    def asked(query="wait=20", *, user="shop", sellers=("*",)):
        token = keys.token(user, scopes=["events:read"], sellers=list(sellers))
        began = time.monotonic()
        answer = app.test_client().get(f"/v1/events?{query}", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 200, answer.text
        return answer, time.monotonic() - began

    with ThreadPoolExecutor() as pool:
        yield lambda *arguments, **named: pool.submit(asked, *arguments, **named)


@pytest.fixture
def happen(sessions):
    """Have something happen on an order of a seller, and number it."""

    def happened(seller=SELLER, event_type="order.placed"):
        told, order_id = envelope(event_type), str(new_id())
        told["data"]["order"]["seller"]["seller"] = seller
        told |= {"id": str(new_id()), "subject": order_id, "time": clock.now().isoformat()}
        row = {
            "event_id": told["id"],
            "source": "orders",
            "type": event_type,
            "subject": order_id,
            "envelope": told,
            "via": "push",
            "next_at": clock.now(),
        }
        with sessions.begin() as session:
            session.execute(inbox.insert().values(row))
        number_events(sessions)
        return order_id

    return happened


@pytest.fixture
def waiting(app):
    """Wait until so many requests wait for the feed."""
    return lambda count: until(lambda: app.extensions["feed_waiters"].number == count)


def orders_of(answer):
    return [entry["order_id"] for entry in answer.get_json()["items"]]


def test_whoever_waits_is_answered_when_something_comes(ask, happen, waiting):
    asked = ask()
    waiting(1)

    order_id = happen()

    answer, seconds = asked.result()
    assert orders_of(answer) == [order_id]
    assert seconds < 10


def test_whoever_waits_in_vain_is_answered_at_its_time_with_where_to_go_on(ask, happen, waiting):
    asked = ask("wait=1.5", sellers=["quay"])
    waiting(1)
    happen("dock")

    answer, seconds = asked.result()

    assert answer.get_json() == {"items": [], "next": 1, "last": 1}
    assert 1.5 <= seconds < 10


def test_what_does_not_concern_the_reader_wakes_it_and_it_waits_on(ask, happen, waiting):
    asked = ask(sellers=["quay"])
    waiting(1)
    happen("dock")
    happen("dock")

    order_id = happen("quay")

    answer, _ = asked.result()
    assert orders_of(answer) == [order_id]


def test_what_is_there_already_is_waited_for_by_nobody(ask, happen):
    order_id = happen()

    answer, seconds = ask().result()

    assert orders_of(answer) == [order_id]
    assert seconds < 5


def test_a_waiting_reader_has_no_transaction_and_no_connection_of_the_pool(
    ask, app, sessions, happen, waiting
):
    asked = ask()
    waiting(1)
    pool = sessions.kw["bind"].pool

    until(lambda: pool.checkedout() == 0)

    happen()
    asked.result()


def test_few_wait_at_once_and_the_others_are_answered_at_once(ask, happen, waiting):
    asked = [ask(user=f"shop {number}") for number in range(AT_ONCE)]
    waiting(AT_ONCE)

    answer, seconds = ask(user="one too many").result()

    assert answer.headers["Retry-After"] == "1"
    assert answer.get_json()["items"] == []
    assert seconds < 5
    happen()
    assert all(orders_of(one.result()[0]) for one in asked)


def test_one_bearer_waits_once(ask, happen, waiting):
    asked = ask()
    waiting(1)

    answer, _ = ask().result()

    assert answer.headers["Retry-After"] == "1"
    happen()
    asked.result()
    assert "Retry-After" not in asked.result()[0].headers


def test_a_reader_goes_on_waiting_though_the_listening_connection_is_cut(ask, sessions, happen, waiting):
    asked = ask()
    waiting(1)
    with sessions.begin() as session:
        cut = session.scalars(
            text("""
                select pg_terminate_backend(pid) from pg_stat_activity
                where datname = current_database() and query = 'listen feed_numbered'
            """)
        ).all()
        assert True in cut

    order_id = happen()

    assert orders_of(asked.result()[0]) == [order_id]


def test_who_could_not_wait_for_want_of_a_thread_holds_no_place(sessions, monkeypatch):
    waiters = Waiters(sessions)

    def refuse(_):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        for _ in range(2):
            with pytest.raises(RuntimeError), waiters.place("shop"):
                pass
    assert waiters.number == 0
    with waiters.place("shop") as has_place:
        assert has_place
