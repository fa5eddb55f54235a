"""cancel_order ends a placed order; of an accepted one it asks shipping, and follows the answer."""

import pytest

from services.orders.commands.orders import accept_order, cancel_order
from services.orders.commands.payments import record_payment
from services.orders.commands.refunds import settle_refund
from services.orders.models import Hold
from shared import clock
from shared.db import new_id
from shared.errors import NotFound, Refused
from shared.events import codec
from shared.events.snapshots import OrderStatus
from tests.unit.orders.sample_shop import answer, stored


@pytest.fixture
def accepted(session, place_order):
    order = place_order(method="transfer")
    record_payment(session, order.id, reference="TRF 1")
    return accept_order(session, order.id)


def test_a_placed_order_is_cancelled_at_once(session, place_order, published):
    order = place_order()

    cancel_order(session, order.id, reason="ordered twice")

    assert order.status is OrderStatus.CANCELLED
    [told] = published("order.cancelled")
    assert (told["reason"], told["order"]["cancel_reason"]) == ("ordered twice", "ordered twice")
    assert told["order"]["cancelled_at"] is not None
    assert [line["cancelled_quantity"] for line in told["order"]["lines"]] == [2]
    assert told["order"]["payment"]["owed_minor"] == 0
    assert published("refund.requested") == []


def test_money_received_is_requested_back(session, place_order, published):
    order = place_order()
    record_payment(session, order.id, amount_minor=300, reference="TRF 1")

    cancel_order(session, order.id, reason="ordered twice")

    [cancelled], [requested] = published("order.cancelled"), published("refund.requested")
    assert (requested["amount_minor"], requested["reason"]) == (300, "ordered twice")
    assert requested["order"]["version"] == cancelled["order"]["version"] + 1
    assert [refund["state"] for refund in requested["order"]["refunds"]] == ["requested"]
    assert order.payment_state == "overpaid"


def test_of_an_accepted_order_shipping_is_asked(session, accepted, published):
    cancel_order(session, accepted.id, reason="changed my mind")

    assert accepted.status is OrderStatus.CANCELLING
    [told] = published("order.cancel_requested")
    snapshot = codec.decode("order.cancel_requested", told).order
    assert snapshot.cancel_requested_at == accepted.cancellation.requested_at
    assert snapshot.cancel_reason == "changed my mind"
    assert published("order.cancelled") == []


def test_it_is_cancelled_when_shipping_has_stopped_the_goods(session, accepted, hear_shipments, published):
    cancel_order(session, accepted.id, reason="changed my mind")

    hear_shipments(
        accepted, "cancelled", event="shipment.cancelled", cancellation=answer(accepted, done=True)
    )

    order = stored(session, accepted.id)
    assert (order.status, order.cancellation.done) == (OrderStatus.CANCELLED, True)
    [told] = published("order.cancelled")
    assert (told["reason"], told["order"]["cancel_requested_at"]) == ("changed my mind", None)
    assert [told["amount_minor"] for told in published("refund.requested")] == [900]


def test_it_goes_on_when_goods_have_left_and_says_why(session, accepted, hear_shipments, published):
    cancel_order(session, accepted.id, reason="changed my mind")

    hear_shipments(
        accepted,
        "shipped",
        event="shipment.cancel_refused",
        cancellation=answer(accepted, done=False, reason="already_shipped"),
    )

    order = stored(session, accepted.id)
    assert order.status is OrderStatus.ACCEPTED
    assert (order.cancellation.done, order.cancellation.refusal) == (False, "already_shipped")
    [told] = published("order.updated")
    assert (told["order"]["status"], told["order"]["cancel_requested_at"]) == ("accepted", None)
    assert order.actions["cancel"].reason == "already_shipped"


def test_the_same_answer_heard_again_changes_nothing(session, accepted, hear_shipments, published):
    cancel_order(session, accepted.id, reason="changed my mind")
    said = answer(accepted, done=True)
    hear_shipments(accepted, "cancelled", event="shipment.cancelled", cancellation=said)
    version = stored(session, accepted.id).version

    hear_shipments(accepted, "cancelled", event="shipment.updated", cancellation=said)

    assert stored(session, accepted.id).version == version
    assert len(published("order.cancelled")) == len(published("refund.requested")) == 1


def test_an_answer_to_an_earlier_request_is_none_to_this_one(session, accepted, hear_shipments):
    cancel_order(session, accepted.id, reason="changed my mind")
    refused = answer(accepted, done=False, reason="already_picked")
    hear_shipments(accepted, "packing", event="shipment.cancel_refused", cancellation=refused)
    cancel_order(session, accepted.id, reason="please")

    hear_shipments(accepted, "packing", cancellation=refused)

    assert stored(session, accepted.id).status is OrderStatus.CANCELLING


def test_once_goods_have_left_it_is_refused_at_once(session, accepted, hear_shipments, published):
    hear_shipments(accepted, "shipped", event="shipment.shipped")

    with pytest.raises(Refused, match="already_shipped"):
        cancel_order(session, accepted.id, reason="changed my mind")

    assert published("order.cancel_requested") == []


def test_a_held_order_cannot_be_cancelled(session, place_order):
    order = place_order()
    session.add(Hold(order_id=order.id, reason="suspicious", owner="tess", held_at=clock.now()))
    session.flush()

    with pytest.raises(Refused, match="on_hold"):
        cancel_order(session, order.id, reason="ordered twice")


def test_a_refund_is_settled_once_with_its_reference(session, place_order, published):
    order = place_order()
    record_payment(session, order.id, reference="TRF 1")
    cancel_order(session, order.id, reason="ordered twice")
    [refund] = order.refunds

    settle_refund(session, order.id, refund.id, reference="BACK 1")

    [told] = published("refund.settled")
    assert (told["refund_id"], told["amount_minor"], told["reference"]) == (str(refund.id), 900, "BACK 1")
    assert (told["order"]["payment"]["state"], told["order"]["payment"]["refunded_minor"]) == (
        "refunded",
        900,
    )
    with pytest.raises(Refused, match="already_settled"):
        settle_refund(session, order.id, refund.id, reference="BACK 2")
    assert len(published("refund.settled")) == 1


def test_a_refund_of_another_order_is_not_there(session, place_order):
    order = place_order()

    with pytest.raises(NotFound, match="refund"):
        settle_refund(session, order.id, new_id(), reference="BACK 1")
