"""Commands on one order at once: one after the other, each on what the one before left."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import psycopg
import pytest
from sqlalchemy import func, select

from services.orders.commands import drafts, placing
from services.orders.commands.editing import edit_order
from services.orders.commands.orders import accept_order, cancel_order, place_hold
from services.orders.commands.payment_gateway import record_discrepancy, record_gateway_payment
from services.orders.commands.payments import record_payment, void_payment
from services.orders.commands.refunds import request_refund, settle_refund
from services.orders.models import Customer, Draft, Order, Payment, PaymentDiscrepancy
from shared.errors import NotFound, Refused
from shared.messaging.tables import event_log, pushes
from tests.unit.orders.sample_shop import order_wanted, placing_body
from tests.waiting import PATIENCE_SECONDS


@pytest.fixture
def place(sessions):
    """Place an order for good, and answer its id."""

    def place(**wanted):
        with sessions.begin() as session:
            return placing.place_order(session, **order_wanted(**wanted)).id

    return place


def at_once(sessions, *commands):
    """Run each command in a thread and transaction of its own, begun together; answer what came of each."""
    start = threading.Barrier(len(commands))

    def run(command):
        start.wait(PATIENCE_SECONDS)
        try:
            with sessions.begin() as session:
                command(session)
        except Refused as refused:
            return refused.reason
        except NotFound:
            return "not_found"
        return "done"

    with ThreadPoolExecutor(len(commands)) as pool:
        return sorted(pool.map(run, commands))


def told(sessions, event_type):
    with sessions() as session:
        return session.scalar(
            select(func.count()).select_from(event_log).where(event_log.c.type == event_type)
        )


@pytest.mark.requirement("F-04")
def test_accepted_by_two_at_once_an_order_is_promised_once(sessions, place):
    order_id = place(method="cash_on_delivery")

    outcomes = at_once(sessions, *[lambda session: accept_order(session, order_id)] * 4)

    assert outcomes == ["done", "wrong_status", "wrong_status", "wrong_status"]
    assert told(sessions, "order.accepted") == 1


def test_accepted_and_cancelled_at_once_an_order_ends_cancelled_or_cancelling(sessions, place):
    order_id = place(method="cash_on_delivery")

    outcomes = at_once(
        sessions,
        lambda session: accept_order(session, order_id),
        lambda session: cancel_order(session, order_id, reason="twice"),
    )

    with sessions() as session:
        status = session.get(Order, order_id).status
    assert (outcomes, status) in [(["done", "done"], "cancelling"), (["done", "wrong_status"], "cancelled")]


def test_payments_recorded_at_once_all_count(sessions, place):
    order_id = place()

    at_once(
        sessions,
        *[
            lambda session: record_payment(session, order_id, amount_minor=100, reference="TRF")
            for _ in range(5)
        ],
    )

    with sessions() as session:
        order = session.get(Order, order_id)
        assert (order.received_minor, order.payment_state, order.version) == (500, "partly_paid", 6)


@pytest.mark.requirement("P-26")
def test_edited_held_and_paid_at_once_nothing_is_lost(sessions, place):
    order_id = place(lines=[("TEA-250", 2), ("MUG-1", 1)])
    with sessions() as session:
        tea, mug = (line.id for line in session.get(Order, order_id).lines)

    outcomes = at_once(
        sessions,
        lambda session: edit_order(
            session, order_id, reason="a", lines=[{"line_id": tea, "quantity": 5}, {"line_id": mug}]
        ),
        lambda session: edit_order(session, order_id, reason="b", customer={"phone": "+44 1"}),
        lambda session: place_hold(session, order_id, "odd"),
        lambda session: place_hold(session, order_id, "odder"),
        lambda session: record_payment(session, order_id, amount_minor=100, reference="TRF"),
    )

    assert outcomes == ["done"] * 5
    with sessions() as session:
        order = session.get(Order, order_id)
        assert (order.version, order.lines_minor, order.customer_phone) == (6, 5 * 450 + 1200, "+44 1")
        assert (order.received_minor, order.csr_status) == (100, "OnHold")
        assert {hold.reason for hold in order.standing_holds} == {"odd", "odder"}


def test_lines_cancelled_by_two_at_once_are_cancelled_once(sessions, place):
    order_id = place(lines=[("TEA-250", 3), ("MUG-1", 1)])
    with sessions() as session:
        tea = session.get(Order, order_id).lines[0].id
    units = [{"line_id": tea, "quantity": 2}]

    outcomes = at_once(
        sessions, *[lambda session: cancel_order(session, order_id, reason="x", lines=units)] * 3
    )

    assert outcomes == ["done", "more_than_left", "more_than_left"]
    with sessions() as session:
        assert session.get(Order, order_id).cancelled_minor == 900


def test_held_and_accepted_at_once_an_order_is_one_or_the_other_first(sessions, place):
    order_id = place(method="cash_on_delivery")

    outcomes = at_once(
        sessions,
        lambda session: accept_order(session, order_id),
        lambda session: place_hold(session, order_id, "odd"),
    )

    with sessions() as session:
        order = session.get(Order, order_id)
    assert (outcomes, order.status) in [(["done", "done"], "accepted"), (["done", "on_hold"], "placed")]


@pytest.mark.requirement("F-36")
def test_the_gateways_call_arriving_twice_at_once_counts_once(sessions, place):
    order_id = place(method="online")
    call = {"order_id": order_id, "amount_minor": 900, "currency": "GBP", "reference": "pi_1"}

    at_once(sessions, *[lambda session: record_gateway_payment(session, **call)] * 3)

    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(Payment)) == 1
    assert told(sessions, "payment.recorded") == 1


@pytest.mark.requirement("P-07")
def test_a_draft_placed_paid_changed_and_deleted_at_once_becomes_an_order_once_or_never(sessions):
    wanted = order_wanted()
    call = {"amount_minor": 900, "currency": "GBP"}
    for attempt in range(10):
        with sessions.begin() as session:
            draft_id = drafts.create_draft(session, **wanted).draft.id

        outcomes = at_once(
            sessions,
            lambda session, draft_id=draft_id: drafts.place_draft(session, draft_id),
            lambda session, draft_id=draft_id: drafts.place_draft(session, draft_id),
            lambda session, draft_id=draft_id: drafts.change_draft(session, draft_id),
            lambda session, draft_id=draft_id, attempt=attempt: record_gateway_payment(
                session, reference=f"pi_{attempt}", order_id=draft_id, **call
            ),
            lambda session, draft_id=draft_id: drafts.delete_drafts(session, [draft_id]),
        )

        with sessions() as session:
            orders = session.scalar(select(func.count()).select_from(Order).where(Order.id == draft_id))
            draft = session.get(Draft, draft_id)
        assert (orders, draft.status if draft else None) in {(1, "placed"), (0, None)}, outcomes
        with sessions() as session:
            placed = session.scalar(
                select(func.count())
                .select_from(event_log)
                .where(event_log.c.type == "order.placed", event_log.c.subject == str(draft_id))
            )
        assert placed == orders


@pytest.mark.requirement("F-36", "V-16")
def test_one_payment_told_for_several_orders_at_once_counts_once_and_is_kept_with_the_others(sessions, place):
    order_ids = [place(method="online") for _ in range(4)]
    call = {"amount_minor": 900, "currency": "GBP", "reference": "pi_1"}

    outcomes = at_once(
        sessions,
        *[partial(record_gateway_payment, order_id=order_id, **call) for order_id in order_ids],
    )

    assert outcomes == ["done"] * 4
    with sessions() as session:
        paid = {order.id for order in session.scalars(select(Order).where(Order.received_minor == 900))}
        kept = session.scalars(select(PaymentDiscrepancy)).all()
        assert len(paid) == 1
        assert {one.order_id for one in kept} == set(order_ids) - paid
        assert {one.why for one in kept} == {"order_differs"}


@pytest.mark.requirement("V-16")
def test_twins_that_tell_different_amounts_count_one_and_keep_the_other(sessions, place):
    order_id = place(method="online")
    call = {"order_id": order_id, "currency": "GBP", "reference": "pi_1"}

    at_once(
        sessions,
        *[partial(record_gateway_payment, amount_minor=amount, **call) for amount in (400, 500, 400, 500)],
    )

    with sessions() as session:
        [payment] = session.scalars(select(Payment))
        [kept] = session.scalars(select(PaymentDiscrepancy))
        assert {payment.amount_minor, kept.amount_minor} == {400, 500}
        assert session.get(Order, order_id).received_minor == payment.amount_minor


@pytest.mark.requirement("V-16")
def test_two_people_who_decide_at_once_count_it_once(sessions, place):
    order_id = place(method="online")
    call = {"order_id": order_id, "currency": "GBP", "reference": "pi_1"}
    with sessions.begin() as session:
        record_gateway_payment(session, amount_minor=400, **call)
        kept = record_gateway_payment(session, amount_minor=900, **call)

    outcomes = at_once(sessions, *[partial(record_discrepancy, discrepancy_id=kept.id, amount_minor=500)] * 3)

    assert outcomes == ["already_decided", "already_decided", "done"]
    with sessions() as session:
        assert session.get(Order, order_id).received_minor == 900


@pytest.mark.requirement("P-05")
def test_refunds_requested_at_once_never_exceed_what_was_received(sessions, place):
    order_id = place()
    with sessions.begin() as session:
        record_payment(session, order_id, reference="TRF 1")
        accept_order(session, order_id)

    outcomes = at_once(
        sessions,
        *[partial(request_refund, order_id=order_id, reason="chipped", amount_minor=400) for _ in range(6)],
    )

    assert outcomes == ["done", "done", *["more_than_left"] * 4]
    with sessions() as session:
        order = session.get(Order, order_id)
        assert (order.refund_pending_minor, order.received_minor, len(order.refunds)) == (800, 900, 2)


def test_one_refund_settled_by_two_at_once_is_paid_out_once(sessions, place):
    order_id = place()
    with sessions.begin() as session:
        record_payment(session, order_id, reference="TRF 1")
        accept_order(session, order_id)
        refund_id = request_refund(session, order_id, reason="chipped", amount_minor=400).id

    outcomes = at_once(
        sessions,
        *[
            partial(settle_refund, order_id=order_id, refund_id=refund_id, reference="OUT 1")
            for _ in range(3)
        ],
    )

    assert outcomes == ["already_settled", "already_settled", "done"]
    assert told(sessions, "refund.settled") == 1


def test_a_payment_voided_while_it_is_refunded_is_one_or_the_other(sessions, place):
    order_id = place()
    with sessions.begin() as session:
        payment_id = record_payment(session, order_id, reference="TRF 1").id
        accept_order(session, order_id)

    outcomes = at_once(
        sessions,
        lambda session: void_payment(session, order_id, payment_id, reason="bounced"),
        lambda session: request_refund(session, order_id, reason="chipped", amount_minor=400),
    )

    with sessions() as session:
        order = session.get(Order, order_id)
    # Voided first, the refund only lessens what is still owed.
    assert (outcomes, order.received_minor, order.refund_pending_minor, order.credited_minor) in [
        (["done", "refunded"], 900, 400, 400),
        (["done", "done"], 0, 0, 400),
    ]


@pytest.mark.requirement("F-36")
def test_one_reference_placed_twice_at_once_is_one_order(sessions):
    wanted = order_wanted(external_reference="WEB-1")

    outcomes = at_once(sessions, *[lambda session: placing.place_order(session, **wanted)] * 4)

    assert outcomes == ["already_placed"] * 3 + ["done"]
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(Customer)) == 1
    assert told(sessions, "order.placed") == 1


@pytest.mark.requirement("F-01", "F-02")
def test_nobody_hears_of_an_order_before_its_slow_commit(sessions, engines):
    url = engines["orders"].url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url, autocommit=True) as listener, sessions() as slow:
        listener.execute("listen outbox")
        order = placing.place_order(slow, **order_wanted())
        overtaking = _place_and_commit(sessions)
        assert _heard(listener, PATIENCE_SECONDS) == 1  # the one that overtook it

        seen_before = _owed(sessions)
        slow.commit()
        seen_after = _owed(sessions)

        assert _heard(listener, PATIENCE_SECONDS) == 1
    assert seen_before == {str(overtaking): 3}
    assert seen_after == {str(overtaking): 3, str(order.id): 3}


@pytest.mark.requirement("F-01")
def test_an_order_that_is_rolled_back_was_never_told(sessions):
    with sessions() as session:
        placing.place_order(session, **order_wanted())
        session.rollback()

    assert _owed(sessions) == {}
    assert told(sessions, "order.placed") == 0


@pytest.mark.requirement("P-25")
def test_twins_under_one_key_wait_for_each_other_and_make_one_order(app, committing_client, sessions, bearer):
    headers = bearer() | {"Idempotency-Key": "basket-7"}

    def send(_):
        return app.test_client().post("/v1/orders", json=placing_body(), headers=headers)

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(send, range(4)))

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.data for answer in answers}) == 1
    assert told(sessions, "order.placed") == 1


def _place_and_commit(sessions):
    with sessions.begin() as session:
        return placing.place_order(session, **order_wanted()).id


def _owed(sessions):
    """How many deliveries are owed of each order, as the relay sees it."""
    with sessions() as session:
        rows = session.execute(
            select(event_log.c.subject, func.count())
            .join(pushes, pushes.c.seq == event_log.c.seq)
            .where(pushes.c.sent_at.is_(None))
            .group_by(event_log.c.subject)
        )
        return {subject: count for subject, count in rows}  # noqa: C416 - rows are no pairs to dict


def _heard(listener, seconds):
    """How many notifications came, waiting for the first one at most so long."""
    deadline = time.monotonic() + seconds
    count = 0
    while time.monotonic() < deadline and not count:
        count += len(list(listener.notifies(timeout=0.1)))
    return count + len(list(listener.notifies(timeout=0.2)))
