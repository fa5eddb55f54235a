"""Shipments are what their order calls for, however often and in whatever order shipping hears of it."""

from dataclasses import replace

import pytest
from sqlalchemy import text

from services.shipping.commands.master_data import put_location
from services.shipping.commands.shipments import cancel_shipment
from services.shipping.commands.stock import set_stock
from services.shipping.consumers import forget_person
from services.shipping.models import OrderState
from shared import clock
from shared.db import new_id
from shared.events.snapshots import Hold, People, ShipmentStatus
from tests.unit.shipping.steps import (
    HOME,
    accepted,
    advance,
    cancelling,
    hear,
    later,
    level,
    make_line,
    make_order,
    stock,
    told,
)

S = ShipmentStatus


def test_a_placed_order_gets_a_shipment_with_stock_for_each_of_its_groups(session, published):
    stock(session, "TEA-250", 10)
    stock(session, "POT-1", 1)
    order = make_order([("TEA-250", 3)], [("POT-1", 1), ("TEA-250", 1)])

    first, second = hear(session, order)

    assert (first.number, first.status, first.location) == ("GB-7-1", S.INVENTORY_ASSIGNED, "WEST")
    assert (second.number, [line.sku for line in second.lines]) == ("GB-7-2", ["POT-1", "TEA-250"])
    assert level(session, "TEA-250") == (10, 4)
    assert told(session, order.order_id) == ["shipment.created", "shipment.inventory_assigned"] * 2
    [event, _] = published("shipment.inventory_assigned")
    assert [one["status"] for one in event["shipments"]["shipments"]] == ["inventory_assigned"] * 2
    assert event["shipments"]["people"]["delivery"][str(first.group_id)]["name"] == HOME.name


@pytest.mark.requirement("S3-28")
def test_a_shipment_with_one_line_above_stock_awaits_inventory_and_holds_nothing(session):
    stock(session, "TEA-250", 10)
    stock(session, "POT-1", 1)

    [shipment] = hear(session, order := make_order([("TEA-250", 2), ("POT-1", 2)]))

    assert (shipment.status, shipment.location) == (S.AWAITING_INVENTORY, None)
    assert level(session, "TEA-250") == (10, 0)
    assert told(session, order.order_id) == ["shipment.created", "shipment.awaiting_inventory"]


@pytest.mark.requirement("S3-29")
def test_a_quantity_equal_to_stock_is_covered(session):
    stock(session, "TEA-250", 2)

    [shipment] = hear(session, make_order([("TEA-250", 2)]))

    assert shipment.status is S.INVENTORY_ASSIGNED
    assert level(session, "TEA-250") == (2, 2)


@pytest.mark.requirement("F-11")
def test_two_lines_sharing_a_sku_are_counted_together(session):
    stock(session, "TEA-250", 3)

    [shipment] = hear(session, make_order([("TEA-250", 2), ("TEA-250", 2)]))

    assert shipment.status is S.AWAITING_INVENTORY
    assert level(session, "TEA-250") == (3, 0)


def test_two_groups_sharing_a_sku_never_get_the_same_unit(session):
    stock(session, "TEA-250", 3)

    shipments = hear(session, make_order([("TEA-250", 2)], [("TEA-250", 2)]))

    assert [one.status for one in shipments] == [S.INVENTORY_ASSIGNED, S.AWAITING_INVENTORY]
    assert level(session, "TEA-250") == (3, 2)


def test_stock_reserves_units_not_sales_units(session):
    stock(session, "TEA-250", 13)

    [shipment] = hear(session, make_order([("TEA-250", 2, 6)]))

    assert (shipment.lines[0].quantity, shipment.lines[0].units) == (2, 12)
    assert level(session, "TEA-250") == (13, 12)


def test_the_first_location_that_covers_the_whole_shipment_is_chosen(session):
    stock(session, "TEA-250", 10, "WEST")
    stock(session, "TEA-250", 10, "EAST")
    stock(session, "POT-1", 1, "EAST")

    [shipment] = hear(session, make_order([("TEA-250", 2), ("POT-1", 1)]))

    assert shipment.location == "EAST"
    assert level(session, "TEA-250", "WEST") == (10, 0)


def test_a_location_of_another_seller_serves_nobody_else(session):
    for code, seller, sku in (("THEIRS", "rival", "TEA-250"), ("OURS", "lantern", "POT-1")):
        put_location(session, code, name=code, seller=seller, country="GB", priority=0)
        set_stock(session, code, sku, on_hand=5, reason="opening count")

    [theirs] = hear(session, make_order([("TEA-250", 2)]))
    [ours] = hear(session, make_order([("POT-1", 2)]))

    assert theirs.status is S.AWAITING_INVENTORY
    assert ours.location == "OURS"


@pytest.mark.requirement("F-08")
def test_the_same_snapshot_again_changes_and_tells_nothing(session):
    stock(session, "TEA-250", 5)
    order = make_order([("TEA-250", 2)], [("POT-1", 1)])
    hear(session, order)
    before = told(session, order.order_id)

    for _ in range(3):
        hear(session, order)

    assert told(session, order.order_id) == before
    assert level(session, "TEA-250") == (5, 2)


@pytest.mark.requirement("F-08")
def test_an_older_snapshot_changes_and_tells_nothing(session):
    stock(session, "TEA-250", 5)
    placed = make_order([("TEA-250", 2)])
    fewer = later(placed, lines=(replace(placed.lines[0], quantity=1),))
    promised = accepted(fewer)
    hear(session, placed)
    hear(session, fewer)
    [shipment] = hear(session, promised)
    advance(session, shipment, "release", "pick")
    before = told(session, placed.order_id)

    for stale in (placed, fewer, placed):
        [shipment] = hear(session, stale)

    assert shipment.status is S.PACKING
    assert shipment.parcels[0].tracking_number
    assert told(session, placed.order_id) == before
    assert level(session, "TEA-250") == (5, 1)
    assert session.get(OrderState, placed.order_id).order_status == "accepted"


def test_the_beginning_may_be_heard_last(session):
    stock(session, "TEA-250", 5)
    placed = make_order([("TEA-250", 2)])
    promised = accepted(placed)

    hear(session, promised)
    [shipment] = hear(session, placed)
    advance(session, shipment, "release")

    assert shipment.status is S.RELEASED
    assert told(session, placed.order_id).count("shipment.created") == 1


def test_a_cancelled_order_heard_first_never_gets_a_shipment(session):
    stock(session, "TEA-250", 5)
    placed = make_order([("TEA-250", 2)])

    hear(session, later(placed, status="cancelled", cancelled_at=clock.now()))
    shipments = hear(session, placed)

    assert shipments == []
    assert told(session, placed.order_id) == []
    assert level(session, "TEA-250") == (5, 0)


@pytest.mark.parametrize("status", ["cancelled", "refused", "failed"])
def test_an_order_that_ended_gives_its_stock_back(session, published, status):
    stock(session, "TEA-250", 5)
    order = make_order([("TEA-250", 2)], [("TEA-250", 9)])
    hear(session, order)

    shipments = hear(session, later(order, status=status))
    hear(session, later(order, status=status))

    assert [one.status for one in shipments] == [S.CANCELLED] * 2
    assert level(session, "TEA-250") == (5, 0)
    [event] = published("shipment.cancelled")
    assert event["reason"] == f"order_{status}"
    assert event["shipment_ids"] == [str(one.id) for one in shipments]


def test_an_edited_order_is_replanned(session, published):
    stock(session, "TEA-250", 5)
    order = make_order([("TEA-250", 2)])
    hear(session, order)
    more = later(order, lines=(*order.lines, make_line(order.lines[0].group_id, "TEA-250", 2)))

    [shipment] = hear(session, more)

    assert level(session, "TEA-250") == (5, 4)
    assert [line.units for line in shipment.lines] == [2, 2]
    [event] = published("shipment.updated")
    assert [line["units"] for line in event["shipments"]["shipments"][0]["lines"]] == [2, 2]
    assert told(session, order.order_id)[2:] == ["shipment.updated"]


def test_an_edit_that_stock_does_not_cover_makes_it_wait_and_one_that_it_does_ends_that(session):
    stock(session, "TEA-250", 5)
    order = make_order([("TEA-250", 2)])
    hear(session, order)

    too_many = later(order, lines=(replace(order.lines[0], quantity=6),))
    [shipment] = hear(session, too_many)
    assert (shipment.status, level(session, "TEA-250")) == (S.AWAITING_INVENTORY, (5, 0))

    enough = later(too_many, lines=(replace(order.lines[0], quantity=5),))
    [shipment] = hear(session, enough)
    assert (shipment.status, level(session, "TEA-250")) == (S.INVENTORY_ASSIGNED, (5, 5))
    assert told(session, order.order_id)[2:] == [
        "shipment.updated",
        "shipment.awaiting_inventory",
        "shipment.updated",
        "shipment.inventory_assigned",
    ]


def test_a_group_that_goes_takes_its_shipment_with_it_and_may_come_back(session, published):
    stock(session, "TEA-250", 5)
    order = make_order([("TEA-250", 2)], [("TEA-250", 1)])
    hear(session, order)
    [kept, gone] = order.delivery_groups

    without = later(order, delivery_groups=(kept,), lines=order.lines[:1])
    shipments = hear(session, without)
    assert [one.status for one in shipments] == [S.INVENTORY_ASSIGNED, S.CANCELLED]
    assert level(session, "TEA-250") == (5, 2)
    [event] = published("shipment.cancelled")
    assert event["reason"] == "no_longer_ordered"

    shipments = hear(session, later(without, delivery_groups=(kept, gone), lines=order.lines))
    assert [one.number for one in shipments] == ["GB-7-1", "GB-7-2", "GB-7-3"]
    assert level(session, "TEA-250") == (5, 3)


def test_cancelled_quantities_are_not_shipped(session):
    stock(session, "TEA-250", 5)
    order = make_order([("TEA-250", 3), ("POT-1", 1)])
    tea, pot = order.lines
    lines = (replace(tea, cancelled_quantity=1), replace(pot, cancelled_quantity=1))

    [shipment] = hear(session, replace(order, lines=lines))

    assert [(line.sku, line.quantity) for line in shipment.lines] == [("TEA-250", 2)]


def test_the_address_follows_the_order_until_it_is_accepted(session, published):
    stock(session, "TEA-250", 5)
    order = make_order([("TEA-250", 2)])
    [group] = order.delivery_groups

    def moved_to(city):
        return {"people": People(delivery={str(group.group_id): replace(HOME, city=city)})}

    hear(session, order)
    edited = later(order, **moved_to("Leeds"))
    hear(session, edited)
    promised = accepted(edited, **moved_to("York"))  # its order.updated was never heard
    [shipment] = hear(session, promised)
    assert shipment.address["city"] == "York"

    [shipment] = hear(session, later(promised, **moved_to("Bath")))
    assert shipment.address["city"] == "York"
    assert len(published("shipment.updated")) == 2


def test_what_is_released_is_no_longer_replanned_and_more_goes_by_itself(session):
    stock(session, "TEA-250", 5)
    order = accepted(make_order([("TEA-250", 2)]))
    [shipment] = hear(session, order)
    advance(session, shipment, "release")

    _, further = hear(session, later(order, lines=(replace(order.lines[0], quantity=4),)))

    assert [line.quantity for line in shipment.lines + further.lines] == [2, 2]
    assert (shipment.status, further.status) == (S.RELEASED, S.INVENTORY_ASSIGNED)
    assert level(session, "TEA-250") == (5, 4)


def test_a_shipment_cancelled_by_hand_is_not_made_again(session):
    stock(session, "TEA-250", 5)
    order = make_order([("TEA-250", 2)])
    [shipment] = hear(session, order)
    cancel_shipment(session, shipment.id, reason="damaged")
    shipments = hear(session, accepted(order))

    assert [one.status for one in shipments] == [S.CANCELLED]
    assert level(session, "TEA-250") == (5, 0)


def test_what_the_order_is_worth_to_shipping_is_heard_with_any_event(session):
    stock(session, "TEA-250", 5)
    order = accepted(make_order([("TEA-250", 2)]))
    hold = Hold(hold_id=new_id(), reason="verification", owner="ada", held_at=clock.now())

    [shipment] = hear(session, held := later(order, holds=(hold,)))
    assert shipment.actions["release"].reason == "on_hold"

    [shipment] = hear(session, lifted := later(held, holds=()))
    assert shipment.actions["release"] is None

    unpaid = later(lifted, payment=replace(order.payment, covered=False, method="transfer"))
    [shipment] = hear(session, unpaid)
    assert shipment.actions["release"].reason == "payment_not_recorded"

    [shipment] = hear(session, later(unpaid, payment=replace(unpaid.payment, method="cash_on_delivery")))
    assert shipment.actions["release"] is None


def test_an_erased_person_leaves_no_address(session):
    stock(session, "TEA-250", 5)
    order = make_order([("TEA-250", 2)])
    hear(session, order)
    erased = later(order, status="cancelled", people=People(), anonymised_at=clock.now())

    [shipment] = hear(session, erased)
    forget_person(session, erased)

    assert shipment.address is None
    kept = session.execute(text("select payload::text from event_log")).scalars()
    assert not [payload for payload in kept if HOME.line1 in payload]


def test_an_order_to_be_cancelled_before_it_was_planned_gets_its_answer(session, published):
    order = cancelling(make_order([("TEA-250", 2)]))

    assert hear(session, order) == []

    [event] = published("shipment.cancelled")
    assert event["shipment_ids"] == []
    assert event["shipments"]["cancellation"]["done"] is True
