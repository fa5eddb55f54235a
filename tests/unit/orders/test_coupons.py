"""A coupon takes off what it says, while it is valid, in its market, and never more than the goods cost."""

from datetime import timedelta

import pytest

from services.orders.commands import drafts
from services.orders.commands.master_data import put_coupon
from services.orders.domain.coupons import CouponTerms, why_not
from shared import clock
from tests.unit.orders.sample_shop import order_wanted

NOW = clock.now()
STRANGERS = [{"sellers": ["dock"], "markets": ["*"]}, {"sellers": ["quay"], "markets": ["eu"]}]
COUPON = {"name": "Spring sale", "percentage_basis_points": 1000}


def terms(**changes):
    return CouponTerms(
        **{
            "name": "Spring",
            "active": True,
            "percentage_basis_points": None,
            "amount_minor": None,
            "free_shipping": False,
            "valid_from": None,
            "valid_until": None,
            "minimum_minor": None,
            "most_uses": None,
            "most_uses_per_customer": None,
        }
        | changes
    )


@pytest.fixture
def coupon(session):
    """Make a coupon of the seller quay in the market gb."""

    def put(code="SPRING", market="gb", **changes):
        details = {
            "name": "Spring sale",
            "percentage_basis_points": None,
            "amount_minor": None,
            "valid_from": None,
            "valid_until": None,
            "active": True,
        }
        return put_coupon(session, "quay", market, code, **details | changes)

    return put


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"valid_from": NOW}, None),
        ({"valid_from": NOW + timedelta(seconds=1)}, "coupon_not_yet_valid"),
        ({"valid_until": NOW + timedelta(seconds=1)}, None),
        ({"valid_until": NOW}, "coupon_expired"),
        ({"active": False}, "coupon_unknown"),
    ],
)
def test_a_coupon_is_valid_from_one_instant_until_just_before_another(changes, reason):
    assert why_not(terms(**changes), NOW, 900) == reason


def test_a_code_nobody_knows_is_unknown():
    assert why_not(None, NOW, 900) == "coupon_unknown"


@pytest.mark.parametrize(
    ("changes", "goods", "left", "granted"),
    [
        ({"percentage_basis_points": 1000}, 900, 900, 90),
        ({"percentage_basis_points": 1250}, 900, 900, 113),  # half up
        ({"percentage_basis_points": 10_000}, 900, 700, 700),
        ({"amount_minor": 500}, 900, 900, 500),
        ({"amount_minor": 500}, 900, 100, 100),
    ],
)
def test_it_takes_off_a_share_or_an_amount_and_no_more_than_is_left(changes, goods, left, granted):
    assert terms(**changes).granted_minor(goods, left) == granted


def test_an_order_is_placed_with_what_its_coupons_take_off(coupon, place_order):
    coupon(percentage_basis_points=1000)
    coupon("FIVER", amount_minor=500)

    order = place_order(lines=[("TEA-250", 2)], coupons=["SPRING", "FIVER"])

    assert (order.discounts_minor, order.total_minor, order.coupons) == (590, 310, ["SPRING", "FIVER"])
    assert {fee.name for fee in order.fees} == {"Spring sale"}


def test_coupons_and_discounts_together_take_off_no_more_than_the_goods(coupon, place_order):
    coupon(amount_minor=800)

    order = place_order(
        lines=[("TEA-250", 2)],
        discounts=[{"name": "By hand", "amount_minor": 300}],
        coupons=["SPRING"],
        delivery_groups=[order_wanted()["delivery_groups"][0] | {"shipping_minor": 500}],
    )

    assert (order.discounts_minor, order.total_minor) == (900, 500)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"market": "eu"}, "coupon_unknown"),
        ({"active": False}, "coupon_unknown"),
        ({"valid_until": NOW}, "coupon_expired"),
        ({"valid_from": NOW + timedelta(days=1)}, "coupon_not_yet_valid"),
    ],
)
def test_a_draft_says_why_a_coupon_takes_nothing_off(session, coupon, changes, reason):
    coupon(amount_minor=100, **changes)

    quote = drafts.create_draft(
        session,
        seller="quay",
        market="gb",
        lines=[{"sku": "TEA-250", "quantity": 1}],
        coupons=["SPRING"],
    )

    [redemption], [notice] = quote.coupons, quote.notices
    assert (redemption.amount_minor, redemption.refusal) == (0, reason)
    assert (notice.code, notice.coupon, notice.line) == (reason, "SPRING", None)
    assert quote.totals.discounts_minor == 0
    assert "coupons" in quote.unverified


def test_another_sellers_coupon_is_unknown(coupon, place_order):
    coupon(amount_minor=100)

    order = place_order(seller="dock", coupons=["SPRING"])

    assert (order.discounts_minor, order.unverified) == (0, ["coupons"])


@pytest.mark.parametrize("stranger", STRANGERS, ids=str)
def test_another_sellers_or_markets_coupon_is_not_there(client, bearer, stranger):
    address = "/v1/sellers/quay/markets/gb/coupons/SPRING"
    client.put(address, json=COUPON, headers=bearer())

    answers = [
        client.get(address, headers=bearer(**stranger)),
        client.put(address, json=COUPON, headers=bearer(**stranger)),
        client.get("/v1/sellers/quay/markets/gb/coupons", headers=bearer(**stranger)),
    ]

    assert {answer.status_code for answer in answers} == {404}


def test_a_coupon_is_put_and_found_however_it_is_typed(client, bearer):
    address = "/v1/sellers/quay/markets/gb/coupons"
    valid = {"valid_from": "2026-11-01T00:00:00Z", "valid_until": "2026-12-01T00:00:00Z"}

    put = client.put(f"{address}/spring-26", json=COUPON | valid, headers=bearer())
    shown = client.get(f"{address}/Spring-26", headers=bearer())
    listed = client.get(address, headers=bearer()).json["items"]

    assert (put.status_code, put.json["code"], put.json["seller"], put.json["market"]) == (
        200,
        "SPRING-26",
        "quay",
        "gb",
    )
    assert shown.json == put.json == listed[0]
    assert {name: put.json[name] for name in valid} == valid


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "Neither"}, "amount_minor"),
        (COUPON | {"amount_minor": 5}, "amount_minor"),
        (COUPON | {"percentage_basis_points": 10_001}, "percentage_basis_points"),
        (
            COUPON | {"valid_from": "2026-12-01T00:00:00Z", "valid_until": "2026-12-01T00:00:00Z"},
            "valid_until",
        ),
    ],
)
def test_a_coupon_that_makes_no_sense_is_refused(client, bearer, body, field):
    answer = client.put("/v1/sellers/quay/markets/gb/coupons/SPRING", json=body, headers=bearer())

    assert (answer.status_code, [error["field"] for error in answer.json["errors"]]) == (422, [field])


@pytest.mark.parametrize("code", ["A B", "-A", "A" * 33, "%00"])
def test_what_is_no_code_is_refused(client, bearer, code):
    answer = client.put(f"/v1/sellers/quay/markets/gb/coupons/{code}", json=COUPON, headers=bearer())

    assert answer.status_code == 422
