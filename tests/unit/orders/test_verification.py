"""Placing looks at name, address, telephone, e-mail and codes; what is missing holds the order."""

import pytest

from services.orders.commands.master_data import put_coupon
from services.orders.commands.orders import accept_order, place_hold, release_hold
from services.orders.domain.verification import Check, unverified
from shared.access import Actor
from shared.errors import Refused
from shared.events.snapshots import Person
from tests.unit.orders.sample_shop import HOME, stored

ADA = Person(name="Ada", email="ada@example.com", phone="1")


def change(thing, **values):
    return type(thing)(**{**{name: getattr(thing, name) for name in thing.__annotations__}, **values})


@pytest.mark.requirement("S1-03", "M-13")
@pytest.mark.parametrize(
    ("customer", "addresses", "refused", "missing"),
    [
        (ADA, [HOME], [], []),
        (ADA, [None], [], []),  # to a pickup point
        (change(ADA, name=" "), [HOME], [], ["name"]),
        (change(ADA, email=""), [HOME], [], ["email"]),
        (change(ADA, phone=""), [HOME], [], ["phone"]),
        (change(ADA, phone=""), [change(HOME, phone="1")], [], []),
        (ADA, [HOME, change(HOME, line1=" ")], [], ["address"]),
        (ADA, [], [], ["address"]),
        (ADA, [change(HOME, country="DE", postcode="")], [], ["address"]),
        (ADA, [change(HOME, country="US", region="")], [], ["address"]),
        (ADA, [HOME], ["SPRING"], ["coupons"]),
        (Person(name="", email=""), [], ["SPRING"], ["name", "address", "phone", "email", "coupons"]),
    ],
)
def test_each_thing_is_looked_at(customer, addresses, refused, missing):
    assert unverified([*Check], customer, addresses, refused) == missing


def test_a_market_says_what_it_looks_at():
    assert unverified([Check.EMAIL], Person(name="", email=""), [], []) == ["email"]


@pytest.mark.requirement("S1-03")
def test_an_order_with_all_of_it_is_verified_by_itself(place_order):
    order = place_order()

    assert (order.unverified, order.verified_by, order.verified_at) == ([], "orders", order.placed_at)
    assert order.holds == []


@pytest.mark.requirement("S1-03")
def test_an_order_that_lacks_some_of_it_is_held_until_a_person_verifies_it(session, place_order, published):
    order = place_order(
        method="cash_on_delivery",
        customer={"name": "Ada", "email": "ada@example.com"},
        coupons=["NONE"],
    )

    assert (order.unverified, order.verified_by, order.verified_at) == (["phone", "coupons"], None, None)
    assert [(hold.reason, hold.owner) for hold in order.holds] == [("verification", "orders")]
    [told] = published("order.placed")
    assert [hold["reason"] for hold in told["order"]["holds"]] == ["verification"]
    with pytest.raises(Refused, match="on_hold"):
        accept_order(session, order.id)


@pytest.mark.requirement("S1-03")
def test_whoever_lifts_that_hold_has_verified_the_order(session, place_order):
    placed = place_order(method="cash_on_delivery", customer={"name": "Ada", "email": "ada@example.com"})
    other = place_hold(session, placed.id, "odd")
    session.info["actor"] = Actor(name="tess", sellers=frozenset({"*"}), markets=frozenset({"*"}))

    release_hold(session, placed.id, other.id)
    before = placed.verified_by
    release_hold(session, placed.id, placed.holds[0].id)

    assert (before, placed.verified_by, placed.verified_at) == (None, "tess", placed.holds[0].released_at)
    assert accept_order(session, placed.id).status == "accepted"


def test_the_markets_rule_counts_when_the_order_is_placed(place_order, change_market):
    change_market(verifies=[Check.COUPONS])

    order = place_order(customer={"name": "Ada", "email": "ada@example.com"})

    assert (order.unverified, order.verified_by) == ([], "orders")


def test_a_valid_code_is_verified(session, place_order):
    put_coupon(
        session,
        *("quay", "gb", "SPRING"),
        name="Spring",
        percentage_basis_points=1000,
        amount_minor=None,
        valid_from=None,
        valid_until=None,
        active=True,
    )

    order = place_order(coupons=["SPRING"])

    assert stored(session, order.id).unverified == []
