"""What goes back at the gateway by itself: in any order with payments and our own refunds, counted once."""

import json
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from standardwebhooks import Webhook

from services.orders.commands.orders import accept_order, cancel_order
from services.orders.commands.payment_gateway import (
    ignore_discrepancy,
    record_discrepancy,
    record_gateway_payment,
    record_money_back,
)
from services.orders.commands.refunds import (
    leave_to_people,
    request_refund,
    settle_by_gateway,
    settle_refund,
    withdraw_refund,
)
from services.orders.domain.payments import ChargebackStep, GatewayReport, ReportKind
from services.orders.models import PaymentDiscrepancy, Refund
from services.orders.queries.money_check import money_drift
from shared.errors import Refused
from tests.unit.orders.sample_shop import GATEWAY_SECRET, stored

AT = datetime(2026, 11, 21, 10, tzinfo=UTC)


@pytest.fixture
def online(session, place_order):
    return place_order(lines=[("TEA-250", 2)], method="online")


@pytest.fixture
def pay(session, online):
    def pay(amount_minor=900, reference="pi_1"):
        return record_gateway_payment(
            session, order_id=online.id, amount_minor=amount_minor, currency="GBP", reference=reference
        )

    return pay


@pytest.fixture
def refund(session, online):
    """Hear of a refund from the gateway."""

    def told(amount_minor=300, reference="re_1", currency="GBP", payment="pi_1", at=AT, **more):
        report = GatewayReport(
            kind=ReportKind.REFUND,
            payment_reference=payment,
            reference=reference,
            amount_minor=amount_minor,
            currency=currency,
            at=at,
            **more,
        )
        return record_money_back(session, online.id, report)

    return told


@pytest.fixture
def chargeback(session, online):
    """Hear of a chargeback from the gateway."""

    def told(step, minutes=0, amount_minor=900, currency="GBP", reference="dp_1"):
        report = GatewayReport(
            kind=ReportKind.CHARGEBACK,
            payment_reference="pi_1",
            reference=reference,
            amount_minor=amount_minor,
            currency=currency,
            step=ChargebackStep(step),
            at=AT + timedelta(minutes=minutes),
        )
        return record_money_back(session, online.id, report)

    return told


@pytest.fixture
def ledger(session, online):
    """What the order's money comes to: refunded, pending, credited, still to come, to be decided."""

    def sums():
        order = stored(session, online.id)
        assert money_drift(session) == []
        return (
            order.refunded_minor,
            order.refund_pending_minor,
            order.credited_minor,
            order.balance.outstanding_minor,
            order.to_decide,
        )

    return sums


@pytest.mark.requirement("M-37")
def test_a_refund_that_nobody_asked_for_takes_off_the_bill_and_holds_goods_that_are_here(
    session, online, pay, refund, ledger, published
):
    pay()
    accept_order(session, online.id)

    told = refund(300)

    assert (told.kind, told.state, told.method, told.reference) == ("gateway", "settled", "online", "re_1")
    assert ledger() == (300, 0, 300, 0, 0)
    [event] = published("refund.settled")
    [shown] = event["order"]["refunds"]
    assert (shown["kind"], shown["credited_minor"], event["amount_minor"]) == ("gateway", 300, 300)
    assert sum(part["gross_minor"] for part in shown["parts"]) == 300
    [hold] = stored(session, online.id).standing_holds
    assert (hold.reason, len(published("order.held"))) == ("refunded_at_gateway", 1)


@pytest.mark.requirement("M-37")
def test_told_twice_it_counts_once_and_with_another_amount_it_waits(pay, refund, ledger):
    pay()

    first, again = refund(300), refund(300)
    other = refund(301)

    assert first is again
    assert (other.why, other.kind) == ("amount_differs", "refund")
    assert ledger()[0] == 300


@pytest.mark.requirement("M-37")
def test_told_before_its_payment_it_waits_for_that(session, pay, refund, ledger):
    kept = refund(300)
    assert (kept.why, ledger()) == ("payment_unknown", (0, 0, 0, 900, 1))

    pay()

    assert ledger() == (300, 0, 0, 300, 0)
    session.refresh(kept)
    assert (kept.state, kept.refund_id) == ("assigned", stored_refund(session, "re_1").id)


def stored_refund(session, reference):
    return session.query(Refund).filter_by(reference=reference).one()


@pytest.mark.requirement("M-37")
def test_one_of_ours_is_known_by_its_reference_and_not_by_its_amount(session, online, pay, refund, ledger):
    pay()
    accept_order(session, online.id)
    ours = request_refund(session, online.id, reason="chipped", amount_minor=300)

    settle_by_gateway(session, online.id, ours.id, reference="re_1")
    assert refund(300, "re_1") is ours
    assert ledger() == (300, 0, 300, 0, 0)
    refund(300, "re_2")

    assert ledger() == (600, 0, 600, 0, 0)


@pytest.mark.requirement("M-37")
@pytest.mark.parametrize(("reference", "refunded"), [("re_1", 300), ("re_2", 600)])
def test_told_while_ours_is_under_way_it_waits_until_that_has_its_reference(
    session, online, pay, refund, ledger, reference, refunded
):
    pay()
    accept_order(session, online.id)
    ours = request_refund(session, online.id, reason="chipped", amount_minor=300)

    kept = refund(300, "re_1")
    assert (kept.why, ledger()) == ("own_refund_open", (0, 300, 300, 0, 1))
    settle_by_gateway(session, online.id, ours.id, reference=reference)

    assert ledger() == (refunded, 0, refunded, 0, 0)


@pytest.mark.requirement("M-37")
def test_told_by_our_own_id_it_settles_ours_at_once(session, online, pay, refund, ledger):
    pay()
    accept_order(session, online.id)
    ours = request_refund(session, online.id, reason="chipped", amount_minor=300)

    assert refund(300, "re_1", refund_id=ours.id) is ours
    settle_by_gateway(session, online.id, ours.id, reference="re_1")

    assert (ours.state, ours.reference, ledger()) == ("settled", "re_1", (300, 0, 300, 0, 0))


@pytest.mark.requirement("M-37")
def test_what_waited_for_ours_is_booked_once_the_gateway_tells_that_it_has_ended(
    session, online, pay, refund, ledger
):
    pay()
    accept_order(session, online.id)
    ours = request_refund(session, online.id, reason="chipped", amount_minor=300)
    assert refund(200, "re_2").why == "own_refund_open"

    refund(300, "re_1", refund_id=ours.id)

    assert ledger() == (500, 0, 500, 0, 0)


@pytest.mark.requirement("M-37")
@pytest.mark.parametrize("settles", [True, False])
def test_what_the_gateway_never_answered_is_decided_by_a_person(
    session, online, pay, refund, ledger, settles
):
    pay()
    accept_order(session, online.id)
    ours = request_refund(session, online.id, reason="chipped", amount_minor=300)
    leave_to_people(session, online.id, ours.id, failure="no answer")

    assert refund(300, "re_1").why == "own_refund_open"
    if settles:
        settle_refund(session, online.id, ours.id, reference="re_1")
    else:
        withdraw_refund(session, online.id, ours.id, reason="it was another")

    assert ledger() == (300, 0, 300, 0, 0)


@pytest.mark.requirement("M-37")
def test_what_was_paid_too_much_goes_back_without_a_credit(session, online, pay, refund, ledger):
    pay()
    pay(200, "pi_2")
    accept_order(session, online.id)

    refund(300)

    assert ledger() == (300, 0, 100, 0, 0)


@pytest.mark.requirement("M-37")
def test_more_than_was_received_waits_and_a_person_can_not_count_it_either(
    session, online, pay, refund, ledger
):
    pay()
    refund(800)

    kept = refund(300, "re_2")

    assert (kept.why, ledger()[0]) == ("more_than_received", 800)
    with pytest.raises(Refused, match="more_than_received"):
        record_discrepancy(session, kept.id, amount_minor=300)
    record_discrepancy(session, kept.id, amount_minor=100)
    assert ledger()[0::4] == (900, 0)


@pytest.mark.requirement("M-37")
@pytest.mark.parametrize("what", ["refund", "chargeback"])
def test_in_another_currency_it_is_kept_and_counted_as_a_person_says(
    session, online, pay, refund, chargeback, ledger, published, what
):
    pay()
    accept_order(session, online.id)

    kept = refund(400, currency="EUR") if what == "refund" else chargeback("opened", 0, 400, "EUR")
    assert (kept.why, kept.currency, kept.amount_minor) == ("currency_differs", "EUR", 400)
    assert published("order.updated")[-1]["order"]["to_decide"] == 1
    record_discrepancy(session, kept.id, amount_minor=340)

    if what == "refund":
        assert ledger() == (340, 0, 340, 0, 0)
    else:
        assert ledger() == (0, 340, 0, 340, 1)
        assert chargeback("lost", 1, 400, "EUR").state == "settled"
        assert ledger() == (340, 0, 0, 340, 0)


@pytest.mark.requirement("M-37")
def test_a_chargeback_is_owed_again_and_takes_nothing_off_the_bill(
    session, online, pay, chargeback, ledger, published
):
    pay()
    accept_order(session, online.id)

    opened = chargeback("opened")
    assert (opened.kind, opened.state, ledger()) == ("chargeback", "requested", (0, 900, 0, 900, 1))
    assert published("refund.requested")[-1]["order"]["refunds"][0]["kind"] == "chargeback"
    assert not stored(session, online.id).balance.covered
    assert not published("order.updated")[-1]["order"]["payment"]["covered"]
    for act in (settle_refund, withdraw_refund):
        what = {"reference": "x"} if act is settle_refund else {"reason": "x"}
        with pytest.raises(Refused, match="settled_by_gateway"):
            act(session, online.id, opened.id, **what)

    chargeback("lost", 5)

    assert ledger() == (900, 0, 0, 900, 0)
    [row] = published("refund.settled")
    assert (row["amount_minor"], row["order"]["refunds"][0]["credited_minor"]) == (900, 0)


@pytest.mark.requirement("M-37")
@pytest.mark.parametrize("order_told", list(permutations(["pay", ("opened", 0), ("won", 5)])), ids=str)
def test_in_whatever_order_it_is_told_a_chargeback_that_is_won_changes_nothing(
    session, online, pay, chargeback, ledger, order_told
):
    for one in order_told:
        pay() if one == "pay" else chargeback(*one)

    assert ledger() == (0, 0, 0, 0, 0)
    assert stored(session, online.id).payment_state == "paid"


@pytest.mark.requirement("M-37")
@pytest.mark.parametrize("told", list(permutations([("opened", 0), ("won", 5), ("lost", 9)])), ids=str)
def test_of_won_and_lost_the_later_counts(pay, chargeback, ledger, told):
    pay()

    for step, minutes in [*told, told[0]]:
        chargeback(step, minutes)

    assert ledger() == (900, 0, 0, 900, 0)


@pytest.mark.requirement("M-37")
def test_a_chargeback_won_for_a_cancelled_order_goes_back_to_its_customer(
    session, online, pay, chargeback, ledger
):
    pay()
    chargeback("opened")
    cancel_order(session, online.id, reason="sold out")
    assert ledger() == (0, 900, 0, 0, 1)

    chargeback("won", 5)

    assert ledger() == (0, 900, 0, 0, 0)
    assert [one.kind for one in stored(session, online.id).refunds if one.state == "requested"] == ["refund"]


@pytest.mark.requirement("M-37")
def test_what_waits_is_set_aside_once(session, refund, ledger):
    kept = refund(300)

    ignore_discrepancy(session, kept.id, reason="a test of the gateway's")

    assert ledger()[4] == 0
    assert refund(300).state == "ignored"
    assert session.query(PaymentDiscrepancy).count() == 1


@pytest.mark.requirement("M-37")
def test_the_gateway_tells_of_both_by_signed_calls(client, bearer, session, online, pay):
    pay()
    data = {"order_id": str(online.id), "currency": "GBP", "payment_reference": "pi_1"}

    def send(path, kind, secret=GATEWAY_SECRET, **more):
        webhook_id = f"msg_{more['reference']}"
        body = json.dumps({"type": kind, "timestamp": AT.isoformat(), "data": data | more})
        at = datetime.now(UTC)
        headers = {
            "webhook-id": webhook_id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": Webhook(secret).sign(webhook_id, at, body),
        }
        return client.post(f"/v1/gateway/{path}", data=body, headers=headers, content_type="application/json")

    paid_back = {"reference": "re_1", "amount_minor": 100}
    forged = send("refunds", "refund.succeeded", secret="whsec_c29tZXRoaW5n", **paid_back)
    first = send("refunds", "refund.succeeded", **paid_back)
    kept = send("refunds", "refund.succeeded", reference="re_9", amount_minor=5, currency="EUR")
    opened = send("chargebacks", "chargeback.opened", reference="dp_1", amount_minor=200)
    unknown = send("chargebacks", "chargeback.lifted", reference="dp_1", amount_minor=200)

    assert [one.status_code for one in (forged, first, kept, opened, unknown)] == [401, 200, 202, 200, 422]
    assert (first.json["kind"], first.json["amount_minor"]) == ("gateway", 100)
    shown = client.get(f"/v1/orders/{online.id}/transactions", headers=bearer()).json
    assert {one["why"] for one in shown["discrepancies"]} == {"currency_differs", "chargeback_opened"}
    assert {one["kind"] for one in shown["items"]} == {"payment", "refund", "chargeback"}
    assert client.get(f"/v1/orders/{online.id}", headers=bearer()).json["to_decide"] == 2
