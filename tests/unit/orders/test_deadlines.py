"""Orders that are not paid, or not accepted, in time; a hold stops both clocks."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from services.orders import jobs  # noqa: F401 - registers itself
from services.orders.commands.orders import (
    accept_order,
    cancel_order,
    end_if_overdue,
    place_hold,
    refuse_order,
    release_hold,
)
from services.orders.commands.payments import record_payment
from services.orders.domain.deadlines import Allowed, Deadlines, deadlines_at
from services.orders.messaging import messaging
from shared import clock
from shared.errors import Refused
from shared.events.snapshots import OrderStatus
from shared.messaging import jobs as job_rows
from shared.messaging.backoff import Backoff
from shared.messaging.tables import jobs as table
from tests.unit.orders.sample_shop import MARKET, order_wanted, placing_body, stored

HOUR = timedelta(hours=1)
START = clock.now()
ALLOWED = Allowed(pay_within_seconds=48 * 3600, accept_within_seconds=24 * 3600)


@pytest.fixture
def deadlines(change_market):
    change_market(pay_within_seconds=48 * 3600, accept_within_seconds=24 * 3600)


def make_overdue(session, order):
    """Let the time of an order be up."""
    for name in ("payment_due_at", "acceptance_due_at"):
        if getattr(order, name) is not None:
            setattr(order, name, clock.now() - timedelta(seconds=1))
    session.flush()


def armed(session, order):
    rows = select(table.c.run_at).where(table.c.kind == "deadline", table.c.subject == str(order.id))
    return sorted(session.execute(rows).scalars())


@pytest.mark.requirement("P-22")
def test_a_prepaid_order_unpaid_at_its_deadline_fails(session, deadlines, place_order, published):
    order = place_order()
    record_payment(session, order.id, amount_minor=300, reference="TRF 1")
    assert order.payment_due_at - order.placed_at == 48 * HOUR
    assert order.acceptance_due_at is None
    make_overdue(session, order)

    end_if_overdue(session, order.id)

    assert (order.status, order.failed_at is not None) == (OrderStatus.FAILED, True)
    [told], [refund] = published("order.failed"), published("refund.requested")
    assert (told["reason"], told["order"]["end_reason"]) == ("not_paid_in_time", "not_paid_in_time")
    assert [line["cancelled_quantity"] for line in told["order"]["lines"]] == [2]
    assert refund["amount_minor"] == 300


def test_a_clock_behind_the_databases_keeps_no_order_waiting(session, deadlines, place_order, monkeypatch):
    order = place_order()
    make_overdue(session, order)
    behind = clock.now() - timedelta(seconds=30)
    monkeypatch.setattr(clock, "now", lambda: behind)

    end_if_overdue(session, order.id)

    assert order.status is OrderStatus.FAILED


@pytest.mark.requirement("P-22")
def test_an_order_not_accepted_at_its_deadline_is_refused(session, deadlines, place_order, published):
    order = place_order()
    record_payment(session, order.id, reference="TRF 1")
    assert order.payment_due_at is None
    assert order.acceptance_due_at - order.covered_at < timedelta(seconds=24 * 3600 + 5)
    make_overdue(session, order)

    end_if_overdue(session, order.id)

    assert order.status is OrderStatus.REFUSED
    [told], [refund] = published("order.refused"), published("refund.requested")
    assert (told["reason"], refund["amount_minor"]) == ("not_accepted_in_time", 900)
    assert told["order"]["refused_at"] is not None


def test_paid_on_delivery_only_the_acceptance_is_waited_for(deadlines, place_order):
    order = place_order(method="cash_on_delivery")

    assert order.payment_due_at is None
    assert order.acceptance_due_at - order.placed_at == 24 * HOUR


@pytest.mark.parametrize("end", [accept_order, lambda *order: cancel_order(*order, reason="twice")])
def test_what_is_decided_is_waited_for_no_more(session, deadlines, place_order, end):
    order = place_order(method="cash_on_delivery")

    end(session, order.id)

    assert (order.payment_due_at, order.acceptance_due_at) == (None, None)
    end_if_overdue(session, order.id)
    assert order.status in {"accepted", "cancelled"}


def test_before_its_time_is_up_nothing_ends(session, deadlines, place_order):
    order = place_order()

    end_if_overdue(session, order.id)

    assert order.status is OrderStatus.PLACED


def test_without_deadlines_nobody_is_waited_for(session, place_order):
    order = place_order()

    end_if_overdue(session, order.id)

    assert (order.status, armed(session, order)) == (OrderStatus.PLACED, [])


@pytest.mark.requirement("P-22")
def test_a_held_order_has_all_the_time_and_then_what_was_left(session, deadlines, place_order):
    order = place_order()
    due_at = order.payment_due_at
    hold = place_hold(session, order.id, "suspicious")
    order.held_since -= HOUR  # it has stood for an hour
    make_overdue(session, order)
    end_if_overdue(session, order.id)
    assert order.status is OrderStatus.PLACED
    order.payment_due_at = due_at
    session.flush()

    release_hold(session, order.id, hold.id)

    assert timedelta() <= order.payment_due_at - due_at - HOUR < timedelta(seconds=5)
    assert armed(session, order) == [due_at, order.payment_due_at]


def test_the_clock_stands_still_until_the_last_hold_is_lifted(session, deadlines, place_order):
    order = place_order()
    due_at = order.payment_due_at
    first, second = (place_hold(session, order.id, reason) for reason in ("odd", "odder"))
    since = order.held_since

    release_hold(session, order.id, first.id)

    assert (order.payment_due_at, order.held_since) == (due_at, since)
    release_hold(session, order.id, second.id)
    assert order.held_since is None


@pytest.mark.requirement("P-22")
def test_the_job_of_a_passed_deadline_ends_the_order_once(sessions):
    order_id = _placed_with_deadlines(sessions)
    with sessions.begin() as session:
        make_overdue(session, stored(session, order_id))
        session.execute(table.update().values(run_at=clock.now()))
    with sessions() as session:
        [job] = session.execute(select(table)).all()

    taken = [job_rows.run(sessions, messaging.jobs, job.id, Backoff(0.01, 0.1)) for _ in "ab"]

    with sessions() as session:
        order = stored(session, order_id)
        assert (order.status, order.end_reason) == (OrderStatus.FAILED, "not_paid_in_time")
        assert session.execute(select(table.c.state)).scalars().all() == ["done"]
    assert taken == [True, False]


def test_a_deadline_put_off_is_looked_at_when_it_is_up(sessions):
    order_id = _placed_with_deadlines(sessions)
    with sessions.begin() as session:
        hold = place_hold(session, order_id, "odd")
    with sessions.begin() as session:
        release_hold(session, order_id, hold.id)

    with sessions() as session:
        order = stored(session, order_id)
        rows = session.execute(select(table.c.run_at, table.c.state).order_by(table.c.run_at)).all()
        assert [row.run_at for row in rows][-1] == order.payment_due_at
        assert [row.state for row in rows] == ["queued", "queued"]


def _placed_with_deadlines(sessions):
    from services.orders.commands import master_data, placing  # noqa: PLC0415

    with sessions.begin() as session:
        master_data.put_market(session, "gb", **MARKET | {"pay_within_seconds": 3600})
        return placing.place_order(session, **order_wanted()).id


@pytest.mark.requirement("S0-11")
def test_a_seller_refuses_with_a_reason_and_the_money_goes_back(session, place_order, published):
    order = place_order()
    record_payment(session, order.id, reference="TRF 1")

    refuse_order(session, order.id, reason="no longer made")

    assert (order.status, order.end_reason) == (OrderStatus.REFUSED, "no longer made")
    [told], [refund] = published("order.refused"), published("refund.requested")
    assert (told["reason"], told["order"]["status"], refund["amount_minor"]) == (
        "no longer made",
        "refused",
        900,
    )


def test_what_was_promised_is_not_refused_and_what_is_held_neither(session, place_order):
    accepted, held = (place_order(method="cash_on_delivery") for _ in "ab")
    accept_order(session, accepted.id)
    place_hold(session, held.id, "suspicious")

    for order, reason in ((accepted, "wrong_status"), (held, "on_hold")):
        with pytest.raises(Refused, match=reason):
            refuse_order(session, order.id, reason="no longer made")
        assert order.actions["refuse"].reason == reason


@pytest.mark.requirement("S0-11")
def test_over_the_api_accepting_and_refusing_are_steps_of_their_own(client, bearer):
    body = placing_body(payment_method="cash_on_delivery")
    first, second = (client.post("/v1/orders", json=body, headers=bearer()).json for _ in "ab")

    accepted = client.post(f"/v1/orders/{first['order_id']}/accept", headers=bearer())
    address = f"/v1/orders/{second['order_id']}/refuse"
    unexplained = client.post(address, json={}, headers=bearer())
    refused = client.post(address, json={"reason": "no longer made"}, headers=bearer())
    again = client.post(address, json={"reason": "no longer made"}, headers=bearer())

    assert (first["status"], accepted.json["status"]) == ("placed", "accepted")
    assert (unexplained.status_code, unexplained.json["errors"][0]["field"]) == (422, "reason")
    assert (refused.json["status"], refused.json["end_reason"]) == ("refused", "no longer made")
    assert (again.status_code, again.json["reason"]) == (409, "wrong_status")


def test_markets_name_their_deadlines(client, bearer):
    market = client.get("/v1/markets/gb", headers=bearer()).json
    body = {name: value for name, value in market.items() if name not in {"market", "version"}}

    put = client.put("/v1/markets/gb", json=body | {"accept_within_seconds": 172_800}, headers=bearer())
    too_short = client.put("/v1/markets/gb", json=body | {"pay_within_seconds": 59}, headers=bearer())

    assert (put.json["accept_within_seconds"], put.json["pay_within_seconds"]) == (172_800, None)
    assert (too_short.status_code, too_short.json["errors"][0]["field"]) == (422, "pay_within_seconds")


# What can happen to a placed order, each at an instant of its own.
HAPPENINGS = st.lists(
    st.tuples(st.integers(1, 100), st.sampled_from(["hold", "lift", "pay", "void"])), max_size=12
)


@given(HAPPENINGS)
def test_however_often_it_is_held_and_paid_the_waiting_time_is_what_the_market_allows(happenings):
    """The time that counted since the present wait began, plus what is left of it, is all of it."""
    now, held, to_be_paid = START, False, True
    deadlines = deadlines_at(
        now, Deadlines(), ALLOWED, status=OrderStatus.PLACED, to_be_paid=True, held=False
    )
    waited = timedelta()
    for minutes, what in happenings:
        passed = timedelta(minutes=minutes)
        now += passed
        if not held:
            waited += passed
        begins_anew = what in {"pay", "void"} and to_be_paid is (what == "pay")
        held = {"hold": True, "lift": False}.get(what, held)
        to_be_paid = {"pay": False, "void": True}.get(what, to_be_paid)
        if begins_anew:
            waited = timedelta()
        deadlines = deadlines_at(
            now, deadlines, ALLOWED, status=OrderStatus.PLACED, to_be_paid=to_be_paid, held=held
        )

        due = deadlines.payment_due_at if to_be_paid else deadlines.acceptance_due_at
        other = deadlines.acceptance_due_at if to_be_paid else deadlines.payment_due_at
        left = due - (deadlines.held_since or now)
        allowed = ALLOWED.pay_within_seconds if to_be_paid else ALLOWED.accept_within_seconds
        assert other is None
        assert waited + left == timedelta(seconds=allowed)
