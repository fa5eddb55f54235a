"""Orders find their stock: at as few places as can be, by the rules of their method."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from services.shipping import queries
from services.shipping.commands import master_data
from services.shipping.commands.shipments import release_shipment
from services.shipping.models import StockLevel
from shared import clock
from shared.errors import Refused
from shared.events.snapshots import MethodKind, ShipmentStatus
from tests.unit.shipping.steps import (
    HOME,
    accepted,
    advance,
    hear,
    later,
    level,
    make_order,
    run_jobs,
    stock,
    told,
)

S = ShipmentStatus


@pytest.mark.requirement("S1-04", "P-14", "F-14")
def test_what_no_place_has_alone_comes_from_as_few_as_can_be(session):
    for location, units in (("WEST", 2), ("EAST", 3), ("SOUTH", 1), ("NORTH", 4)):
        stock(session, "TEA-250", units, location)

    shipments = hear(session, make_order([("TEA-250", 6)]))

    assert [(one.location, one.lines[0].quantity) for one in shipments] == [("WEST", 2), ("NORTH", 4)]
    assert {one.status for one in shipments} == {S.INVENTORY_ASSIGNED}
    assert len({one.number for one in shipments}) == 2
    assert queries.stock_drift(session) == []
    assert told(session, shipments[0].order_id) == ["shipment.created", "shipment.inventory_assigned"] * 2


def test_where_not_all_is_there_nothing_is_held(session):
    stock(session, "TEA-250", 2)
    stock(session, "TEA-250", 3, "EAST")

    [shipment] = hear(session, make_order([("TEA-250", 6)]))

    assert (shipment.status, shipment.location) == (S.AWAITING_INVENTORY, None)
    assert (level(session, "TEA-250"), level(session, "TEA-250", "EAST")) == ((2, 0), (3, 0))


@pytest.mark.requirement("P-15")
def test_of_equal_places_the_one_in_the_customers_country_is_asked_first_then_by_priority(session):
    stock(session, "TEA-250", 5, "WEST", country="FR")
    stock(session, "TEA-250", 5, "EAST", country=HOME.country, priority=9)
    stock(session, "TEA-250", 5, "SOUTH", country=HOME.country, priority=8)

    [shipment] = hear(session, make_order([("TEA-250", 1)]))

    assert shipment.location == "SOUTH"


@pytest.mark.parametrize(
    "changes",
    [{"active": False}, {"markets": ["elsewhere"]}, {"method_kinds": ["pickup"]}, {"seller": "another"}],
)
def test_a_place_that_does_not_serve_is_not_asked(session, changes):
    stock(session, "TEA-250", 5, "FIRST", priority=0, **changes)
    stock(session, "TEA-250", 5)

    [shipment] = hear(session, make_order([("TEA-250", 1)]))

    assert shipment.location == "WEST"


def test_a_place_that_is_opened_serves_who_waits(sessions):
    with sessions.begin() as session:
        stock(session, "TEA-250", 5, active=False)
        [shipment] = hear(session, make_order([("TEA-250", 1)]))
    with sessions.begin() as session:
        stock(session, "TEA-250", 5, active=True)
    run_jobs(sessions)

    with sessions() as session:
        assert queries.shipment(session, shipment.id).status is S.INVENTORY_ASSIGNED


@pytest.mark.requirement("S1-05", "S4-11")
def test_a_pickup_comes_from_the_store_where_it_is_fetched_or_waits(session):
    stock(session, "TEA-250", 9)
    stock(session, "TEA-250", 1, "STORE", kind="store", address={"line1": "1 Market Place", "city": "York"})

    [first] = hear(session, make_order([("TEA-250", 1)], method="pickup", pickup_point="STORE"))
    [second] = hear(session, make_order([("TEA-250", 1)], method="pickup", pickup_point="STORE"))

    assert (first.kind, first.location, first.status) == (MethodKind.PICKUP, "STORE", S.INVENTORY_ASSIGNED)
    assert (second.location, second.status) == (None, S.AWAITING_INVENTORY)
    assert first.dispatch["to"] == "pickup_point"
    [delivered] = hear(session, make_order([("TEA-250", 1)]))
    assert (delivered.dispatch["to"], delivered.dispatch["address"]["city"]) == ("address", HOME.city)
    session.expire_all()
    assert queries.shipment(session, first.id).dispatch["address"]["city"] == "York"


def test_nobody_fetches_an_order_at_two_places(session):
    stock(session, "TEA-250", 2)
    stock(session, "TEA-250", 2, "EAST")

    [shipment] = hear(session, make_order([("TEA-250", 4)], method="hand_over"))

    assert shipment.status is S.AWAITING_INVENTORY


@pytest.mark.requirement("S1-05", "F-07")
@pytest.mark.parametrize("method", ["download", "service_installation"])
def test_what_needs_no_stock_tells_the_same_events_and_is_ready_once_released(session, method):
    stock(session, "TEA-250", 1)
    [shipment] = hear(session, accepted(make_order([("MANUAL-PDF", 1)], method=method)))
    assert (shipment.status, shipment.location) == (S.INVENTORY_ASSIGNED, None)
    assert session.scalars(select(StockLevel).where(StockLevel.sku == "MANUAL-PDF")).all() == []

    release_shipment(session, shipment.id)

    assert shipment.status is S.READY
    assert shipment.released_at is not None
    assert told(session, shipment.order_id) == [
        "shipment.created",
        "shipment.inventory_assigned",
        "shipment.ready",
    ]
    assert queries.stock_drift(session) == []


@pytest.mark.requirement("F-07", "S1-05")
@pytest.mark.parametrize("method", ["delivery", "pickup", "hand_over"])
def test_what_needs_stock_is_picked_before_it_is_ready(session, method):
    stock(session, "TEA-250", 5)
    [shipment] = hear(session, accepted(make_order([("TEA-250", 1)], method=method)))

    advance(session, shipment, "release", "pick")

    assert told(session, shipment.order_id) == [
        "shipment.created",
        "shipment.inventory_assigned",
        "shipment.released",
        "shipment.packing",
    ]
    last = {"delivery": "label_not_ready"}.get(method)
    assert (shipment.actions["pack"] and shipment.actions["pack"].reason) == last


@pytest.mark.requirement("P-17", "S3-30")
def test_pre_ordered_goods_are_assigned_and_wait_for_their_day(session):
    stock(session, "TEA-250", 5)
    [shipment] = hear(session, accepted(make_order([("TEA-250", 1)])))
    tomorrow = clock.now().date() + timedelta(days=2)

    def available(on):
        master_data.put_goods(
            session,
            shipment.seller,
            "TEA-250",
            barcode="",
            specifications={},
            weight_grams=0,
            available_on=on,
        )
        session.flush()
        session.expire_all()

    available(tomorrow)
    assert shipment.status is S.INVENTORY_ASSIGNED
    with pytest.raises(Refused, match="not_yet_available"):
        release_shipment(session, shipment.id)
    assert shipment.actions["release"].reason == "not_yet_available"
    assert shipment.waits_until == tomorrow

    available(clock.now().date() - timedelta(days=1))
    release_shipment(session, shipment.id)


@pytest.mark.requirement("P-14")
@pytest.mark.parametrize("ended", ["failed", "refused", "cancelled"])
def test_the_promise_ends_with_its_order_and_goes_to_who_waits_longest(sessions, ended):
    with sessions.begin() as session:
        stock(session, "TEA-250", 1)
        first = make_order([("TEA-250", 1)])
        hear(session, first)
        [waiting] = hear(session, make_order([("TEA-250", 1)], number="GB-8"))
    with sessions.begin() as session:
        hear(session, later(first, status=ended))
    run_jobs(sessions)

    with sessions() as session:
        assert queries.shipment(session, waiting.id).status is S.INVENTORY_ASSIGNED
        assert level(session, "TEA-250") == (1, 1)


@pytest.mark.requirement("S0-06")
def test_stock_reserves_quantity_times_coefficient(session):
    stock(session, "TEA-250", 13)

    [shipment] = hear(session, make_order([("TEA-250", 2, 6)]))

    assert [(line.quantity, line.units) for line in shipment.lines] == [(2, 12)]
    assert level(session, "TEA-250") == (13, 12)


def test_one_that_can_not_be_placed_does_not_hold_up_the_others(sessions):
    with sessions.begin() as session:
        for place in ("WEST", "EAST"):
            stock(session, "TEA-250", 0, place)
        hear(session, make_order([("TEA-250", 1, 6)]))
        [second] = hear(session, make_order([("TEA-250", 5)], number="GB-8"))
    with sessions.begin() as session:
        stock(session, "TEA-250", 3)
        stock(session, "TEA-250", 3, "EAST")
    run_jobs(sessions)

    with sessions() as session:
        served = queries.shipment(session, second.id)
        assert served.status is S.INVENTORY_ASSIGNED
        assert len(served.order.shipments) == 2
