"""Cancelling asks for care, and may be of some units alone."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.orders.commands.orders import accept_order, cancel_order, place_hold
from services.orders.commands.payments import record_payment
from services.orders.commands.refunds import request_refund
from shared.db import new_id
from shared.errors import Invalid, Refused
from shared.events import codec
from shared.events.snapshots import CancelledLine, OrderStatus
from tests.unit.orders.sample_shop import answer, placing_body, stored


def of(*lines):
    """(line, quantity) as they are asked for."""
    return [{"line_id": line.id, "quantity": quantity} for line, quantity in lines]


@pytest.fixture
def accepted(session, place_order):
    order = place_order(lines=[("TEA-250", 3), ("MUG-1", 1)])
    record_payment(session, order.id, reference="TRF 1")
    return accept_order(session, order.id)


def test_units_of_a_placed_order_go_at_once(session, place_order, published):
    order = place_order(lines=[("TEA-250", 3), ("MUG-1", 1)])
    record_payment(session, order.id, reference="TRF 1")
    tea, mug = order.lines

    cancel_order(session, order.id, reason="too many", lines=of((tea, 2)))

    assert (order.status, tea.cancelled_quantity, mug.cancelled_quantity) == (OrderStatus.PLACED, 2, 0)
    assert (order.cancelled_minor, order.balance.owed_minor, order.wanted_units) == (900, 1650, 2)
    [told], [refund] = published("order.updated"), published("refund.requested")
    assert [line["cancelled_quantity"] for line in told["order"]["lines"]] == [2, 0]
    assert (told["order"]["cancel_reason"], told["order"]["cancel_requested_at"]) == ("", None)
    assert refund["amount_minor"] == 900


def test_of_an_accepted_order_shipping_is_asked_for_them(session, accepted, published):
    tea, _ = accepted.lines

    cancel_order(session, accepted.id, reason="too many", lines=of((tea, 1)))

    assert (accepted.status, tea.cancelled_quantity) == (OrderStatus.CANCELLING, 0)
    [told] = published("order.cancel_requested")
    snapshot = codec.decode("order.cancel_requested", told).order
    assert snapshot.cancel_lines == (CancelledLine(line_id=tea.id, quantity=1),)
    assert snapshot.cancel_requested_at is not None


def test_when_shipping_has_taken_them_out_the_order_goes_on_without_them(
    session, accepted, hear_shipments, published
):
    tea, mug = accepted.lines
    cancel_order(session, accepted.id, reason="too many", lines=of((tea, 1)))

    hear_shipments(
        accepted,
        "released",
        event="shipment.cancelled",
        cancellation=answer(accepted, done=True),
        lines=[(tea, 2), (mug, 1)],
    )

    order = stored(session, accepted.id)
    assert (order.status, order.cancellation.done, order.lines[0].cancelled_quantity) == ("accepted", True, 1)
    assert (order.lifecycle, order.csr_status, order.wanted_units) == ("Open", "In Progress", 3)
    [told], [refund] = published("order.updated"), published("refund.requested")
    assert (told["order"]["cancel_requested_at"], told["order"]["cancel_lines"]) == (None, [])
    assert refund["amount_minor"] == 450
    assert published("order.cancelled") == []


def test_when_they_have_left_it_goes_on_whole(session, accepted, hear_shipments, published):
    tea, _ = accepted.lines
    cancel_order(session, accepted.id, reason="too many", lines=of((tea, 1)))

    hear_shipments(accepted, "shipped", cancellation=answer(accepted, done=False, reason="already_shipped"))

    order = stored(session, accepted.id)
    assert (order.status, order.cancellation.refusal, order.cancelled_minor) == (
        "accepted",
        "already_shipped",
        0,
    )
    assert published("refund.requested") == []
    assert order.actions["cancel_lines"].reason == "already_shipped"


def test_what_has_partly_left_can_still_be_cancelled_in_part(session, accepted, hear_shipments):
    tea, mug = accepted.lines
    hear_shipments(accepted, "shipped", lines=[(tea, 3)])

    assert (accepted.actions["cancel"].reason, accepted.actions["cancel_lines"]) == ("already_shipped", None)
    cancel_order(session, accepted.id, reason="broken", lines=of((mug, 1)))

    assert accepted.status is OrderStatus.CANCELLING


def test_the_rest_delivered_the_order_completes(session, accepted, hear_shipments):
    tea, mug = accepted.lines
    hear_shipments(accepted, "delivered", lines=[(tea, 3)])
    cancel_order(session, accepted.id, reason="broken", lines=of((mug, 1)))

    hear_shipments(accepted, "delivered", lines=[(tea, 3)], cancellation=answer(accepted, done=True))

    assert stored(session, accepted.id).status is OrderStatus.COMPLETED


def test_what_came_back_undelivered_completes_it_once_it_was_refunded(session, accepted, hear_shipments):
    tea, mug = accepted.lines
    hear_shipments(accepted, "returned", lines=[(tea, 3), (mug, 1)])
    assert stored(session, accepted.id).status is OrderStatus.ACCEPTED

    request_refund(session, accepted.id, reason="never arrived", everything=True, restock=False)

    order = stored(session, accepted.id)
    assert (order.status, order.lifecycle) == ("completed", "Returned")


def test_naming_all_that_is_left_is_naming_the_order(session, place_order, published):
    order = place_order(lines=[("TEA-250", 3), ("MUG-1", 1)])
    tea, mug = order.lines
    cancel_order(session, order.id, reason="too many", lines=of((tea, 2)))

    cancel_order(session, order.id, reason="all of it", lines=of((tea, 1), (mug, 1)))

    assert (order.status, order.cancelled_minor) == (OrderStatus.CANCELLED, order.total_minor)
    assert len(published("order.cancelled")) == 1


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (lambda tea: [(tea, 4)], "more_than_left"),
        (lambda tea: [(tea, 1), (tea, 1)], "is named twice"),
    ],
)
def test_no_more_than_there_is_can_be_cancelled(session, place_order, wanted, expected):
    order = place_order(lines=[("TEA-250", 3), ("MUG-1", 1)])

    with pytest.raises((Refused, Invalid), match=expected):
        cancel_order(session, order.id, reason="x", lines=of(*wanted(order.lines[0])))


def test_a_line_of_another_order_is_none_of_this(session, place_order):
    with pytest.raises(Invalid, match="no such line"):
        cancel_order(session, place_order().id, reason="x", lines=[{"line_id": new_id(), "quantity": 1}])


def test_a_held_order_gives_up_no_lines(session, accepted):
    place_hold(session, accepted.id, "suspicious")

    with pytest.raises(Refused, match="on_hold"):
        cancel_order(session, accepted.id, reason="x", lines=of((accepted.lines[0], 1)))


@settings(max_examples=30)
@given(
    st.lists(st.tuples(st.sampled_from(["cancel", "refund"]), st.integers(1, 3)), max_size=6),
    st.integers(1, 500),
    st.integers(0, 400),
)
def test_however_an_order_is_taken_apart_its_parts_sum_to_its_total(
    session, place_order, hear_shipments, steps, price, discount
):
    order = place_order(
        lines=[("TEA-250", 7, price), ("MUG-1", 1, 100)],
        discounts=[{"name": "Spring", "amount_minor": min(discount, 7 * price)}] if discount else [],
    )
    record_payment(session, order.id, amount_minor=order.total_minor or 1, reference="TRF 1")
    accept_order(session, order.id)
    tea, mug = order.lines
    hear_shipments(order, "delivered", lines=[(tea, 4)])
    for what, quantity in steps:
        try:
            if what == "refund":
                lines = [{"line_id": tea.id, "quantity": quantity}]
                request_refund(session, order.id, reason="chipped", lines=lines, restock=False)
            else:
                cancel_order(session, order.id, reason="x", lines=of((tea, quantity)))
                gone = answer(order, done=True)
                hear_shipments(order, "delivered", lines=[(tea, 4)], cancellation=gone)
        except Refused as refused:
            if refused.reason not in {"more_than_left", "nothing_left", "not_sent", "wrong_status"}:
                raise
    session.flush()

    assert order.cancelled_minor + order.credited_minor <= order.total_minor
    assert order.balance.excess_minor == 0
    rest = [(line, line.quantity - line.cancelled_quantity) for line in (tea, mug)]
    hear_shipments(order, "delivered", lines=[(line, left) for line, left in rest if left])
    if order.balance.owed_minor:
        request_refund(session, order.id, reason="rest", everything=True, restock=False)
    assert order.balance.owed_minor == 0
    assert order.refund_pending_minor + order.refunded_minor == order.received_minor


def test_lines_are_cancelled_over_the_api(client, bearer):
    order = client.post("/v1/orders", json=placing_body(), headers=bearer()).json
    line = {"line_id": order["lines"][0]["line_id"], "quantity": 1}
    body = {"reason": "too many", "confirm": True, "lines": [line]}

    cancelled = client.post(f"/v1/orders/{order['order_id']}/cancel", json=body, headers=bearer())

    assert (cancelled.json["status"], cancelled.json["cancellation"]["lines"]) == ("placed", [line])
    assert cancelled.json["lines"][0]["cancelled_quantity"] == 1
    assert cancelled.json["payment"]["owed_minor"] == order["totals"]["total_minor"] - 450
