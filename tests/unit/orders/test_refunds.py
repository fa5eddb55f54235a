"""Refunds: what is taken off the bill, what money goes back for it, and never more than came."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.orders import queries
from services.orders.commands.editing import edit_order
from services.orders.commands.orders import accept_order, cancel_order
from services.orders.commands.payment_gateway import record_gateway_payment
from services.orders.commands.payments import record_payment, void_payment
from services.orders.commands.refunds import (
    leave_to_people,
    request_refund,
    settle_refund,
    withdraw_refund,
)
from services.orders.domain import credits as rules
from services.orders.models import Market
from shared.db import new_id
from shared.errors import Invalid, NotFound, Refused
from shared.events import codec
from shared.events.snapshots import PaymentMethod
from tests.unit.orders.sample_shop import HOME, answer, stored

SHIPPED = [{"method": "delivery", "shipping_minor": 500, "address": HOME}]


@pytest.fixture
def refund(session):
    def refund(order, **wanted):
        return request_refund(session, order.id, **{"reason": "two were broken"} | wanted)

    return refund


def of(line, quantity, **more):
    return {"line_id": line.id, "quantity": quantity} | more


@pytest.mark.requirement("P-05", "S0-15")
def test_units_of_a_line_are_refunded_with_their_tax_and_told_to_the_papers(deliver, refund, published):
    order = deliver(lines=[("TEA-250", 3), ("BOOK-1", 1)])

    made = refund(order, lines=[of(order.lines[0], 2)], restock=False)

    assert (made.amount_minor, made.credited_minor, made.state) == (900, 900, "requested")
    [told] = published("refund.requested")
    event = codec.decode("refund.requested", told)
    [snapshot] = event.order.refunds
    assert (event.amount_minor, snapshot.credited_minor, snapshot.restock) == (900, 900, False)
    [part] = snapshot.parts
    assert (part.kind, part.line_id, part.quantity) == ("line", order.lines[0].id, 2)
    assert (part.net_minor, part.tax_minor, part.gross_minor) == (750, 150, 900)
    [row] = snapshot.tax
    assert (row.rate_basis_points, row.gross_minor) == (2000, 900)


@pytest.mark.requirement("P-05")
@pytest.mark.parametrize(
    ("wanted", "credited"),
    [
        ({"shipping_minor": 200}, 200),
        ({"amount_minor": 123}, 123),
        ({"shipping_minor": 500, "amount_minor": 100}, 600),
        ({"everything": True, "restock": False}, 1400),
    ],
)
def test_shipping_an_amount_or_everything_is_refunded(deliver, refund, wanted, credited):
    order = deliver(delivery_groups=SHIPPED)

    made = refund(order, **wanted)

    assert (made.amount_minor, made.credited_minor) == (credited, credited)
    assert sum(part.gross_minor for part in made.parts) == credited


@pytest.mark.requirement("F-18")
def test_a_bill_given_back_bit_by_bit_sums_to_its_tax(accept_paid, refund):
    order = accept_paid(lines=[("TEA-250", 1, 100)])

    for bit in (33, 33, 34):
        refund(order, amount_minor=bit)

    assert [part.tax_minor for part in order.refunded_parts] == [6, 6, 5]
    assert rules.tax_rows(order.refunded_parts) == order.tax


def test_what_cost_nothing_is_not_refunded(deliver, refund):
    order = deliver(lines=[("TEA-250", 2), ("MUG-1", 1, 0)])

    with pytest.raises(Refused, match="nothing_left"):
        refund(order, lines=[of(order.lines[1], 1)], restock=False)


@pytest.mark.requirement("F-16", "F-17")
def test_a_refund_leaves_the_order_covered_from_its_request_to_its_end(session, accept_paid, refund):
    order = accept_paid()
    shown = [(order.payment_state, order.balance.covered)]

    made = refund(order, amount_minor=100)
    shown.append((order.payment_state, order.balance.covered))
    settle_refund(session, order.id, made.id, reference="BACK 1")
    shown.append((order.payment_state, order.balance.covered))

    assert shown == [("paid", True), ("overpaid", True), ("partly_refunded", True)]
    assert (order.payment.owed_minor, order.refunded_minor, order.refund_pending_minor) == (800, 100, 0)


@pytest.mark.requirement("F-16")
def test_what_was_not_paid_yet_is_taken_off_the_bill_and_no_money_goes(
    session, place_order, refund, published
):
    order = place_order(method="cash_on_delivery")
    accept_order(session, order.id)

    made = refund(order, amount_minor=100)

    assert (made.amount_minor, made.credited_minor, made.state) == (0, 100, "settled")
    assert order.balance.outstanding_minor == 800
    assert len(published("refund.settled")) == 1
    assert published("refund.requested") == []


def test_taking_off_what_is_still_owed_completes_a_delivered_order(
    session, place_order, refund, hear_shipments, published
):
    order = place_order(method="cash_on_delivery")
    accept_order(session, order.id)
    hear_shipments(order, "delivered")
    record_payment(session, order.id, amount_minor=800, reference="TILL 1")

    refund(order, amount_minor=100)

    assert order.status == "completed"
    assert len(published("order.completed")) == 1


@pytest.mark.requirement("F-16")
def test_of_a_partly_paid_order_only_what_is_not_owed_any_more_goes_back(session, place_order, refund):
    order = place_order(method="cash_on_delivery")
    accept_order(session, order.id)
    record_payment(session, order.id, amount_minor=600, reference="TILL 1")

    made = refund(order, amount_minor=500)

    assert (made.amount_minor, made.credited_minor) == (200, 500)
    assert order.balance.outstanding_minor == 0


def test_an_overpayment_goes_back_and_the_bill_stays(session, accept_paid, refund):
    order = accept_paid()
    record_payment(session, order.id, amount_minor=50, reference="TRF 2")

    made = refund(order, overpayment=True)

    assert (made.amount_minor, made.credited_minor, made.parts) == (50, 0, ())
    with pytest.raises(Refused, match="nothing_overpaid"):
        refund(order, overpayment=True)


@pytest.mark.requirement("P-05")
@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        ({"amount_minor": 901}, "more_than_left"),
        ({"shipping_minor": 1}, "more_than_left"),
        ({"lines": 3, "restock": False}, "more_than_left"),
        ({"amount_minor": 1, "method": PaymentMethod.ONLINE}, "no_online_payment"),
    ],
)
def test_more_than_the_bill_is_refused_with_what_is_left(accept_paid, refund, wanted, reason):
    order = accept_paid()
    if "lines" in wanted:
        wanted = wanted | {"lines": [of(order.lines[0], wanted["lines"])]}

    with pytest.raises(Refused, match=reason):
        refund(order, **wanted)

    assert order.refunds == []


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({}, "everything"),
        ({"everything": True, "amount_minor": 5}, "everything"),
        ({"lines": "stranger", "restock": True}, "lines.0.line_id"),
        ({"lines": "twice", "restock": True}, "lines.1.line_id"),
        ({"lines": "once"}, "restock"),
        ({"everything": True}, "restock"),
    ],
)
def test_a_refund_says_what_of_and_what_becomes_of_the_goods(accept_paid, refund, wanted, field):
    order = accept_paid()
    line = order.lines[0]
    lines = {
        "stranger": [{"line_id": new_id(), "quantity": 1}],
        "twice": [of(line, 1)] * 2,
        "once": [of(line, 1)],
    }
    if "lines" in wanted:
        wanted = wanted | {"lines": lines[wanted["lines"]]}

    with pytest.raises(Invalid, match=field):
        refund(order, **wanted)


def test_before_its_acceptance_an_order_is_edited_instead(session, place_order, refund):
    order = place_order()
    record_payment(session, order.id, reference="TRF 1")

    with pytest.raises(Refused, match="wrong_status"):
        refund(order, amount_minor=1)

    assert order.actions["refund"].reason == "wrong_status"


def test_when_all_was_given_back_nothing_is_left(deliver, refund):
    order = deliver()
    refund(order, everything=True, restock=False)

    with pytest.raises(Refused, match="nothing_left"):
        refund(order, amount_minor=1)

    assert order.actions["refund"].reason == "nothing_left"


def test_after_an_amount_the_rest_is_what_the_bill_still_comes_to(deliver, refund):
    order = deliver(lines=[("TEA-250", 1), ("BOOK-1", 1)], delivery_groups=SHIPPED)
    first = refund(order, amount_minor=333)

    line = refund(order, lines=[of(order.lines[0], 1)], restock=False)
    rest = refund(order, everything=True, restock=False)

    assert sum(made.amount_minor for made in (first, line, rest)) == order.total_minor
    assert order.refund_pending_minor == order.received_minor


def test_net_prices_are_refunded_with_their_tax(session, deliver, refund):
    order = deliver(market="eu")
    assert session.get(Market, "eu").tax_mode == "net"

    made = refund(order, lines=[of(order.lines[0], 1)], restock=False)

    assert (made.amount_minor, made.parts[0].net_minor, made.parts[0].tax_minor) == (540, 450, 90)


def test_a_discount_on_the_order_lessens_what_its_units_give_back(deliver, refund):
    order = deliver(discounts=[{"name": "SPRING", "amount_minor": 90}])

    made = refund(order, lines=[of(order.lines[0], 1)], restock=False)

    assert made.amount_minor == 405


def test_a_withdrawn_refund_leaves_the_bill_as_it_was(session, accept_paid, refund, published):
    order = accept_paid()
    made = refund(order, amount_minor=100)

    withdraw_refund(session, order.id, made.id, reason="wrong order")

    assert (order.balance.owed_minor, order.refund_pending_minor, order.payment_state) == (900, 0, "paid")
    assert len(published("order.updated")) == 1
    for act in (settle_refund, withdraw_refund):
        with pytest.raises(Refused, match="withdrawn"):
            act(session, order.id, made.id, **{"reference" if act is settle_refund else "reason": "x"})
    assert refund(order, amount_minor=900).amount_minor == 900


def test_a_settled_refund_stays_settled(session, accept_paid, refund):
    order = accept_paid()
    made = refund(order, amount_minor=100)
    settle_refund(session, order.id, made.id, reference="BACK 1")

    with pytest.raises(Refused, match="already_settled"):
        settle_refund(session, order.id, made.id, reference="BACK 2")
    with pytest.raises(Refused, match="already_settled"):
        withdraw_refund(session, order.id, made.id, reason="oh")
    with pytest.raises(NotFound):
        settle_refund(session, order.id, new_id(), reference="BACK 2")


def test_what_was_credited_before_a_cancellation_is_not_credited_again(session, accept_paid, refund):
    order = accept_paid()
    refund(order, amount_minor=100)

    cancel_order(session, order.id, reason="ordered twice")
    order = stored(session, order.id)

    assert order.status == "cancelling"
    assert order.cancelled_minor + order.credited_minor <= order.total_minor


@pytest.mark.requirement("F-16")
def test_an_order_made_dearer_while_its_overpayment_goes_back_waits_for_the_difference(
    session, place_order, refund
):
    order = place_order()
    record_payment(session, order.id, amount_minor=1800, reference="TRF 1")
    back = refund(order, overpayment=True)
    line = {"line_id": order.lines[0].id, "quantity": 4}
    edit_order(session, order.id, reason="two more", lines=[line])

    assert (order.payment_state, order.balance.outstanding_minor) == ("partly_paid", 900)
    with pytest.raises(Refused, match="payment_not_recorded"):
        accept_order(session, order.id)
    record_payment(session, order.id, reference="TRF 2")
    settle_refund(session, order.id, back.id, reference="BACK 1")
    accept_order(session, order.id)

    assert (order.balance.net_minor, order.balance.owed_minor) == (1800, 1800)


def test_a_refund_withdrawn_after_its_order_was_cancelled_is_money_paid_too_much(
    session, accept_paid, refund, hear_shipments
):
    order = accept_paid()
    made = refund(order, amount_minor=100)
    cancel_order(session, order.id, reason="ordered twice")
    hear_shipments(order, cancellation=answer(order, done=True))
    assert [one.amount_minor for one in order.refunds] == [100, 800]

    withdraw_refund(session, order.id, made.id, reason="wrong account")

    assert (order.status, order.balance.owed_minor, order.balance.excess_minor) == ("cancelled", 0, 100)
    assert refund(order, overpayment=True).amount_minor == 100


@pytest.mark.requirement("F-17")
def test_a_voided_payment_counts_no_more_and_stays_in_the_ledger(session, place_order, published):
    order = place_order()
    wrong = record_payment(session, order.id, amount_minor=900, reference="TRF 1")

    void_payment(session, order.id, wrong.id, reason="another order's")

    assert (order.received_minor, order.payment_state, order.covered_at) == (0, "unpaid", None)
    [told] = published("payment.voided")
    assert (told["payment_id"], told["reason"]) == (str(wrong.id), "another order's")
    with pytest.raises(Refused, match="already_voided"):
        void_payment(session, order.id, wrong.id, reason="again")
    with pytest.raises(NotFound):
        void_payment(session, order.id, new_id(), reason="whose?")


@pytest.mark.requirement("P-05")
def test_a_payment_is_not_voided_below_what_goes_back(session, accept_paid, refund):
    order = accept_paid()
    more = record_payment(session, order.id, amount_minor=300, reference="TRF 2")
    refund(order, amount_minor=500)

    void_payment(session, order.id, more.id, reason="bounced")

    [first] = [payment for payment in order_payments(session, order) if payment.voided_at is None]
    with pytest.raises(Refused, match="refunded"):
        void_payment(session, order.id, first.id, reason="bounced too")


def test_what_the_gateway_received_is_not_voided_by_hand(session, place_order):
    order = place_order(method="online")
    payment = record_gateway_payment(
        session, order_id=order.id, amount_minor=900, currency="GBP", reference="pi_1"
    )

    with pytest.raises(Refused, match="not_by_hand"):
        void_payment(session, order.id, payment.id, reason="bounced")


def order_payments(session, order):
    return queries.payments(session, order.id)


STEPS = st.one_of(
    st.tuples(st.just("pay"), st.integers(1, 2000)),
    st.tuples(st.just("void"), st.integers(0, 5)),
    st.tuples(st.just("amount"), st.integers(1, 2500)),
    st.tuples(st.just("units"), st.integers(1, 3)),
    st.tuples(st.just("shipping"), st.integers(1, 600)),
    st.tuples(st.just("everything"), st.none()),
    st.tuples(st.just("overpayment"), st.none()),
    st.tuples(st.just("settle"), st.integers(0, 5)),
    st.tuples(st.just("withdraw"), st.integers(0, 5)),
)


@pytest.mark.requirement("P-05", "F-16")
@settings(max_examples=40)
@given(steps=st.lists(STEPS, max_size=14))
def test_whatever_is_done_no_more_goes_back_than_came_and_nothing_that_is_owed(session, place_order, steps):
    order = place_order(
        lines=[("TEA-250", 2), ("BOOK-1", 1)], method="cash_on_delivery", delivery_groups=SHIPPED
    )
    accept_order(session, order.id)
    for verb, value in steps:
        before = order.balance
        try:
            act(session, order, verb, value)
        except (Refused, IndexError):
            continue
        after = order.balance
        going = after.refunded_minor + after.refund_pending_minor
        assert 0 <= going <= after.received_minor
        assert 0 <= after.credited_minor <= after.total_minor
        assert sum(part.gross_minor for part in order.refunded_parts) == after.credited_minor
        # What was covered stays covered, unless money turned out not to have come or a debt came back.
        if verb not in {"void", "withdraw"}:
            assert after.balance_minor >= min(0, before.balance_minor)


def act(session, order, verb, value):
    match verb:
        case "pay":
            record_payment(session, order.id, amount_minor=value, reference="TILL")
        case "void":
            void_payment(session, order.id, order_payments(session, order)[value].id, reason="bounced")
        case "settle":
            settle_refund(session, order.id, order.refunds[value].id, reference="BACK")
        case "withdraw":
            withdraw_refund(session, order.id, order.refunds[value].id, reason="oh")
        case "units":
            lines = [{"line_id": order.lines[0].id, "quantity": value}]
            request_refund(session, order.id, reason="r", lines=lines, restock=False)
        case "everything":
            request_refund(session, order.id, reason="r", everything=True, restock=False)
        case "overpayment":
            request_refund(session, order.id, reason="r", overpayment=True)
        case "amount" | "shipping":
            request_refund(session, order.id, reason="r", **{f"{verb}_minor": value})


@pytest.mark.requirement("S4-19", "S0-15")
def test_the_ledger_shows_who_when_and_how_much_of_all_money(client, bearer, session, place_order):
    order = place_order(method="cash_on_delivery")
    address = f"/v1/orders/{order.id}"
    accept_order(session, order.id)
    steps = [
        ("/payments", {"amount_minor": 700, "reference": "TILL 1"}),
        ("/payments", {"amount_minor": 700, "reference": "TILL 1"}),
        ("/refunds", {"reason": "chipped", "amount_minor": 300}),
    ]

    made = [
        client.post(address + path, json=body, headers=bearer(subject=f"clerk-{place}"))
        for place, (path, body) in enumerate(steps)
    ]
    void = {"reason": "recorded twice"}
    client.post(f"{address}/payments/{made[0].json['payment_id']}/void", json=void, headers=bearer())
    listed = client.get(f"{address}/transactions", headers=bearer()).json

    *recorded, awaited = listed["items"]
    assert [(one["kind"], one["state"], one["amount_minor"], one["by"]) for one in recorded] == [
        ("payment", "voided", 700, "clerk-0"),
        ("payment", "recorded", 700, "clerk-1"),
        ("refund", "requested", 300, "clerk-2"),
    ]
    assert all(one["at"] for one in recorded)
    # Of the 700 that came 300 go back, and 600 are owed.
    assert (awaited["state"], awaited["amount_minor"]) == ("pending", 200)


@pytest.mark.requirement("S4-16")
def test_what_is_awaited_stands_last_in_the_ledger_until_it_came(client, bearer, session, place_order):
    order = place_order(method="cash_on_delivery")
    before = client.get(f"/v1/orders/{order.id}/transactions", headers=bearer()).json["items"]
    record_payment(session, order.id, reference="TILL 1")
    after = client.get(f"/v1/orders/{order.id}/transactions", headers=bearer()).json["items"]

    [awaited] = before
    assert (awaited["state"], awaited["method"], awaited["amount_minor"]) == (
        "pending",
        "cash_on_delivery",
        900,
    )
    assert [one["state"] for one in after] == ["recorded"]


@pytest.mark.requirement("P-36")
def test_who_may_pick_may_not_refund_and_the_try_is_logged(client, bearer, accept_paid, caplog):
    order = accept_paid()

    answer = client.post(
        f"/v1/orders/{order.id}/refunds",
        json={"reason": "mine", "amount_minor": 1},
        headers=bearer(scopes=["orders:read", "shipping:write"], subject="picker"),
    )

    assert answer.status_code == 403
    assert "refunds:issue" in answer.json["detail"]
    assert order.refunds == []
    [refusal] = [one.msg for one in caplog.records if one.msg["event"] == "access refused"]
    assert (refusal["actor"], refusal["status"]) == ("picker", 403)


@pytest.mark.requirement("M-04")
@pytest.mark.parametrize("wanted", [{"everything": True}, {"units": 1}, {"units": 2}])
def test_what_has_not_left_is_cancelled_and_not_refunded(accept_paid, refund, published, wanted):
    order = accept_paid(lines=[("TEA-250", 2)])
    [tea] = order.lines
    if units := wanted.pop("units", None):
        wanted["lines"] = [of(tea, units)]

    with pytest.raises(Refused, match="not_sent") as refused:
        refund(order, **wanted, restock=False)

    assert refused.value.facts["cancel"] == [{"line_id": tea.id, "quantity": units or 2}]
    assert (order.balance.owed_minor, published("refund.requested")) == (order.total_minor, [])


@pytest.mark.requirement("M-04")
def test_of_what_has_partly_left_no_more_is_refunded_than_left(session, accept_paid, refund, hear_shipments):
    order = accept_paid(lines=[("TEA-250", 3), ("MUG-1", 1)])
    tea, mug = order.lines
    hear_shipments(order, "shipped", lines=[(tea, 2)])

    refund(order, lines=[of(tea, 1)], restock=False)
    with pytest.raises(Refused, match="not_sent") as refused:
        refund(order, everything=True, restock=False)

    cancel = refused.value.facts["cancel"]
    assert cancel == [{"line_id": tea.id, "quantity": 1}, {"line_id": mug.id, "quantity": 1}]
    cancel_order(session, order.id, reason="not wanted", lines=cancel)
    gone = answer(order, done=True)
    hear_shipments(order, "shipped", lines=[(tea, 2)], cancellation=gone)
    assert refund(order, lines=[of(tea, 1)], restock=False).credited_minor == 450


@pytest.mark.requirement("M-04")
def test_what_is_left_of_an_order_whose_other_goods_were_refunded_is_cancelled(
    session, accept_paid, refund, hear_shipments
):
    order = accept_paid(lines=[("TEA-250", 2)])
    [tea] = order.lines
    hear_shipments(order, "delivered", lines=[(tea, 1)])
    refund(order, lines=[of(tea, 1)], restock=False)
    with pytest.raises(Refused, match="not_sent") as refused:
        refund(order, everything=True, restock=False)

    cancel_order(session, order.id, reason="never sent", lines=refused.value.facts["cancel"])
    gone = answer(order, done=True)
    hear_shipments(order, "delivered", lines=[(tea, 1)], cancellation=gone)

    assert (order.status, tea.cancelled_quantity, order.balance.owed_minor) == ("completed", 1, 0)


@pytest.mark.requirement("M-04")
def test_shipping_and_goodwill_are_refunded_whatever_has_left(accept_paid, refund):
    order = accept_paid(delivery_groups=SHIPPED)

    assert refund(order, shipping_minor=100, amount_minor=50).credited_minor == 150


def to_pay(client, headers, query=""):
    answer = client.get(f"/v1/refunds{query}", headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json


@pytest.mark.requirement("P-05")
def test_refunds_of_all_orders_wait_in_one_queue_until_they_are_paid_out(
    client, bearer, session, deliver, refund
):
    first, second = deliver(), deliver()
    for order in (first, second):
        refund(order, amount_minor=100)
    session.commit()

    page = to_pay(client, bearer(), "?limit=1")
    rest = to_pay(client, bearer(), f"?cursor={page['next']}")
    [row] = page["items"]
    assert (row["number"], row["amount_minor"], row["currency"]) == (first.number, 100, "GBP")
    assert (row["customer_name"], row["reason"]) == (first.customer_name, "two were broken")
    assert [one["number"] for one in rest["items"]] == [second.number]
    assert to_pay(client, bearer(), "?method=online")["items"] == []
    assert len(to_pay(client, bearer(), f"?method=online&method={row['method']}")["items"]) == 2

    settle_refund(session, first.id, first.refunds[0].id, reference="TRF 1")
    withdraw_refund(session, second.id, second.refunds[0].id, reason="not broken")
    session.commit()
    assert to_pay(client, bearer())["items"] == []


def test_what_the_gateway_pays_back_waits_for_nobody_until_it_fails(client, bearer, session, place_order):
    order = place_order(method="online")
    record_gateway_payment(session, order_id=order.id, amount_minor=1000, currency="GBP", reference="PAY-1")
    made = request_refund(session, order.id, reason="too much", overpayment=True)
    session.commit()
    assert to_pay(client, bearer())["items"] == []

    leave_to_people(session, order.id, made.id, failure="card closed")
    session.commit()
    [row] = to_pay(client, bearer())["items"]
    assert (row["failure"], row["method"]) == ("card closed", "transfer")


@pytest.mark.parametrize("stranger", [{"sellers": ["dock"]}, {"markets": ["eu"]}], ids=str)
def test_anothers_refunds_are_in_no_queue_of_ones_own(client, bearer, session, deliver, refund, stranger):
    refund(deliver(), amount_minor=100)
    session.commit()

    assert to_pay(client, bearer(**stranger))["items"] == []
    assert client.get("/v1/refunds", headers=bearer(scopes=["shipping:read"])).status_code == 403
