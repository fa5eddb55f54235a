"""Ordering again: the same customer, address, method and lines, and every difference named line by line."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from services.orders.commands import drafts, placing
from services.orders.commands.drafts import reorder
from services.orders.commands.master_data import put_coupon, put_product
from services.orders.commands.orders import cancel_order
from services.orders.models import HistoryEntry
from shared import clock
from shared.access import Actor
from shared.errors import NotFound
from tests.unit.orders.sample_shop import HOME, order_wanted, product_details, stored

LINES = [("TEA-250", 2), ("MUG-1", 1), ("BOOK-1", 3)]


@pytest.fixture
def coupon(session):
    def put(**changes):
        details = {
            "name": "Spring sale",
            "percentage_basis_points": 1000,
            "amount_minor": None,
            "valid_from": None,
            "valid_until": None,
            "active": True,
        }
        put_coupon(session, "quay", "gb", "SPRING", **details | changes)

    return put


@pytest.mark.requirement("S3-25")
def test_a_reorder_is_a_draft_with_the_same_address_method_and_lines(session):
    wanted = order_wanted(
        lines=LINES,
        delivery_groups=[
            {"method": "delivery", "shipping_minor": 500, "address": HOME},
            {"method": "pickup", "shipping_minor": 0, "pickup_point": "quay-3"},
        ],
    )
    wanted["lines"][1]["delivery_group"] = 1
    order = stored(session, placing.place_order(session, **wanted).id)

    quote = reorder(session, order.id)

    assert (quote.draft.status, quote.draft.reorder_of, quote.draft.customer_id) == (
        "draft",
        order.id,
        order.customer_id,
    )
    assert [
        (group.method, group.shipping_minor, group.address, group.pickup_point) for group in quote.groups
    ] == [
        ("delivery", 500, HOME, None),
        ("pickup", 0, None, "quay-3"),
    ]
    assert [(line.sku, line.quantity, line.delivery_group) for line in quote.lines] == [
        ("TEA-250", 2, 0),
        ("MUG-1", 1, 1),
        ("BOOK-1", 3, 0),
    ]
    assert (list(quote.notices), quote.lacks) == ([], {})
    assert quote.totals.total_minor == order.total_minor


@pytest.mark.requirement("S3-25")
def test_a_reorder_can_be_edited_before_it_is_placed_as_an_order_of_its_own(session, place_order):
    order = place_order(lines=LINES)
    quote = reorder(session, order.id)

    drafts.change_draft(
        session,
        quote.draft.id,
        customer={"id": order.customer_id},
        delivery_groups=[{"method": "delivery", "shipping_minor": 0, "address": HOME}],
        lines=[{"sku": "TEA-250", "quantity": 7}],
        payment_method=order.payment_method,
    )
    again = drafts.place_draft(session, quote.draft.id)

    assert again.id != order.id
    [entry] = session.scalars(select(HistoryEntry).where(HistoryEntry.order_id == again.id))
    assert entry.detail["reorder_of"] == str(order.id)
    assert [(line.sku, line.quantity) for line in stored(session, again.id).lines] == [("TEA-250", 7)]
    assert [line.quantity for line in stored(session, order.id).lines] == [2, 1, 3]


@pytest.mark.requirement("S3-26")
def test_what_is_gone_and_what_costs_another_price_is_named_line_by_line(session, place_order):
    order = place_order(lines=LINES)
    put_product(session, "quay", "MUG-1", **product_details(name="Mug", active=False, prices={"gb": 1200}))
    put_product(session, "quay", "BOOK-1", **product_details(name="Book", prices={"gb": 1099}))

    quote = reorder(session, order.id)

    assert [(notice.line, notice.code, notice.detail) for notice in quote.notices] == [
        (1, "not_sold", "Mug-1 (MUG-1) is no longer sold"),
        (2, "price_changed", "Book was £9.99 and is now £10.99"),
    ]
    assert quote.lacks == {"lines.1.sku": "the seller has no such product"}
    assert quote.totals.lines_minor == 900 + 3 * 1099


@pytest.mark.requirement("S3-27")
def test_a_coupon_is_applied_again_while_it_is_valid(session, place_order, coupon):
    coupon()
    order = place_order(coupons=["SPRING"])

    quote = reorder(session, order.id)

    assert (quote.totals.discounts_minor, list(quote.notices)) == (90, [])


@pytest.mark.requirement("S3-27")
def test_a_coupon_that_has_expired_takes_nothing_off_and_says_so(session, place_order, coupon):
    coupon()
    order = place_order(coupons=["SPRING"])
    coupon(valid_until=clock.now() - timedelta(days=1))

    quote = reorder(session, order.id)

    assert quote.totals.discounts_minor == 0
    assert [(notice.code, notice.coupon, notice.detail) for notice in quote.notices] == [
        ("coupon_expired", "SPRING", "SPRING has expired and takes nothing off")
    ]


def test_a_price_named_for_the_first_order_is_not_repeated(session, place_order):
    order = place_order(lines=[("TEA-250", 1, 300)])

    quote = reorder(session, order.id)

    assert [(line.unit_price_minor, line.price_set_by) for line in quote.lines] == [(450, None)]
    assert [notice.code for notice in quote.notices] == ["price_changed"]


def test_a_way_to_pay_that_the_market_gave_up_is_to_be_chosen_anew(session, place_order, change_market):
    order = place_order(method="transfer")
    change_market(payment_methods=["online"])

    assert list(reorder(session, order.id).lacks) == ["payment_method"]


def test_an_order_that_is_over_can_be_ordered_again(session, place_order):
    order = place_order()
    cancel_order(session, order.id, reason="twice")

    assert reorder(session, order.id).lacks == {}


def test_anothers_order_is_not_there(session, place_order):
    order = place_order()
    session.info["actor"] = Actor(name="dot", sellers=frozenset({"dock"}), markets=frozenset({"*"}))

    with pytest.raises(NotFound):
        reorder(session, order.id)
