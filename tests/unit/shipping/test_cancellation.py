"""Shipping alone knows whether goods have left: it cancels all open shipments of an order, or none."""

from datetime import datetime

from services.shipping.commands.shipments import ship_shipment
from shared.events.snapshots import ShipmentStatus
from tests.unit.shipping.steps import (
    accepted,
    advance,
    cancelling,
    hear,
    hear_label,
    later,
    level,
    make_order,
    stock,
    told,
)

S = ShipmentStatus


def two_shipments(session):
    stock(session, "TEA-250", 5)
    order = accepted(make_order([("TEA-250", 2)], [("TEA-250", 1)]))
    first, _ = hear(session, order)
    advance(session, first, "release", "pick")
    hear_label(session, first)
    advance(session, first, "pack")
    return order, first


def test_all_are_cancelled_while_none_has_left(session, published):
    order, _ = two_shipments(session)
    asked = cancelling(order)

    shipments = hear(session, asked)

    assert [one.status for one in shipments] == [S.CANCELLED] * 2
    assert level(session, "TEA-250") == (5, 0)
    [event] = published("shipment.cancelled")
    assert event["shipment_ids"] == [str(one.id) for one in shipments]
    answer = event["shipments"]["cancellation"]
    assert (answer["done"], answer["reason"]) == (True, "")
    assert datetime.fromisoformat(answer["requested_at"]) == asked.cancel_requested_at


def test_none_is_cancelled_once_one_has_left(session, published):
    order, first = two_shipments(session)
    ship_shipment(session, first.id)

    shipments = hear(session, cancelling(order))

    assert [one.status for one in shipments] == [S.SHIPPED, S.INVENTORY_ASSIGNED]
    assert level(session, "TEA-250") == (3, 1)
    [event] = published("shipment.cancel_refused")
    assert event["reason"] == "already_shipped"
    assert event["shipments"]["cancellation"]["done"] is False


def test_a_request_is_answered_once(session):
    order, _ = two_shipments(session)
    asked = cancelling(order)
    hear(session, asked)
    before = told(session, order.order_id)

    hear(session, asked)
    hear(session, later(asked))
    hear(session, order)

    assert told(session, order.order_id) == before


def test_a_refused_order_may_be_asked_about_again_and_goes_on_meanwhile(session, published):
    order, first = two_shipments(session)
    ship_shipment(session, first.id)
    asked = cancelling(order)
    hear(session, asked)

    goes_on = later(asked, status="accepted", cancel_requested_at=None)
    _, second = hear(session, goes_on)
    advance(session, second, "release")
    hear(session, cancelling(goes_on))

    assert second.status is S.RELEASED
    assert len(published("shipment.cancel_refused")) == 2


def test_nothing_is_released_while_the_order_is_to_be_cancelled(session):
    order, first = two_shipments(session)
    ship_shipment(session, first.id)

    _, second = hear(session, cancelling(order))

    assert second.actions["release"].reason == "cancel_requested"
