"""Exchanges: another order in place of what comes back; its due is the difference."""

import pytest

from services.orders.commands.exchanges import exchange_return
from services.orders.commands.orders import accept_order, cancel_order, place_hold, refuse_order, release_hold
from services.orders.commands.payments import record_payment, void_payment
from services.orders.commands.refunds import request_refund, settle_refund
from services.orders.commands.returns import (
    approve_return,
    dismiss_return,
    refund_return,
    request_return,
    withdraw_return,
)
from services.orders.jobs import expire_return
from services.orders.queries import payments
from shared.errors import Refused
from shared.events import codec
from shared.events.snapshots import PaymentMethod, ReturnReason
from tests.unit.orders.sample_shop import HOME, came, stored


@pytest.fixture
def approve(session):
    def approve(order, quantity=1):
        lines = [{"line_id": order.lines[0].id, "quantity": quantity}]
        asked = request_return(session, order.id, reason=ReturnReason.WRONG_ITEM, lines=lines)
        return approve_return(session, order.id, asked.id)

    return approve


@pytest.fixture
def receive(hear_shipments):
    def receive(order, one, **how):
        hear_shipments(order, "delivered", event="return.received", returns=[came(one, **how)])

    return receive


@pytest.fixture
def exchange(session):
    def exchange(order, one, sku="TEA-250", quantity=1, **more):
        return exchange_return(session, order.id, one.id, lines=[{"sku": sku, "quantity": quantity}], **more)

    return exchange


@pytest.mark.requirement("P-04", "S1-08")
def test_the_same_again_costs_nothing_and_is_linked(session, deliver, approve, receive, exchange, published):
    order = deliver()
    one = approve(order)
    receive(order, one)

    successor = exchange(order, one)

    assert (successor.exchange_of, one.exchange_order_id) == (order.id, successor.id)
    assert (successor.payment_state, successor.balance.outstanding_minor) == ("paid", 0)
    [payment] = payments(session, successor.id)
    assert (payment.method, payment.amount_minor, payment.reference) == ("exchange", 450, order.number)
    [refund] = order.refunds
    assert (refund.state, refund.method, refund.reference) == ("settled", "exchange", successor.number)
    assert (one.status, one.close_reason) == ("closed", "done")
    assert (order.balance.owed_minor, order.refunded_minor, order.refund_pending_minor) == (450, 450, 0)
    told = codec.decode("return.closed", published("return.closed")[0]).order
    assert told.returns[0].exchange_order_id == successor.id
    assert codec.decode("payment.recorded", published("payment.recorded")[-1]).order.exchange_of == order.id


@pytest.mark.requirement("P-04")
def test_of_a_dearer_one_the_difference_is_due(deliver, approve, receive, exchange):
    order = deliver()
    one = approve(order)
    receive(order, one)

    successor = exchange(order, one, "MUG-1")

    assert (successor.payment_state, successor.balance.outstanding_minor) == ("partly_paid", 750)
    assert successor.actions["accept"].reason == "payment_not_recorded"


@pytest.mark.requirement("P-04")
def test_of_a_cheaper_one_the_difference_goes_back(session, deliver, approve, receive, exchange):
    order = deliver(lines=[("MUG-1", 1)])
    one = approve(order)
    receive(order, one)

    successor = exchange(order, one)

    [back] = successor.refunds
    assert (back.amount_minor, back.credited_minor, back.state) == (750, 0, "requested")
    settle_refund(session, successor.id, back.id, reference="BACK 1")
    assert (successor.balance.net_minor, successor.balance.covered) == (450, True)


@pytest.mark.requirement("P-04")
def test_where_the_rule_says_so_it_goes_out_after_the_goods_came(
    session, deliver, approve, receive, exchange, published
):
    order = deliver()
    one = approve(order)

    successor = exchange(order, one)
    [hold] = successor.standing_holds
    assert (hold.reason, successor.received_minor, order.refunds) == ("awaiting_return", 0, [])
    with pytest.raises(Refused, match="on_hold"):
        accept_order(session, successor.id)
    receive(order, one)

    successor = stored(session, successor.id)
    assert (successor.standing_holds, successor.received_minor) == ([], 450)
    assert (one.status, one.close_reason) == ("closed", "done")
    assert len(published("order.held")) == len(published("order.hold_released")) == 1
    accept_order(session, successor.id)


def test_where_the_rule_does_not_it_goes_at_once(session, deliver, approve, receive, exchange, change_market):
    change_market(exchange_after_return=False)
    order = deliver()
    one = approve(order)

    successor = exchange(order, one)
    assert (one.status, successor.standing_holds, successor.received_minor) == ("approved", [], 450)
    receive(order, one)

    assert (one.status, one.close_reason) == ("closed", "done")
    assert stored(session, successor.id).received_minor == 450
    assert len(order.refunds) == 1


def test_only_what_came_pays_for_it(session, deliver, approve, receive, exchange):
    order = deliver(lines=[("TEA-250", 2)])
    one = approve(order, 2)
    successor = exchange(order, one, quantity=2)

    receive(order, one, restocked=1)

    assert stored(session, successor.id).balance.outstanding_minor == 450


@pytest.mark.parametrize("end", ["withdrawn", "expired"])
def test_if_the_goods_never_come_it_is_cancelled(session, deliver, approve, exchange, end):
    order = deliver()
    one = approve(order)
    successor = exchange(order, one)

    if end == "withdrawn":
        withdraw_return(session, order.id, one.id)
    else:
        expire_return(None, {"order_id": str(order.id), "return_id": str(one.id)})(session)

    successor = stored(session, successor.id)
    assert (one.close_reason, successor.status, successor.standing_holds) == (end, "cancelled", [])
    assert order.refunds == []


def test_a_cancelled_successor_leaves_the_goods_to_people(session, deliver, approve, receive, exchange):
    order = deliver()
    one = approve(order)
    successor = exchange(order, one)
    for hold in successor.holds:
        hold.released_at = hold.held_at
    cancel_order(session, successor.id, reason="changed their mind")

    receive(order, one)

    assert (one.status, order.refunds) == ("received", [])
    refund_return(session, order.id, one.id)
    assert order.refunds[0].amount_minor == 450


def test_a_successor_that_was_refused_leaves_the_goods_to_people_too(
    session, deliver, approve, receive, exchange
):
    order = deliver()
    one = approve(order)
    successor = exchange(order, one)
    release_hold(session, successor.id, successor.holds[0].id)
    refuse_order(session, successor.id, reason="no longer made")

    receive(order, one)

    assert (one.status, order.refunds) == ("received", [])
    refund_return(session, order.id, one.id)
    assert order.refunds[0].amount_minor == 450


@pytest.mark.requirement("S3-22")
@pytest.mark.parametrize("end", ["withdrawn", "expired"])
def test_a_successor_that_somebody_holds_is_left_standing_when_the_goods_never_come(
    session, deliver, approve, exchange, end
):
    order = deliver()
    one = approve(order)
    successor = exchange(order, one)
    place_hold(session, successor.id, "suspicious")

    if end == "withdrawn":
        withdraw_return(session, order.id, one.id)
    else:
        expire_return(None, {"order_id": str(order.id), "return_id": str(one.id)})(session)

    successor = stored(session, successor.id)
    assert (one.close_reason, successor.status) == (end, "placed")
    assert {hold.reason for hold in successor.standing_holds} == {"awaiting_return", "suspicious"}


def test_goods_of_which_nothing_is_left_to_pay_with_are_received_all_the_same(
    session, deliver, approve, receive, exchange
):
    order = deliver()
    one = approve(order)
    successor = exchange(order, one)
    request_refund(session, order.id, reason="goodwill", everything=True, restock=False)

    receive(order, one)

    assert (one.status, one.lines[0].received_quantity) == ("received", 1)
    successor = stored(session, successor.id)
    assert (successor.received_minor, len(successor.standing_holds)) == (0, 1)


FREE = [
    {"lines": [("TEA-250", 1, 0), ("MUG-1", 1)]},
    {
        "lines": [("TEA-250", 1)],
        "discounts": [{"name": "Gift", "amount_minor": 450}],
        "delivery_groups": [{"method": "delivery", "shipping_minor": 500, "address": HOME}],
    },
]


@pytest.mark.requirement("M-09")
@pytest.mark.parametrize("wanted", FREE, ids=["a free line", "all of it discounted"])
@pytest.mark.parametrize("at_once", [True, False])
def test_goods_that_cost_nothing_are_exchanged_all_the_same(
    session, deliver, approve, receive, exchange, wanted, at_once
):
    order = deliver(**wanted)
    one = approve(order)
    if at_once:
        receive(order, one)
    successor = exchange(order, one)
    if not at_once:
        assert [hold.reason for hold in stored(session, successor.id).standing_holds] == ["awaiting_return"]
        receive(order, one)

    successor = stored(session, successor.id)
    assert (one.status, one.close_reason) == ("closed", "done")
    assert successor.standing_holds == []
    assert (successor.received_minor, successor.balance.outstanding_minor) == (0, 450)
    assert order.refunds == []


def test_goods_that_are_dismissed_call_off_what_waits_for_them(session, deliver, approve, receive, exchange):
    order = deliver()
    one = approve(order)
    successor = exchange(order, one)
    request_refund(session, order.id, reason="goodwill", everything=True, restock=False)
    receive(order, one)

    dismiss_return(session, order.id, one.id, reason="paid back before")

    assert (one.close_reason, stored(session, successor.id).status) == ("dismissed", "cancelled")


def test_a_return_is_exchanged_once_and_not_after_a_refund(session, deliver, approve, receive, exchange):
    order = deliver(lines=[("TEA-250", 2)])
    first, second = approve(order), approve(order)
    exchange(order, first)
    receive(order, second)
    refund_return(session, order.id, second.id)

    with pytest.raises(Refused, match="already_exchanged"):
        exchange(order, first)
    with pytest.raises(Refused, match="wrong_status"):
        exchange(order, second)
    with pytest.raises(Refused, match="already_exchanged"):
        refund_return(session, order.id, first.id, reason="and money too")


@pytest.mark.requirement("P-04")
def test_goods_that_paid_for_an_order_that_was_then_cancelled_are_not_refunded_too(
    session, deliver, approve, exchange, change_market
):
    change_market(exchange_after_return=False)
    order = deliver(lines=[("TEA-250", 2)])
    one = approve(order)
    successor = exchange(order, one)
    cancel_order(session, successor.id, reason="changed their mind")
    assert [refund.amount_minor for refund in successor.refunds] == [450]

    with pytest.raises(Refused, match="already_refunded"):
        refund_return(session, order.id, one.id, reason="and money too")

    assert one.actions["refund"].reason == "already_refunded"


def test_goods_that_paid_are_no_payment_anybody_takes_back(session, deliver, approve, receive, exchange):
    order = deliver()
    one = approve(order)
    receive(order, one)
    successor = exchange(order, one)

    with pytest.raises(Refused, match="not_by_hand"):
        void_payment(session, successor.id, payments(session, successor.id)[0].id, reason="oh")


def test_of_goods_that_were_never_paid_all_of_the_new_is_due(
    session, place_order, hear_shipments, approve, receive, exchange
):
    order = place_order(method="cash_on_delivery")
    accept_order(session, order.id)
    hear_shipments(order, "delivered")
    one = approve(order, 2)
    receive(order, one)

    successor = exchange(order, one, quantity=2)

    assert (order.balance.outstanding_minor, order.status) == (0, "completed")
    assert successor.balance.outstanding_minor == 900
    record_payment(session, successor.id, reference="TILL 1")


def test_an_exchange_over_the_api_heeds_the_version_that_was_decided_on(
    client, bearer, session, deliver, approve
):
    order = deliver()
    one = approve(order)
    address = f"/v1/orders/{order.id}/returns/{one.id}"
    body = {"lines": [{"sku": "MUG-1", "quantity": 1}], "payment_method": "card_on_phone"}

    stale = client.post(f"{address}/exchange", json=body, headers=bearer() | {"If-Match": '"1"'})
    version = stored(session, order.id).version
    made = client.post(f"{address}/exchange", json=body, headers=bearer() | {"If-Match": f'"{version}"'})
    version = stored(session, order.id).version
    withdrawn = client.post(f"{address}/withdraw", headers=bearer() | {"If-Match": f'"{version}"'})
    after = client.get(made.headers["Location"], headers=bearer())

    assert (stale.status_code, made.status_code, withdrawn.status_code) == (412, 201, 200)
    assert made.json["exchange_of"] == str(order.id)
    assert made.json["payment"]["method"] == PaymentMethod.CARD_ON_PHONE
    assert after.json["status"] == "cancelled"


@pytest.mark.parametrize("body", [{"method": "exchange", "reference": "x"}])
def test_nobody_pays_by_exchange_by_hand(client, bearer, place_order, body):
    order = place_order()

    answer = client.post(f"/v1/orders/{order.id}/payments", json=body, headers=bearer())

    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "method")
