"""Before their release shipments are edited, cut up and put together; units and their state are kept."""

from collections import Counter
from dataclasses import replace

import msgspec
import pytest
from sqlalchemy import select

from services.orders.domain.fulfilment import Fulfilment, fulfilment_of, goods_of
from services.shipping import queries
from services.shipping.commands import regrouping, sourcing
from services.shipping.commands.shipments import cancel_shipment
from services.shipping.models import OrderState, Shipment
from shared.access import actor_of
from shared.db import new_id
from shared.errors import Invalid, NotFound, Refused, Stale
from shared.events import snapshots
from shared.events.snapshots import MethodKind, ShipmentStatus
from tests.unit.shipping.steps import (
    accepted,
    advance,
    hear,
    hear_label,
    later,
    level,
    make_order,
    run_jobs,
    stock,
    told,
)

S = ShipmentStatus


@pytest.fixture
def order():
    return accepted(make_order([("TEA-250", 4), ("POT-1", 1)]))


@pytest.fixture
def shipment(session, order):
    """Four cans of tea and a pot, assigned at WEST, which has five and two; EAST has three cans."""
    stock(session, "TEA-250", 5)
    stock(session, "POT-1", 2)
    stock(session, "TEA-250", 3, "EAST")
    [shipment] = hear(session, order)
    return shipment


def share(shipment, **quantities):
    """Sales units by line, named by SKU."""
    by_sku = {line.sku: line.line_id for line in shipment.lines}
    return {by_sku[sku.replace("_", "-")]: quantity for sku, quantity in quantities.items()}


def carried(order):
    """Sales units by SKU in all shipments of an order that stand, and in none."""
    total = Counter()
    for shipment in order.shipments:
        if shipment.status is not S.CANCELLED:
            total.update({line.sku: line.quantity for line in shipment.lines})
    total.update({line.sku: line.quantity for line in order.unassigned})
    return dict(total)


@pytest.mark.requirement("F-13", "S3-19")
def test_what_is_split_off_keeps_what_it_was_promised(session, shipment, published):
    branch = regrouping.split_shipment(session, shipment.id, share=share(shipment, TEA_250=1))

    assert [(one.status, one.location) for one in (shipment, branch)] == [(S.INVENTORY_ASSIGNED, "WEST")] * 2
    assert [line.quantity for line in shipment.lines] == [3, 1]
    assert [line.quantity for line in branch.lines] == [1]
    assert level(session, "TEA-250") == (5, 4)
    assert carried(shipment.order) == {"TEA-250": 4, "POT-1": 1}
    assert queries.stock_drift(session) == []
    [created] = published("shipment.created")[1:]
    assert created["shipment_id"] == str(branch.id)
    assert len(created["shipments"]["shipments"]) == 2


@pytest.mark.requirement("F-13", "P-17")
def test_of_what_waits_the_part_that_is_in_stock_may_go_ahead_and_the_rest_waits_on(session):
    stock(session, "TEA-250", 2)
    [shipment] = hear(session, accepted(make_order([("TEA-250", 5)])))

    branch = regrouping.split_shipment(session, shipment.id, share=share(shipment, TEA_250=2))

    assert (shipment.status, branch.status) == (S.AWAITING_INVENTORY, S.INVENTORY_ASSIGNED)
    assert level(session, "TEA-250") == (2, 2)
    assert queries.stock_drift(session) == []
    advance(session, branch, "release")


def test_a_split_takes_what_is_there_and_leaves_something(session, shipment):
    whole = share(shipment, TEA_250=4, POT_1=1)

    with pytest.raises(Refused, match="nothing_would_stay"):
        regrouping.split_shipment(session, shipment.id, share=whole)
    for wrong in (share(shipment, TEA_250=5), {new_id(): 1}, {}):
        with pytest.raises(Invalid, match="lines"):
            regrouping.split_shipment(session, shipment.id, share=wrong)


def test_what_was_split_is_put_together_again(session, shipment, published):
    branch = regrouping.split_shipment(session, shipment.id, share=share(shipment, TEA_250=1, POT_1=1))

    regrouping.merge_shipments(session, shipment.id, other_id=branch.id, share=None)

    assert sorted((line.sku, line.quantity, line.units) for line in shipment.lines) == [
        ("POT-1", 1, 1),
        ("TEA-250", 4, 4),
    ]
    assert (branch.status, branch.cancel_reason, branch.lines) == (S.CANCELLED, "merged", [])
    assert (level(session, "TEA-250"), level(session, "POT-1")) == ((5, 4), (2, 1))
    assert queries.stock_drift(session) == []
    [event] = published("shipment.cancelled")
    assert (event["shipment_ids"], event["reason"]) == ([str(branch.id)], "merged")


def test_single_lines_are_moved_between_shipments(session, shipment):
    branch = regrouping.split_shipment(session, shipment.id, share=share(shipment, TEA_250=2))

    regrouping.merge_shipments(
        session, branch.id, other_id=shipment.id, share=share(shipment, TEA_250=1, POT_1=1)
    )

    assert [(line.sku, line.quantity) for line in shipment.lines] == [("TEA-250", 1)]
    assert {line.sku: line.quantity for line in branch.lines} == {"TEA-250": 3, "POT-1": 1}
    assert queries.stock_drift(session) == []


def test_only_what_goes_the_same_way_is_put_together(session, shipment):
    branch = regrouping.split_shipment(session, shipment.id, share=share(shipment, TEA_250=1))
    regrouping.edit_shipment(session, branch.id, method="express")
    stranger = hear(session, accepted(make_order([("TEA-250", 1)], number="GB-8")))[0]

    for other, against in ((branch, "not_alike"), (stranger, "not_alike"), (shipment, "same_shipment")):
        with pytest.raises(Refused, match=against):
            regrouping.merge_shipments(session, shipment.id, other_id=other.id, share=None)


@pytest.mark.requirement("S3-19")
def test_each_shipment_has_its_own_address_and_method_until_its_release(session, shipment, published):
    branch = regrouping.split_shipment(session, shipment.id, share=share(shipment, TEA_250=1))
    new_home = {**shipment.address, "line1": "7 Mill Lane", "city": "Leeds"}

    regrouping.edit_shipment(session, branch.id, address=new_home, method="express")

    assert (shipment.address["city"], branch.address["city"]) == ("Hull", "Leeds")
    assert (shipment.method, branch.method) == ("delivery", "express")
    addresses = published("shipment.updated")[-1]["shipments"]["people"]["delivery"]
    assert addresses[str(shipment.id)]["city"] == "Hull"
    assert addresses[str(branch.id)]["city"] == "Leeds"
    advance(session, branch, "release")
    with pytest.raises(Refused, match="already_released"):
        regrouping.edit_shipment(session, branch.id, method="delivery")


def test_until_its_acceptance_it_is_the_order_that_is_edited(session):
    stock(session, "TEA-250", 5)
    [shipment] = hear(session, make_order([("TEA-250", 1)]))

    with pytest.raises(Refused, match="order_not_accepted"):
        regrouping.edit_shipment(session, shipment.id, method="express")


def test_an_edited_or_split_shipment_stays_so_when_the_order_is_heard_of_again(session, order, shipment):
    branch = regrouping.split_shipment(session, shipment.id, share=share(shipment, TEA_250=1))
    regrouping.edit_shipment(session, branch.id, method="express")
    before = told(session, order.order_id)

    hear(session, later(order))

    assert [one.method for one in shipment.order.shipments] == ["delivery", "express"]
    assert told(session, order.order_id) == before


@pytest.mark.requirement("S1-05")
def test_a_shipment_that_is_to_be_fetched_comes_from_where_it_is_fetched(session, shipment):
    stock(session, "POT-1", 1, "EAST")
    stock(session, "TEA-250", 4, "EAST")

    regrouping.edit_shipment(session, shipment.id, method="pickup", pickup_point="EAST")

    assert (shipment.kind, shipment.location, shipment.status) == (
        MethodKind.PICKUP,
        "EAST",
        S.INVENTORY_ASSIGNED,
    )
    assert (level(session, "TEA-250"), level(session, "TEA-250", "EAST")) == ((5, 0), (4, 4))
    with pytest.raises(NotFound):
        regrouping.edit_shipment(session, shipment.id, pickup_point="NOWHERE")

    regrouping.edit_shipment(session, shipment.id, method="delivery")

    assert (shipment.pickup_point, shipment.location) == (None, "EAST")  # where it is already


def test_who_has_it_brought_says_where_to(session, shipment):
    shipment.address = None

    with pytest.raises(Invalid, match="address"):
        regrouping.edit_shipment(session, shipment.id, method="delivery")


@pytest.mark.requirement("P-15", "S1-04")
def test_staff_move_lines_to_another_location(session, shipment):
    moved = sourcing.relocate_shipment(
        session, shipment.id, location="EAST", share=share(shipment, TEA_250=3)
    )

    assert (moved.location, moved.status) == ("EAST", S.INVENTORY_ASSIGNED)
    assert (shipment.location, [line.quantity for line in shipment.lines]) == ("WEST", [1, 1])
    assert (level(session, "TEA-250"), level(session, "TEA-250", "EAST")) == ((5, 1), (3, 3))
    assert queries.stock_drift(session) == []


def test_a_whole_shipment_moves_only_where_all_of_it_is(session, shipment):
    with pytest.raises(Refused, match="not_in_stock"):
        sourcing.relocate_shipment(session, shipment.id, location="EAST", share=None)
    session.rollback()


def test_a_location_that_does_not_serve_it_gets_no_shipment(session, shipment):
    with pytest.raises(Refused, match="location_does_not_serve"):
        sourcing.relocate_shipment(session, shipment.id, location="NOWHERE", share=None)


@pytest.mark.requirement("P-15")
def test_a_location_that_turns_it_down_is_replaced_by_the_next_and_the_customer_is_not_told_twice(session):
    stock(session, "TEA-250", 5)
    stock(session, "TEA-250", 5, "EAST")
    [shipment] = hear(session, accepted(make_order([("TEA-250", 2)])))
    advance(session, shipment, "release")
    before = told(session, shipment.order_id)

    sourcing.reject_shipment(session, shipment.id, reason="the shelf is empty")

    assert (shipment.location, shipment.status, shipment.rejected_by) == ("EAST", S.RELEASED, ["WEST"])
    assert (level(session, "TEA-250"), level(session, "TEA-250", "EAST")) == ((5, 0), (5, 2))
    news = told(session, shipment.order_id)[len(before) :]
    assert news == ["shipment.updated", "shipment.released"]  # to nobody but orders, which keeps the history
    [freed] = queries.movements_page(session, "WEST", "TEA-250", before=None, limit=1)
    assert (freed.kind, freed.reason) == ("released", "the shelf is empty")


def test_where_nobody_else_has_it_it_waits_for_stock_anywhere_else(sessions):
    with sessions.begin() as session:
        stock(session, "TEA-250", 5)
        stock(session, "TEA-250", 0, "EAST")
        [shipment] = hear(session, accepted(make_order([("TEA-250", 2)])))
        advance(session, shipment, "release")
    with sessions.begin() as session:
        sourcing.reject_shipment(session, shipment.id, reason="burnt down")
    run_jobs(sessions)
    with sessions.begin() as session:
        waiting = session.get(Shipment, shipment.id)
        assert (waiting.status, waiting.location, waiting.released_at) == (S.AWAITING_INVENTORY, None, None)
        stock(session, "TEA-250", 2, "EAST")
    run_jobs(sessions)

    with sessions() as session:
        assert session.get(Shipment, shipment.id).location == "EAST"
        assert queries.stock_drift(session) == []


@pytest.mark.requirement("S1-14")
def test_what_was_deleted_can_be_assigned_again(session, shipment, published):
    cancel_shipment(session, shipment.id, reason="wrong box")

    [event] = published("shipment.cancelled")
    unassigned = event["shipments"]["unassigned"]
    assert sorted((line["sku"], line["quantity"]) for line in unassigned) == [("POT-1", 1), ("TEA-250", 4)]
    assert level(session, "TEA-250") == (5, 0)

    again = regrouping.ship_unassigned(session, shipment.order_id, share=None)

    assert (again.status, again.method, again.address) == (
        S.INVENTORY_ASSIGNED,
        shipment.method,
        shipment.address,
    )
    assert shipment.order.unassigned == []
    assert carried(shipment.order) == {"TEA-250": 4, "POT-1": 1}
    assert again.number == "GB-7-2"
    advance(session, again, "release")


def test_a_part_of_what_is_unassigned_is_shipped_first(session, shipment):
    cancel_shipment(session, shipment.id, reason="wrong box")

    regrouping.ship_unassigned(session, shipment.order_id, share=share(shipment, TEA_250=3))

    assert {line.sku: line.quantity for line in shipment.order.unassigned} == {"TEA-250": 1, "POT-1": 1}
    with pytest.raises(Invalid, match="lines"):
        regrouping.ship_unassigned(session, shipment.order_id, share=share(shipment, TEA_250=2))


def test_nothing_is_made_of_nothing_or_for_an_order_that_ended(session, shipment):
    with pytest.raises(Refused, match="nothing_unassigned"):
        regrouping.ship_unassigned(session, shipment.order_id, share=None)
    with pytest.raises(NotFound):
        regrouping.ship_unassigned(session, new_id(), share=None)
    cancel_shipment(session, shipment.id, reason="wrong box")
    state = session.scalars(select(OrderState)).one()
    state.order_status = "cancelled"
    with pytest.raises(Refused, match="order_closed"):
        regrouping.ship_unassigned(session, shipment.order_id, share=None)


@pytest.mark.requirement("S1-14")
def test_what_was_deleted_is_neither_made_again_by_itself_nor_in_the_way(session, published):
    stock(session, "TEA-250", 5)
    order = accepted(make_order([("TEA-250", 2)], [("TEA-250", 1)]))
    first, second = hear(session, order)
    cancel_shipment(session, first.id, reason="wrong box")

    hear(session, later(order))

    assert [one.status for one in (first, second)] == [S.CANCELLED, S.INVENTORY_ASSIGNED]
    assert len(first.order.shipments) == 2
    # Its line is cancelled by the order: then nothing of it is left anywhere.
    fewer = replace(order.lines[0], cancelled_quantity=2)
    hear(session, later(later(order), lines=(fewer, order.lines[1])))
    assert first.order.unassigned == []
    assert published("shipment.updated")[-1]["shipments"]["unassigned"] == []


def test_somebody_who_saw_an_older_shipment_is_told_so(session, shipment):
    session.info["actor"] = actor_of(session).expecting(shipment.version - 1, shipment.id)

    with pytest.raises(Stale):
        regrouping.split_shipment(session, shipment.id, share=share(shipment, TEA_250=1))


@pytest.mark.requirement("P-01")
def test_a_part_is_shipped_first_and_the_rest_stays_reserved_until_it_is(session, order, shipment, published):
    def send(part):
        advance(session, part, "release", "pick")
        hear_label(session, part)
        advance(session, part, "pack", "ship")
        told_last = published("shipment.shipped")[-1]["shipments"]["shipments"]
        return fulfilment_of(5, goods_of(msgspec.convert(told_last, list[snapshots.Shipment])))

    branch = regrouping.split_shipment(session, shipment.id, share=share(shipment, TEA_250=2))

    assert send(branch) is Fulfilment.PARTLY_SHIPPED
    assert (level(session, "TEA-250"), level(session, "POT-1")) == ((3, 2), (2, 1))
    assert send(shipment) is Fulfilment.SHIPPED
    assert (level(session, "TEA-250"), level(session, "POT-1")) == ((1, 0), (1, 0))
