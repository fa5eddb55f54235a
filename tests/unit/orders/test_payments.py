"""record_payment writes down money received; the order's standing follows the ledger."""

import pytest
from sqlalchemy import select, text

from services.orders.commands.orders import accept_order, cancel_order
from services.orders.commands.payment_gateway import (
    ignore_discrepancy,
    record_discrepancy,
    record_gateway_payment,
)
from services.orders.commands.payments import record_payment, void_payment
from services.orders.models import HistoryEntry, Payment
from shared.access import Actor
from shared.db import new_id
from shared.errors import Invalid, Refused
from shared.events import codec
from shared.events.snapshots import OrderStatus, PaymentMethod
from tests.papers import hear_of_paper
from tests.plans import plans
from tests.unit.orders.sample_shop import stored


@pytest.fixture
def pay_online(session):
    """The gateway's call for an order."""

    def pay(order, amount_minor=900, reference="pi_1", currency="GBP"):
        return record_gateway_payment(
            session,
            order_id=order.id,
            amount_minor=amount_minor,
            currency=currency,
            reference=reference,
        )

    return pay


@pytest.mark.requirement("S4-19")
def test_a_payment_shows_who_recorded_it_when_and_how_much(session, place_order, published):
    order = place_order()
    session.info["actor"] = Actor(name="tess", sellers=frozenset({"quay"}), markets=frozenset({"gb"}))

    payment = record_payment(session, order.id, reference="TRF 1")

    assert (payment.recorded_by, payment.amount_minor, payment.method) == ("tess", 900, "transfer")
    assert payment.recorded_at >= order.placed_at
    [told] = published("payment.recorded")
    assert (told["payment_id"], told["amount_minor"], told["reference"]) == (str(payment.id), 900, "TRF 1")
    standing = codec.decode("payment.recorded", told).order.payment
    assert (standing.state, standing.covered, standing.received_minor) == ("paid", True, 900)


@pytest.mark.requirement("F-17")
def test_several_payments_make_the_state_by_their_sum(session, place_order):
    order = place_order()
    states = []
    for amount in (400, 500, 100):
        record_payment(session, order.id, amount_minor=amount, reference="TRF")
        states.append((order.payment_state, order.covered_at is not None))

    assert states == [("partly_paid", False), ("paid", True), ("overpaid", True)]
    assert order.received_minor == 1000


def test_without_an_amount_it_is_what_is_still_owed(session, place_order):
    order = place_order()
    record_payment(session, order.id, amount_minor=300, reference="TRF 1")

    assert record_payment(session, order.id, reference="TRF 2").amount_minor == 600
    with pytest.raises(Invalid, match="amount_minor"):
        record_payment(session, order.id, reference="TRF 3")


@pytest.mark.requirement("S4-18")
def test_a_reference_or_a_supporting_document_is_needed(session, place_order, published):
    order = place_order()
    with pytest.raises(Invalid, match="reference"):
        record_payment(session, order.id)
    assert published("payment.recorded") == []

    document_id = hear_of_paper(session, order.id)
    payment = record_payment(session, order.id, document_id=document_id)

    assert (payment.reference, payment.document_id) == ("", document_id)


@pytest.mark.requirement("V-15")
def test_a_supporting_document_is_one_that_is_stored_with_this_order(session, place_order):
    order, other = place_order(), place_order()
    others = hear_of_paper(session, other.id)
    document_id = hear_of_paper(session, order.id)
    unknown = new_id()

    for wrong in (unknown, others):
        with pytest.raises(Invalid) as refused:
            record_payment(session, order.id, reference="TRF 1", document_id=wrong)
        assert refused.value.fields == {"document_id": "is not known as a stored document of this order"}
    hear_of_paper(session, order.id, version=2, document_id=document_id, status="removed")
    with pytest.raises(Invalid, match="document_id"):
        record_payment(session, order.id, reference="TRF 1", document_id=document_id)

    assert stored(session, order.id).received_minor == 0


@pytest.mark.requirement("S4-17")
def test_an_online_order_is_paid_by_the_gateway_alone_and_then_only_waits_to_be_accepted(
    session, place_order, pay_online
):
    order = place_order(method="online")
    with pytest.raises(Refused, match="recorded_by_gateway"):
        record_payment(session, order.id, reference="TRF 1")
    with pytest.raises(Refused, match="recorded_by_gateway"):
        record_payment(session, order.id, method=PaymentMethod.ONLINE, reference="TRF 1")

    pay_online(order)

    assert order.payment_state == "paid"
    assert order.actions["accept"] is None


@pytest.mark.requirement("S3-20")
def test_only_the_markets_methods_are_taken(session, place_order, change_market):
    order = place_order()
    change_market(payment_methods=[PaymentMethod.TRANSFER])

    with pytest.raises(Invalid, match="method"):
        record_payment(session, order.id, method=PaymentMethod.CARD_ON_PHONE, reference="1234")
    with pytest.raises(Refused, match="recorded_by_gateway"):
        record_payment(session, order.id, method=PaymentMethod.ONLINE, reference="1234")

    assert record_payment(session, order.id, reference="TRF 1").method is PaymentMethod.TRANSFER


def test_a_cancelled_order_takes_no_money_by_hand(session, place_order):
    order = place_order()
    cancel_order(session, order.id, reason="ordered twice")

    with pytest.raises(Refused, match="wrong_status"):
        record_payment(session, order.id, amount_minor=900, reference="TRF 1")


def test_money_that_comes_for_a_cancelled_order_is_recorded_and_goes_back(
    session, place_order, pay_online, published
):
    order = place_order(method="online")
    cancel_order(session, order.id, reason="ordered twice")

    pay_online(order)

    assert len(published("payment.recorded")) == 1
    [requested] = published("refund.requested")
    assert (requested["amount_minor"], requested["reason"]) == (900, "received while the order was cancelled")
    assert order.status is OrderStatus.CANCELLED


@pytest.mark.requirement("F-36")
def test_the_gateways_call_counts_once_however_often_it_comes(session, place_order, pay_online, published):
    order = place_order(method="online")

    first, again = pay_online(order), pay_online(order)

    assert first.id == again.id
    assert (order.received_minor, len(published("payment.recorded"))) == (900, 1)


@pytest.mark.requirement("V-16")
def test_two_payments_of_one_order_count_both(place_order, pay_online):
    order = place_order(method="online")

    pay_online(order, amount_minor=400)
    pay_online(order, amount_minor=500, reference="pi_2")

    assert (order.received_minor, order.payment_state) == (900, "paid")


@pytest.mark.requirement("V-16")
def test_the_same_reference_of_another_market_is_another_payment(place_order, pay_online):
    order, other = place_order(method="online"), place_order(method="online", market="eu")

    pay_online(order)
    pay_online(other, amount_minor=other.total_minor, currency=other.currency)

    assert (order.payment_state, other.payment_state) == ("paid", "paid")


@pytest.mark.requirement("V-16")
@pytest.mark.parametrize(
    ("changed", "why"),
    [({"amount_minor": 901}, "amount_differs"), ({"currency": "EUR"}, "currency_differs")],
)
def test_a_payment_told_otherwise_is_kept_for_a_person_and_counts_nothing(
    session, place_order, pay_online, changed, why
):
    order = place_order(method="online")
    pay_online(order)

    kept, again = pay_online(order, **changed), pay_online(order, **changed)

    assert kept.id == again.id
    assert (kept.why, kept.state, kept.reference) == (why, "open", "pi_1")
    assert {name: getattr(kept, name) for name in changed} == changed
    assert order.received_minor == 900
    [entry] = session.scalars(select(HistoryEntry).filter_by(action="hear_of_payment"))
    assert (entry.order_id, entry.detail["why"]) == (order.id, why)


@pytest.mark.requirement("V-16")
def test_a_payment_told_for_another_order_too_is_kept_with_that_one(place_order, pay_online):
    order, other = place_order(method="online"), place_order(method="online")
    pay_online(order)

    kept = pay_online(other)

    assert (kept.order_id, kept.why) == (other.id, "order_differs")
    assert (order.received_minor, other.received_minor) == (900, 0)


@pytest.mark.requirement("V-16")
def test_a_person_records_what_was_kept_or_sets_it_aside_once(session, place_order, pay_online, published):
    order = place_order(method="online")
    pay_online(order, amount_minor=400)
    more, nothing = pay_online(order, amount_minor=900), pay_online(order, amount_minor=1)

    record_discrepancy(session, more.id, amount_minor=500)
    ignore_discrepancy(session, nothing.id, reason="a test of the gateway's")

    assert (order.received_minor, order.payment_state) == (900, "paid")
    assert (more.state, more.decided_by) == ("assigned", "orders")
    assert session.get(Payment, more.payment_id).amount_minor == 500
    assert (nothing.state, nothing.reason) == ("ignored", "a test of the gateway's")
    assert len(published("payment.recorded")) == 2
    for decided in (more, nothing):
        with pytest.raises(Refused, match="already_decided"):
            record_discrepancy(session, decided.id, amount_minor=1)
        with pytest.raises(Refused, match="already_decided"):
            ignore_discrepancy(session, decided.id, reason="again")


@pytest.mark.requirement("V-16")
def test_what_is_recorded_for_an_order_that_is_over_goes_back(session, place_order, pay_online, published):
    order = place_order(method="online")
    kept = pay_online(order, currency="EUR")
    cancel_order(session, order.id, reason="ordered twice")

    record_discrepancy(session, kept.id, amount_minor=900)

    [requested] = published("refund.requested")
    assert (requested["amount_minor"], order.received_minor) == (900, 900)


@pytest.mark.requirement("S4-16")
def test_cash_on_delivery_waits_for_its_money_to_be_closed(session, place_order, hear_shipments, published):
    order = place_order(method="cash_on_delivery")
    accept_order(session, order.id)
    hear_shipments(order, "delivered", event="shipment.delivered")
    order = stored(session, order.id)
    assert (order.status, order.balance.outstanding_minor) == (OrderStatus.ACCEPTED, 900)

    record_payment(session, order.id, reference="till 4")

    assert (order.status, order.balance.outstanding_minor) == (OrderStatus.COMPLETED, 0)
    [told] = published("order.completed")
    assert told["order"]["completed_at"] is not None


def test_a_completed_order_whose_payment_was_none_can_still_be_paid(
    session, place_order, hear_shipments, published
):
    order = place_order(method="cash_on_delivery")
    accept_order(session, order.id)
    hear_shipments(order, "delivered", event="shipment.delivered")
    wrong = record_payment(session, order.id, reference="till 4")
    assert order.actions["record_payment"].reason == "wrong_status"

    void_payment(session, order.id, wrong.id, reason="another customer's")
    assert order.actions["record_payment"] is None
    record_payment(session, order.id, reference="till 5")

    assert (order.status, order.payment_state) == (OrderStatus.COMPLETED, "paid")
    assert len(published("order.completed")) == 1


@pytest.mark.parametrize("statuses", [("delivered", "shipped"), ("shipped",), ("returned",)])
def test_nothing_is_completed_before_every_unit_is_delivered(
    session, place_order, hear_shipments, published, statuses
):
    order = place_order(lines=[("TEA-250", len(statuses))])
    record_payment(session, order.id, reference="TRF 1")
    accept_order(session, order.id)
    line = [(order.lines[0], 1)]

    hear_shipments(order, *statuses, event="shipment.updated", lines=line)

    assert stored(session, order.id).status is OrderStatus.ACCEPTED
    assert published("order.completed") == []


def test_a_paid_order_is_completed_by_its_last_delivery_once(session, place_order, hear_shipments, published):
    order = place_order()
    record_payment(session, order.id, reference="TRF 1")
    accept_order(session, order.id)

    for _ in range(2):
        hear_shipments(order, "delivered", event="shipment.delivered")

    order = stored(session, order.id)
    assert (order.status, order.fulfilment) == (OrderStatus.COMPLETED, "delivered")
    assert len(published("order.completed")) == 1


def test_payments_are_kept_as_they_were_recorded(session, place_order):
    order = place_order()
    recorded = record_payment(session, order.id, reference="TRF 1")
    session.expunge_all()

    kept = session.get(Payment, recorded.id)

    assert (kept.reference, kept.amount_minor, kept.recorded_at) == ("TRF 1", 900, recorded.recorded_at)


@pytest.mark.requirement("S4-19")
def test_payments_of_all_orders_are_listed_newest_first_with_who_recorded_them(
    client, bearer, session, place_order
):
    first, second, theirs = place_order(), place_order(), place_order(seller="dock")
    payments = [
        record_payment(session, order.id, amount_minor=100 * at, reference=f"TRF {at}")
        for at, order in enumerate((first, second, theirs, first), start=1)
    ]
    void_payment(session, first.id, payments[0].id, reason="bounced")
    session.commit()

    def listed(query="", **claims):
        answer = client.get(f"/v1/payments{query}", headers=bearer(**claims))
        assert answer.status_code == 200, answer.text
        return answer.json

    page = listed("?limit=3")
    rows = page["items"] + listed(f"?cursor={page['next']}")["items"]
    assert [row["payment_id"] for row in rows] == [str(payment.id) for payment in reversed(payments)]
    assert [row["number"] for row in rows] == [order.number for order in (first, theirs, second, first)]
    oldest = rows[-1]
    assert (oldest["amount_minor"], oldest["currency"], oldest["reference"]) == (100, "GBP", "TRF 1")
    assert (oldest["void_reason"], bool(oldest["voided_at"])) == ("bounced", True)
    assert oldest["customer_name"] == first.customer_name
    assert [row["reference"] for row in listed("?seller=dock")["items"]] == ["TRF 3"]
    assert [row["reference"] for row in listed(sellers=["dock"])["items"]] == ["TRF 3"]
    assert listed(markets=["eu"])["items"] == []


def test_a_sellers_newest_payments_are_read_off_an_index(session):
    with plans(session, off=("seqscan", "sort")) as seen:
        session.execute(text("select id from payments where seller_code = 'quay' order by id desc limit 50"))

    [plan] = seen
    assert "ix_payments_seller_code_id" in plan
