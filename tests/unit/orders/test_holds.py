"""Holds keep an order from going on; each is lifted for itself."""

from dataclasses import replace

import pytest

from services.orders.commands.orders import accept_order, cancel_order, place_hold, release_hold
from shared import clock
from shared.access import Actor
from shared.db import new_id
from shared.errors import NotFound, Refused
from shared.events import codec
from shared.events.snapshots import OrderStatus, People, ShipmentsSnapshot
from shared.messaging import copies
from tests.unit.orders.sample_shop import placing_body, shipment_of, stored


@pytest.fixture
def placed(place_order):
    return place_order(method="cash_on_delivery")


@pytest.mark.requirement("P-18")
def test_of_two_holds_lifting_one_keeps_the_order_held(session, placed):
    first = place_hold(session, placed.id, "verification")
    second = place_hold(session, placed.id, "suspicious", owner="fraud desk")

    release_hold(session, placed.id, first.id)

    assert [hold.reason for hold in placed.standing_holds] == ["suspicious"]
    with pytest.raises(Refused, match="on_hold"):
        accept_order(session, placed.id)
    release_hold(session, placed.id, second.id)
    assert accept_order(session, placed.id).status is OrderStatus.ACCEPTED


@pytest.mark.requirement("S3-22")
def test_a_held_order_is_neither_cancelled_nor_accepted_and_says_why(session, placed):
    place_hold(session, placed.id, "no_stock")

    for action in (accept_order, lambda *order: cancel_order(*order, reason="twice")):
        with pytest.raises(Refused) as refused:
            action(session, placed.id)
        assert (refused.value.reason, refused.value.facts) == ("on_hold", {"holds": ["no_stock"]})
    assert {name for name, against in placed.actions.items() if against and against.reason == "on_hold"} == {
        "accept",
        "cancel",
        "cancel_lines",
        "refuse",
    }


def test_a_hold_has_a_reason_an_owner_and_whoever_lifted_it(session, placed):
    session.info["actor"] = Actor(name="tess", sellers=frozenset({"*"}), markets=frozenset({"*"}))
    own, others = place_hold(session, placed.id, "odd"), place_hold(session, placed.id, "odd", owner="fraud")
    session.info["actor"] = Actor(name="olu", sellers=frozenset({"*"}), markets=frozenset({"*"}))

    release_hold(session, placed.id, own.id)

    assert (own.owner, own.released_by, others.owner, others.released_by) == ("tess", "olu", "fraud", None)


@pytest.mark.requirement("S3-21")
def test_others_are_told_of_a_hold_and_of_its_end(session, placed, published):
    hold = place_hold(session, placed.id, "suspicious")
    release_hold(session, placed.id, hold.id)

    [held], [released] = published("order.held"), published("order.hold_released")
    assert (held["hold_id"], held["reason"]) == (str(hold.id), "suspicious")
    assert [one.reason for one in codec.decode("order.held", held).order.holds] == ["suspicious"]
    assert released["hold_id"] == str(hold.id)
    assert codec.decode("order.hold_released", released).order.holds == ()
    assert released["order"]["version"] == held["order"]["version"] + 1


def test_a_hold_is_lifted_once(session, placed, published):
    hold = place_hold(session, placed.id, "suspicious")
    release_hold(session, placed.id, hold.id)

    with pytest.raises(Refused, match="not_held"):
        release_hold(session, placed.id, hold.id)

    assert len(published("order.hold_released")) == 1


def test_a_hold_of_another_order_is_not_there(session, placed):
    with pytest.raises(NotFound, match="hold"):
        release_hold(session, placed.id, new_id())


def test_an_order_that_is_over_is_not_held(session, placed):
    cancel_order(session, placed.id, reason="twice")

    with pytest.raises(Refused, match="wrong_status"):
        place_hold(session, placed.id, "suspicious")


def test_over_the_api_a_hold_lists_what_it_came_too_late_for(client, bearer, session):
    order = client.post("/v1/orders", json=placing_body(), headers=bearer()).json
    row = stored(session, order["order_id"])
    gone = replace(shipment_of(row, "shipped"), released_at=clock.now())
    waiting = shipment_of(row, "inventory_assigned")
    copies.keep_newest(
        session,
        ShipmentsSnapshot(
            order_id=row.id, number=row.number, version=1, people=People(), shipments=(gone, waiting)
        ),
    )
    holds = f"/v1/orders/{row.id}/holds"

    held = client.post(holds, json={"reason": "suspicious", "owner": "fraud desk"}, headers=bearer())
    shown = client.get(f"/v1/orders/{row.id}", headers=bearer()).json
    release = f"{holds}/{held.json['hold']['hold_id']}/release"
    lifted, again = (client.post(release, headers=bearer()) for _ in "ab")
    listed = client.get(holds, headers=bearer()).json["items"]

    assert (held.status_code, held.json["hold"]["owner"]) == (201, "fraud desk")
    assert held.json["released_shipments"] == [gone.number]
    assert shown["actions"]["accept"]["reason"] == "on_hold"
    assert (lifted.status_code, lifted.json["released_by"]) == (200, "tess")
    assert (again.status_code, again.json["reason"]) == (409, "not_held")
    assert [hold["released_by"] for hold in listed] == ["tess"]


def test_nobody_holds_another_sellers_order(client, bearer):
    order = client.post("/v1/orders", json=placing_body(), headers=bearer()).json
    holds = f"/v1/orders/{order['order_id']}/holds"

    other = bearer(sellers=["dock"])

    assert client.post(holds, json={"reason": "mine"}, headers=other).status_code == 404
    assert client.get(holds, headers=other).status_code == 404
