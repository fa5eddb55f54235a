"""What is old is forgotten, what is owed never; each is found by an index."""

from datetime import timedelta

import pytest
from sqlalchemy import insert, select, text

from services.orders.queries.drafts import OLD_DRAFTS
from shared import clock
from shared.db import new_id
from shared.messaging import operations, outbox
from shared.messaging.retention import BATCH, OLD, forget
from shared.messaging.tables import event_log, inbox, jobs
from shared.messaging.tables import outbox as deliveries
from shared.web.retention import OLD_KEYS
from tests.plans import plans
from tests.samples import event


def forgotten(service):
    return forget(service.sessions, lambda: False)


def deliver(service, *ages):
    """Events owed to shipping, told and by the release before acknowledged so many days ago, or never."""
    with service.sessions.begin() as session:
        for days in ages:
            event_id = outbox.publish(session, event("order.placed"))
            mine = deliveries.c.event_id == event_id
            acked_at = None if days is None else clock.now() - timedelta(days=days)
            session.execute(deliveries.delete().where(mine, deliveries.c.subscriber != "shipping"))
            session.execute(deliveries.update().where(mine).values(acked_at=acked_at))
            happened = event_log.update().where(event_log.c.event_id == event_id)
            session.execute(happened.values(occurred_at=acked_at or clock.now()))


def hear(service, days, state="done", times=1):
    at = clock.now() - timedelta(days=days)
    row = {"source": "orders", "type": "order.placed", "subject": "s", "envelope": {}, "via": "push"}
    rows = [
        row | {"event_id": new_id(), "state": state, "next_at": at, "received_at": at} for _ in range(times)
    ]
    with service.sessions.begin() as session:
        session.execute(insert(inbox), rows)


def test_deliveries_are_forgotten_90_days_after_they_were_acknowledged_and_events_never(orders):
    deliver(orders, 91, 89, None)

    assert forgotten(orders) == 1
    with orders.sessions() as session:
        left = operations.delivery_log(session, "shipping", 0, 10)
    assert len(left) == 2
    assert orders.value("select count(*) from event_log") == 3


def test_what_was_heard_is_forgotten_after_whoever_told_it_has_forgotten_it(orders, shipping):
    deliver(orders, 90.5)
    hear(shipping, 90.5)

    assert forgotten(orders) == 1
    assert forgotten(shipping) == 0
    with shipping.engine.begin() as connection:
        connection.execute(text("update inbox set received_at = received_at - interval '1 day'"))
    assert forgotten(shipping) == 1


@pytest.mark.parametrize("state", ["pending", "dead", "skipped"])
def test_an_event_that_was_not_followed_is_never_forgotten(shipping, state):
    hear(shipping, 400, state)

    assert forgotten(shipping) == 0


def test_jobs_are_forgotten_once_they_are_done(orders):
    long_ago = clock.now() - timedelta(days=400)
    row = {
        "kind": "k",
        "subject": "s",
        "reference": "r",
        "argument": {},
        "correlation_id": "",
        "causation_id": "",
    }
    with orders.sessions.begin() as session:
        for state in ("queued", "running", "done", "dead"):
            ended = long_ago if state in {"done", "dead"} else None
            session.execute(
                insert(jobs).values(
                    row | {"id": new_id(), "key": state, "state": state, "run_at": long_ago, "done_at": ended}
                )
            )

    assert forgotten(orders) == 1
    with orders.sessions() as session:
        assert set(session.scalars(select(jobs.c.state))) == {"queued", "running", "dead"}


def test_much_is_forgotten_in_small_transactions_and_broken_off_between_them(shipping):
    hear(shipping, 400, times=BATCH + 2)
    stopping = iter([False, False, True, True])  # asked for the deliveries, and before each batch of events

    assert forget(shipping.sessions, lambda: next(stopping)) == BATCH
    assert forgotten(shipping) == 2


@pytest.mark.parametrize("old", [*OLD, OLD_KEYS, OLD_DRAFTS], ids=lambda old: old[0].name)
def test_what_is_old_is_found_by_an_index(orders, old):
    table, condition = old
    query = select(*table.primary_key.columns).where(condition).limit(BATCH)
    with orders.engine.connect() as connection, plans(connection) as seen:
        connection.execute(query)

    [plan] = seen
    assert "Index Cond:" in plan, plan
    assert "< (now() - " in plan.partition("Index Cond:")[2].partition("\n")[0]
