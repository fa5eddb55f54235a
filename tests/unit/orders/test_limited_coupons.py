"""A coupon's limits hold whoever comes at once, and no order is lost for a coupon."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import event, func, select

from services.orders.commands import drafts, erasure, placing
from services.orders.commands.editing import edit_order
from services.orders.commands.master_data import put_coupon
from services.orders.commands.orders import cancel_order, refuse_order
from services.orders.models import CouponUse
from shared.errors import Invalid
from tests.unit.orders.sample_shop import HOME, order_wanted, placing_body, stored
from tests.waiting import PATIENCE_SECONDS

DETAILS = {
    "name": "Spring sale",
    "percentage_basis_points": None,
    "amount_minor": 100,
    "valid_from": None,
    "valid_until": None,
    "active": True,
}
DELIVERED = {"method": "delivery", "shipping_minor": 490, "address": HOME}
GRACE = {"name": "Grace", "email": "grace@example.com"}


@pytest.fixture
def coupon(session):
    """Make a coupon of the seller quay in the market gb; a pound off, unless it says otherwise."""

    def put(code="SPRING", **changes):
        return put_coupon(session, "quay", "gb", code, **DETAILS | changes)

    return put


def granted(order):
    return (order.discounts_minor, order.coupons_refused)


@pytest.mark.requirement("M-34")
def test_of_eight_at_once_one_gets_the_last_use_and_the_others_are_placed_without(sessions):
    with sessions.begin() as session:
        put_coupon(session, "quay", "gb", "SPRING", **DETAILS, most_uses=3)
        for name in ("a", "b"):
            placing.place_order(
                session, **order_wanted(coupons=["SPRING"], customer={"name": name, "email": ""})
            )
    start = threading.Barrier(8)

    def place(number):
        start.wait(PATIENCE_SECONDS)
        with sessions.begin() as session:
            customer = {"name": "One of eight", "email": f"{number}@example.com"}
            order = placing.place_order(session, **order_wanted(coupons=["SPRING"], customer=customer))
            return granted(order)

    with ThreadPoolExecutor(8) as pool:
        outcomes = sorted(pool.map(place, range(8)), key=str)

    assert outcomes == [(0, {"SPRING": "coupon_used_up"})] * 7 + [(100, {})]
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(CouponUse)) == 3


@pytest.mark.requirement("M-34")
def test_of_eight_orders_of_one_customer_at_once_one_gets_the_use(sessions):
    with sessions.begin() as session:
        put_coupon(session, "quay", "gb", "SPRING", **DETAILS, most_uses_per_customer=1)
    start = threading.Barrier(8)

    def place(number):
        start.wait(PATIENCE_SECONDS)
        with sessions.begin() as session:
            # A guest is a new customer each time, with the e-mail typed as it comes.
            customer = {"name": "Ada", "email": "Ada@Example.com" if number % 2 else "ada@example.com"}
            order = placing.place_order(session, **order_wanted(coupons=["SPRING"], customer=customer))
            return order.discounts_minor

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(place, range(8))) == [0] * 7 + [100]


@pytest.mark.requirement("M-34")
def test_a_customer_is_known_by_id_and_by_email(coupon, place_order):
    coupon(most_uses_per_customer=1)
    first = place_order(coupons=["SPRING"])

    known = place_order(coupons=["SPRING"], customer={"id": first.customer_id})
    guest = place_order(coupons=["SPRING"], customer={"name": "A.", "email": "ADA@example.com"})
    other = place_order(coupons=["SPRING"], customer=GRACE)
    nameless = [place_order(coupons=["SPRING"], customer={"name": "X", "email": ""}) for _ in range(2)]

    used = {"SPRING": "coupon_used_by_customer"}
    assert [granted(order) for order in (first, known, guest, other)] == [
        (100, {}),
        (0, used),
        (0, used),
        (100, {}),
    ]
    assert [granted(order) for order in nameless] == [(100, {})] * 2


@pytest.mark.requirement("M-34")
@pytest.mark.parametrize(
    ("quantity", "outcome"), [(1, (0, {"SPRING": "coupon_below_minimum"})), (2, (100, {}))]
)
def test_the_goods_must_cost_the_minimum_before_other_discounts(coupon, place_order, quantity, outcome):
    coupon(minimum_minor=900)

    order = place_order(lines=[("TEA-250", quantity)], coupons=["SPRING"], delivery_groups=[DELIVERED])

    assert granted(order) == outcome


@pytest.mark.requirement("M-34")
def test_a_limit_that_is_set_later_counts_what_was_used_before(coupon, place_order):
    coupon()
    place_order(coupons=["SPRING"])
    coupon(most_uses=1)

    assert granted(place_order(coupons=["SPRING"], customer=GRACE)) == (0, {"SPRING": "coupon_used_up"})


@pytest.mark.requirement("M-34")
@pytest.mark.parametrize("end", [cancel_order, refuse_order])
def test_an_order_that_came_to_nothing_gives_its_use_back(session, coupon, place_order, end):
    coupon(most_uses=1)
    order = place_order(coupons=["SPRING"])

    end(session, order.id, reason="sold out")

    assert granted(place_order(coupons=["SPRING"], customer=GRACE)) == (100, {})


@pytest.mark.requirement("M-34")
def test_an_edit_takes_a_use_keeps_its_own_and_gives_back_what_it_takes_out(session, coupon, place_order):
    coupon(most_uses=1)
    first, second = place_order(coupons=["SPRING"]), place_order(customer=GRACE)

    with pytest.raises(Invalid) as refused, session.begin_nested():
        edit_order(session, second.id, reason="asked for it", coupons=["SPRING"])
    kept = edit_order(session, first.id, reason="said so again", coupons=["SPRING"])
    edit_order(session, first.id, reason="not for this", coupons=[])
    taken = edit_order(session, second.id, reason="asked for it", coupons=["SPRING"])

    assert refused.value.fields == {"coupons.0": "coupon_used_up"}
    assert (kept.after.discounts_minor, taken.after.discounts_minor) == (100, 100)
    assert [(one.code, one.amount_minor, one.refusal) for one in taken.coupons] == [("SPRING", 100, None)]
    assert stored(session, first.id).discounts_minor == 0


@pytest.mark.requirement("M-34")
def test_an_email_that_is_put_right_by_an_edit_is_the_one_that_counts(session, coupon, place_order):
    coupon(most_uses_per_customer=1)
    order = place_order(coupons=["SPRING"], customer={"name": "Ada", "email": "aad@example.com"})

    edit_order(session, order.id, reason="misheard", customer={"email": "ada@example.com"})

    mistyped = {"name": "Aad", "email": "aad@example.com"}
    assert granted(place_order(coupons=["SPRING"])) == (0, {"SPRING": "coupon_used_by_customer"})
    assert granted(place_order(coupons=["SPRING"], customer=mistyped)) == (100, {})


@pytest.mark.requirement("M-34")
def test_erasing_a_person_keeps_what_was_used_and_not_whose_it_was(session, coupon, place_order):
    coupon(most_uses=1)
    order = place_order(coupons=["SPRING"])
    session.get(type(order), order.id).status = "completed"
    session.flush()

    erasure.erase_person(session, order.id)

    assert session.scalars(select(CouponUse.email)).all() == [""]
    assert granted(place_order(coupons=["SPRING"])) == (0, {"SPRING": "coupon_used_up"})


@pytest.mark.requirement("M-34")
@pytest.mark.parametrize(
    ("limits", "reason", "said"),
    [
        ({"most_uses": 1}, "coupon_used_up", "has been used up and takes"),
        ({"most_uses_per_customer": 1}, "coupon_used_by_customer", "has been used up by this customer"),
        ({"minimum_minor": 5000}, "coupon_below_minimum", "is for goods of £50.00 or more"),
        (
            {"amount_minor": None, "free_shipping": True},
            "coupon_nothing_left",
            "finds nothing left to discount",
        ),
    ],
)
def test_a_draft_says_why_a_limited_coupon_takes_nothing_off(
    session, coupon, place_order, limits, reason, said
):
    coupon(**limits)
    place_order(coupons=["SPRING"], delivery_groups=[DELIVERED])

    quote = drafts.create_draft(
        session,
        seller="quay",
        market="gb",
        customer={"name": "Ada", "email": "ada@example.com"},
        lines=[{"sku": "TEA-250", "quantity": 1}],
        coupons=["SPRING"],
    )

    [redemption], [notice] = quote.coupons, quote.notices
    assert (redemption.refusal, notice.code, quote.totals.discounts_minor) == (reason, reason, 0)
    assert said in notice.detail
    assert ("coupons" in quote.unverified) is (reason != "coupon_nothing_left")


@pytest.mark.requirement("M-34")
def test_a_draft_uses_nothing_until_it_is_placed(session, coupon, place_order):
    coupon(most_uses=1)
    quote = drafts.create_draft(session, **order_wanted(coupons=["SPRING"], customer=GRACE))
    assert quote.totals.discounts_minor == 100
    place_order(coupons=["SPRING"])

    order = drafts.place_draft(session, quote.draft.id)

    assert granted(order) == (0, {"SPRING": "coupon_used_up"})


@pytest.mark.requirement("M-34")
@pytest.mark.parametrize(
    "off",
    [{"amount_minor": 100}, {"amount_minor": None, "percentage_basis_points": 1000}, {"amount_minor": None}],
)
def test_free_shipping_is_not_charged_alone_or_beside_what_comes_off_the_goods(coupon, place_order, off):
    coupon(free_shipping=True, **off)

    order = place_order(
        lines=[("TEA-250", 2, 500)],
        coupons=["SPRING"],
        delivery_groups=[DELIVERED],
    )

    less = 100 if any(off.values()) else 0
    assert (order.shipping_minor, order.discounts_minor, order.total_minor) == (0, less, 1000 - less)
    [group] = order.delivery_groups
    assert (group.shipping_minor, group.waived_minor, order.free_shipping) == (490, 490, "Spring sale")
    assert {fee.kind for fee in order.fees} == ({"discount"} if less else set())
    assert sum(row.gross_minor for row in order.totals.tax) == order.total_minor


@pytest.mark.requirement("M-34")
def test_free_shipping_is_that_of_whatever_it_costs_until_its_coupon_is_taken_out(
    session, coupon, place_order
):
    coupon(amount_minor=None, free_shipping=True)
    order = place_order(coupons=["SPRING"], delivery_groups=[DELIVERED])
    [group] = order.delivery_groups

    dearer = edit_order(
        session,
        order.id,
        reason="by express",
        delivery_groups=[{"group_id": group.id, "shipping_minor": 990}],
    )
    charged = edit_order(session, order.id, reason="not for this", coupons=[])

    assert (dearer.after.shipping_minor, charged.after.shipping_minor) == (0, 990)
    order = stored(session, order.id)
    assert (order.free_shipping, order.delivery_groups[0].waived_minor) == (None, 0)


def test_where_no_coupon_is_limited_nothing_more_is_asked(session, coupon):
    coupon()
    asked = []
    event.listen(session.connection(), "before_cursor_execute", lambda *about: asked.append(about[2]))

    placing.place_order(session, **order_wanted())
    without = len(asked)
    placing.place_order(session, **order_wanted(coupons=["SPRING"]))

    assert len(asked) == 2 * without


@pytest.mark.requirement("M-34")
def test_limits_are_put_and_shown_over_the_api_and_the_order_says_what_took_nothing_off(client, bearer):
    address = "/v1/sellers/quay/markets/gb/coupons/SPRING"
    limits = {"free_shipping": True, "minimum_minor": 5000, "most_uses": 9, "most_uses_per_customer": 1}

    put = client.put(address, json={"name": "Spring"} | limits, headers=bearer())
    placed = client.post("/v1/orders", json=placing_body(coupons=["spring"]), headers=bearer())

    assert {name: put.json[name] for name in limits} == limits
    assert placed.status_code == 201
    assert placed.json["coupons_refused"] == {"SPRING": "coupon_below_minimum"}
    for name in ("minimum_minor", "most_uses", "most_uses_per_customer"):
        wrong = client.put(address, json={"name": "Spring"} | limits | {name: 0}, headers=bearer())
        assert (wrong.status_code, wrong.json["errors"][0]["field"]) == (422, name)
