"""accept_order promises a placed order, once."""

import pytest

from services.orders import events
from services.orders.commands.orders import accept_order
from services.orders.commands.payments import record_payment
from services.orders.models import Hold
from shared import clock
from shared.access import Actor, actor_of
from shared.errors import NotFound, Refused, Stale
from shared.events.snapshots import OrderStatus


@pytest.mark.requirement("F-04")
def test_accepting_tells_the_promise_once(session, place_order, published):
    order = place_order(lines=[("TEA-250", 2, 450)], method="cash_on_delivery")

    accept_order(session, order.id)

    assert order.status is OrderStatus.ACCEPTED
    [told] = published("order.accepted")
    assert told["order"]["totals"]["total_minor"] == 900
    assert (told["order"]["version"], told["order"]["status"]) == (2, "accepted")
    assert told["order"]["accepted_at"] is not None


@pytest.mark.requirement("S4-15")
@pytest.mark.parametrize("method", ["transfer", "payment_link", "card_on_phone"])
def test_an_order_paid_beforehand_cannot_be_accepted_before_its_payment(
    session, place_order, published, method
):
    order = place_order(lines=[("TEA-250", 2, 450)], method=method)
    with pytest.raises(Refused, match="payment_not_recorded"):
        accept_order(session, order.id)
    record_payment(session, order.id, amount_minor=899, reference="TRF 1")
    with pytest.raises(Refused, match="payment_not_recorded"):
        accept_order(session, order.id)
    assert published("order.accepted") == []

    record_payment(session, order.id, reference="TRF 2")
    accept_order(session, order.id)

    assert len(published("order.accepted")) == 1


def test_an_accepted_order_cannot_be_accepted_again(session, place_order, published):
    order = place_order(method="cash_on_delivery")
    accept_order(session, order.id)

    with pytest.raises(Refused, match="wrong_status"):
        accept_order(session, order.id)

    assert len(published("order.accepted")) == 1


def test_a_hold_stands_in_the_way_until_it_is_released(session, place_order):
    order = place_order(method="cash_on_delivery")
    hold = Hold(order_id=order.id, reason="suspicious", owner="tess", held_at=clock.now())
    session.add(hold)
    session.flush()
    with pytest.raises(Refused, match="on_hold") as refused:
        accept_order(session, order.id)
    assert refused.value.facts == {"holds": ["suspicious"]}

    assert [held.reason for held in events.snapshot(order).holds] == ["suspicious"]

    hold.released_at = clock.now()
    session.flush()

    assert accept_order(session, order.id).status is OrderStatus.ACCEPTED
    assert events.snapshot(order).holds == ()


def test_without_backorders_the_stock_is_promised_first(session, place_order, change_market, hear_shipments):
    change_market(backorders=False)
    order = place_order(method="cash_on_delivery")
    with pytest.raises(Refused, match="awaiting_inventory"):
        accept_order(session, order.id)
    hear_shipments(order, "awaiting_inventory", "inventory_assigned")
    with pytest.raises(Refused, match="awaiting_inventory") as refused:
        accept_order(session, order.id)
    assert refused.value.facts == {"shipments": [f"{order.number}/awaiting_inventory"]}

    hear_shipments(order, "inventory_assigned")

    assert accept_order(session, order.id).status is OrderStatus.ACCEPTED


def test_what_stands_against_it_is_read_before(session, place_order):
    order = place_order()

    assert order.actions["accept"].reason == "payment_not_recorded"
    assert order.actions["cancel"] is None


@pytest.mark.parametrize(
    ("sellers", "markets"), [(["dock"], ["*"]), (["*"], ["eu"]), ([], ["*"]), (["*"], [])]
)
def test_another_sellers_or_markets_order_is_not_there(session, place_order, sellers, markets):
    order = place_order(method="cash_on_delivery")
    session.info["actor"] = Actor(name="tess", sellers=frozenset(sellers), markets=frozenset(markets))

    with pytest.raises(NotFound):
        accept_order(session, order.id)


@pytest.mark.requirement("P-26")
def test_whoever_decided_on_an_older_version_is_told(session, place_order, published):
    order = place_order()
    record_payment(session, order.id, reference="TRF 1")
    session.info["actor"] = actor_of(session).expecting(1, order.id)

    with pytest.raises(Stale) as stale:
        accept_order(session, order.id)

    assert stale.value.current_version == 2
    assert published("order.accepted") == []


def test_it_is_told_from_when_on_an_order_can_be_accepted_and_when_that_ends(
    place_order, change_market, hear_shipments, published
):
    change_market(backorders=False)
    order = place_order(method="cash_on_delivery")
    hear_shipments(order, "awaiting_inventory")
    assert (order.acceptable_since, published("order.updated")) == (None, [])

    hear_shipments(order, "inventory_assigned")
    since = order.acceptable_since
    hear_shipments(order, "inventory_assigned", "inventory_assigned")
    hear_shipments(order, "awaiting_inventory")

    assert since is not None
    [can, can_not] = [told["order"] for told in published("order.updated")]
    assert (can["acceptable_since"] is None, can_not["acceptable_since"]) == (False, None)
    assert can["payment"]["pays_on_delivery"] is True


def test_an_accepted_order_is_not_to_be_accepted_any_more(session, place_order, hear_shipments, published):
    order = place_order(method="cash_on_delivery")
    hear_shipments(order, "inventory_assigned")

    accept_order(session, order.id)

    [told] = published("order.accepted")
    assert told["order"]["acceptable_since"] is None
