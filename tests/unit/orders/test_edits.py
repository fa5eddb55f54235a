"""Placed orders are edited; a preview says what an edit would do, and nothing is paid back by it."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from services.orders.commands import erasure
from services.orders.commands.editing import edit_order
from services.orders.commands.master_data import put_coupon, put_market, put_product
from services.orders.commands.orders import accept_order, cancel_order, place_hold, refuse_order
from services.orders.commands.payments import record_payment
from services.orders.models import HistoryEntry, OrderFee, OrderLine
from shared.db import new_id
from shared.errors import Invalid, Refused
from shared.events.snapshots import Address
from tests.unit.orders.sample_shop import HOME, MARKET, placing_body, product_details, stored

WORK = Address(name="Ada Okafor", line1="1 Dock Road", city="Hull", postcode="HU9 1AA", country="GB")


@pytest.fixture
def placed(place_order):
    return place_order(
        lines=[("TEA-250", 2), ("MUG-1", 1)],
        delivery_groups=[{"method": "delivery", "shipping_minor": 500, "address": HOME}],
        fees=[{"name": "Wrapping", "amount_minor": 100}],
        discounts=[{"name": "Spring", "amount_minor": 200}],
    )


def lines_of(order, **quantities):
    """The order's lines as an edit names them, some with another quantity."""
    return [
        {"line_id": line.id} | ({"quantity": quantities[line.sku]} if line.sku in quantities else {})
        for line in order.lines
    ]


@pytest.mark.requirement("S3-03", "P-06")
def test_lines_quantities_and_prices_are_edited_and_the_sums_follow(session, placed, published):
    tea, mug = placed.lines
    edit = edit_order(
        session,
        placed.id,
        reason="wants more tea",
        lines=[
            {"line_id": tea.id, "quantity": 5, "unit_price_minor": 400},
            {"sku": "BOOK-1", "quantity": 1},
        ],
    )

    order = stored(session, placed.id)
    assert [(line.sku, line.quantity, line.unit_price_minor) for line in order.lines] == [
        ("TEA-250", 5, 400),
        ("BOOK-1", 1, 999),
    ]
    assert (edit.before.total_minor, edit.after.total_minor) == (2500, 2000 + 999 + 500 + 100 - 200)
    assert order.total_minor == edit.after.total_minor
    assert edit.changed == ["lines"]
    assert (order.lines[0].price_set_by, order.lines[1].price_set_by) == ("orders", None)
    [told] = published("order.updated")
    assert told["order"]["totals"]["total_minor"] == edit.after.total_minor
    assert [line["sku"] for line in told["order"]["lines"]] == ["TEA-250", "BOOK-1"]
    assert session.get(OrderLine, mug.id) is None


@pytest.mark.requirement("S3-03", "S3-19")
def test_address_and_method_of_a_delivery_group_are_edited(session, placed, published):
    [group] = placed.delivery_groups

    edit_order(
        session,
        placed.id,
        reason="at work",
        delivery_groups=[{"group_id": group.id, "address": WORK, "requested_on": date(2998, 12, 1)}],
    )
    edit = edit_order(
        session,
        placed.id,
        reason="fetches it",
        delivery_groups=[
            {"group_id": group.id, "method": "pickup", "pickup_point": "quay", "shipping_minor": 0}
        ],
    )

    first, second = published("order.updated")
    assert first["order"]["people"]["delivery"][str(group.id)]["line1"] == "1 Dock Road"
    assert first["order"]["delivery_groups"][0]["requested_on"] == "2998-12-01"
    assert (group.method_name, group.address, group.pickup_point) == ("Pickup", None, "quay")
    assert second["order"]["people"]["delivery"] == {}
    assert edit.after.total_minor == edit.before.total_minor - 500
    assert placed.billing_address == HOME


@pytest.mark.requirement("S3-19")
def test_lines_go_to_a_further_address_with_a_method_of_its_own(session, placed):
    [group] = placed.delivery_groups
    tea, mug = placed.lines

    edit_order(
        session,
        placed.id,
        reason="the mug is a present",
        delivery_groups=[
            {"group_id": group.id},
            {"method": "delivery", "shipping_minor": 300, "address": WORK},
        ],
        lines=[{"line_id": tea.id}, {"line_id": mug.id, "delivery_group": 1}],
    )

    order = stored(session, placed.id)
    assert [group.address.line1 for group in order.delivery_groups] == ["3 Quay Row", "1 Dock Road"]
    assert [line.group_id for line in order.lines] == [group.id for group in order.delivery_groups]
    assert order.shipping_minor == 800


def test_a_group_that_is_not_named_is_gone_with_its_shipping(session, placed):
    edit = edit_order(
        session,
        placed.id,
        reason="elsewhere",
        delivery_groups=[{"method": "pickup", "pickup_point": "quay"}],
        lines=[{**line, "delivery_group": 0} for line in lines_of(placed)],
    )

    order = stored(session, placed.id)
    assert [group.method for group in order.delivery_groups] == ["pickup"]
    assert edit.after.shipping_minor == 0


@pytest.mark.requirement("S3-03")
def test_fees_discounts_customer_and_billing_address_are_edited(session, placed):
    edit = edit_order(
        session,
        placed.id,
        reason="a goodwill",
        customer={"phone": "+44 1482 111111"},
        billing_address=WORK,
        fees=[],
        discounts=[{"name": "Goodwill", "amount_minor": 300}],
    )

    order = stored(session, placed.id)
    assert (order.fees_minor, order.discounts_minor) == (0, 300)
    assert (order.customer_phone, order.customer_name, order.billing_address) == (
        "+44 1482 111111",
        "Ada Okafor",
        WORK,
    )
    assert edit.changed == ["customer", "billing_address", "fees", "discounts"]


def test_what_is_left_out_stays_as_it_was_placed(session, placed):
    """Whatever the market and the products have become since."""
    sums = placed.totals
    put_market(session, "gb", **MARKET | {"tax_rates": {"standard": 2500, "reduced": 500, "zero": 0}})
    put_product(session, "quay", "TEA-250", **product_details(prices={"gb": 999}, active=False))
    session.expire_all()

    edit = edit_order(session, placed.id, reason="phone", customer={"phone": "1"}, lines=lines_of(placed))

    assert (edit.before, edit.after, edit.changed) == (sums, sums, ["customer"])


@pytest.mark.requirement("P-06")
def test_the_preview_says_what_the_edit_does_and_does_nothing(client, bearer, session):
    order = client.post("/v1/orders", json=placing_body(), headers=bearer()).json
    edits = f"/v1/orders/{order['order_id']}/edits"
    body = {
        "reason": "wants a mug",
        "lines": [{"line_id": order["lines"][0]["line_id"], "quantity": 1}, {"sku": "MUG-1", "quantity": 2}],
        "discounts": [{"name": "Spring", "amount_minor": 77}],
    }

    preview = client.post(f"{edits}/preview", json=body, headers=bearer())
    unchanged = client.get(f"/v1/orders/{order['order_id']}", headers=bearer()).json
    none = client.get(edits, headers=bearer()).json["items"]
    made = client.post(edits, json=body, headers=bearer() | {"If-Match": '"1"'})
    stale = client.post(f"{edits}/preview", json=body, headers=bearer() | {"If-Match": '"1"'})

    assert (preview.status_code, preview.json) == (200, made.json)
    assert preview.json["after"]["total_minor"] == 450 + 2400 + 500 - 77
    assert (unchanged, none) == (order, [])
    assert (made.headers["ETag"], stale.status_code) == ('"2"', 412)


@pytest.mark.requirement("P-06", "F-34")
def test_each_edit_is_kept_with_both_totals_and_who_when_why(client, bearer):
    order = client.post("/v1/orders", json=placing_body(), headers=bearer()).json
    address = f"/v1/orders/{order['order_id']}"
    line = {"line_id": order["lines"][0]["line_id"], "quantity": 3}

    client.post(
        f"{address}/edits", json={"reason": "one more", "lines": [line]}, headers=bearer(subject="olu")
    )

    [edit] = client.get(f"{address}/edits", headers=bearer()).json["items"]
    assert (edit["actor"], edit["reason"], edit["changed"], edit["version"]) == (
        "olu",
        "one more",
        ["lines"],
        2,
    )
    assert (edit["before"]["total_minor"], edit["after"]["total_minor"]) == (1400, 1850)
    assert edit["at"] > order["placed_at"]
    history = client.get(f"{address}/history", headers=bearer()).json["items"]
    assert [(item["actor"], item["action"]) for item in history] == [("tess", "place"), ("olu", "edit")]


@pytest.mark.requirement("C-33")
def test_the_history_has_each_address_before_and_after_until_the_person_is_erased(session, placed):
    [group] = placed.delivery_groups
    elsewhere = [{"group_id": group.id, "method": "delivery", "shipping_minor": 500, "address": WORK}]
    edit_order(session, placed.id, reason="moved", billing_address=WORK, delivery_groups=elsewhere)
    [edit] = session.scalars(select(HistoryEntry).where(HistoryEntry.action == "edit"))

    assert edit.before["delivery_addresses"][0]["line1"] == HOME.line1
    assert edit.after["delivery_addresses"][0]["line1"] == WORK.line1
    billed = [side["billing_address"]["line1"] for side in (edit.before, edit.after)]
    assert billed == [HOME.line1, WORK.line1]
    assert edit.actor == session.info["actor"].name

    refuse_order(session, placed.id, reason="sold out")
    erasure.erase_person(session, placed.id)
    for entry in session.scalars(select(HistoryEntry).execution_options(populate_existing=True)):
        assert "Hull" not in str([entry.before, entry.after, entry.detail])


@pytest.mark.requirement("S3-03")
def test_only_a_placed_order_is_edited_held_or_not(session, place_order):
    accepted, cancelled, held = (place_order(method="cash_on_delivery") for _ in "abc")
    accept_order(session, accepted.id)
    cancel_order(session, cancelled.id, reason="twice")
    place_hold(session, held.id, "verification")

    for order in (accepted, cancelled):
        with pytest.raises(Refused, match="wrong_status"):
            edit_order(session, order.id, reason="late", customer={"phone": "1"})
        assert order.actions["edit"].reason == "wrong_status"
    assert edit_order(session, held.id, reason="phone", customer={"phone": "1"}).changed == ["customer"]


WRONG = {
    "lines.0.line_id": lambda _: {"lines": [{"line_id": new_id()}]},
    "lines.1.line_id": lambda order: {"lines": [{"line_id": order.lines[0].id}] * 2},
    "lines.0.sku": lambda order: {"lines": [{"line_id": order.lines[0].id, "sku": "BOOK-1"}]},
    "lines.0.delivery_group": lambda order: {"lines": [{"line_id": order.lines[0].id, "delivery_group": 1}]},
    "delivery_groups.0.group_id": lambda _: {"delivery_groups": [{"group_id": new_id()}]},
    "delivery_groups.0.method": lambda order: {
        "delivery_groups": [{"group_id": order.delivery_groups[0].id, "method": "pigeon"}]
    },
    "delivery_groups.0.address": lambda order: {
        "delivery_groups": [{"method": "delivery"}],
        "lines": [{"sku": "TEA-250", "quantity": 1}],
    },
    "discounts": lambda _: {"discounts": [{"name": "All", "amount_minor": 100_000}]},
}


@pytest.mark.parametrize("field", WRONG)
def test_what_cannot_be_is_named(session, placed, field):
    version = placed.version

    with pytest.raises(Invalid) as refused:
        edit_order(session, placed.id, reason="x", **WRONG[field](placed))

    assert field in refused.value.fields
    assert placed.version == version


def test_lines_do_not_stay_behind_without_their_group(session, placed):
    with pytest.raises(Invalid, match="its delivery group was removed"):
        edit_order(
            session,
            placed.id,
            reason="x",
            delivery_groups=[{"method": "delivery", "shipping_minor": 0, "address": WORK}],
        )


def test_units_that_were_cancelled_stay_cancelled(session, placed):
    tea, mug = placed.lines
    cancel_order(session, placed.id, reason="too many", lines=[{"line_id": tea.id, "quantity": 1}])

    for lines in ([{"line_id": mug.id}], [{"line_id": tea.id, "quantity": 0}, {"line_id": mug.id}]):
        with pytest.raises(Invalid, match="cancelled"):
            edit_order(session, placed.id, reason="x", lines=lines)
    edit_order(session, placed.id, reason="three of them", lines=lines_of(placed, **{"TEA-250": 3}))

    order = stored(session, placed.id)
    assert (order.lines[0].cancelled_quantity, order.wanted_units) == (1, 3)
    assert 0 < order.cancelled_minor < 450


@pytest.mark.requirement("S3-03")
def test_coupons_are_edited_and_one_that_is_not_valid_is_named(session, placed):
    terms = {"amount_minor": None, "valid_from": None, "valid_until": None, "active": True}
    put_coupon(session, "quay", "gb", "TEN", name="Ten off", percentage_basis_points=1000, **terms)

    edit = edit_order(session, placed.id, reason="forgot the code", coupons=["TEN"])
    kept = edit_order(session, placed.id, reason="phone", customer={"phone": "1"})

    assert (edit.after.discounts_minor, placed.coupons, edit.changed) == (
        210,
        ["TEN"],
        ["discounts", "coupons"],
    )
    assert kept.after == edit.after
    with pytest.raises(Invalid) as refused:
        edit_order(session, placed.id, reason="x", coupons=["TEN", "NONE"])
    assert refused.value.fields == {"coupons.1": "coupon_unknown"}


@pytest.mark.requirement("M-12")
def test_a_percentage_follows_the_goods_and_an_amount_stays(session, place_order):
    terms = {"valid_from": None, "valid_until": None, "active": True}
    tenth = {"percentage_basis_points": 1000, "amount_minor": None}
    put_coupon(session, "quay", "gb", "TENTH", name="A tenth", **tenth, **terms)
    fifty = {"percentage_basis_points": None, "amount_minor": 50}
    put_coupon(session, "quay", "gb", "FIFTY", name="Fifty pence", **fifty, **terms)
    lines = [("TEA-250", 10, 999), ("BOOK-1", 10, 100)]
    placed = place_order(lines=lines, coupons=["TENTH", "FIFTY"])
    assert placed.totals.discounts_minor == 1099 + 50
    put_coupon(session, "quay", "gb", "TENTH", name="Ended", **tenth, **terms | {"active": False})

    one = edit_order(session, placed.id, reason="one", lines=lines_of(placed, **{"TEA-250": 1})[:1])
    order = stored(session, placed.id)
    more = edit_order(session, placed.id, reason="two", lines=lines_of(order, **{"TEA-250": 2}))

    assert (one.after.lines_minor, one.after.discounts_minor) == (999, 100 + 50)
    assert "discounts" in one.changed
    assert (more.after.lines_minor, more.after.discounts_minor) == (1998, 200 + 50)
    assert order.coupons == ["TENTH", "FIFTY"]
    assert sum(row.gross_minor for row in more.after.tax) == more.after.total_minor == 1998 - 250


@pytest.mark.requirement("M-12")
def test_what_was_granted_before_shares_were_kept_stays_an_amount(session, placed):
    terms = {"amount_minor": None, "valid_from": None, "valid_until": None, "active": True}
    put_coupon(session, "quay", "gb", "TEN", name="Ten off", percentage_basis_points=1000, **terms)
    edit_order(session, placed.id, reason="forgot the code", coupons=["TEN"])
    order = stored(session, placed.id)
    for fee in order.fees:
        fee.share_basis_points = None
    session.flush()

    edit = edit_order(session, placed.id, reason="more", lines=lines_of(order, **{"TEA-250": 9}))

    assert edit.after.discounts_minor == edit.before.discounts_minor == 210


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "reason"),
        ({"reason": "x"}, "reason"),
        ({"reason": "x", "lines": []}, "lines"),
        ({"reason": "x", "lines": [{"sku": "TEA-250"}]}, "lines.0.quantity"),
        ({"reason": "x", "delivery_groups": [{"shipping_minor": 1}]}, "delivery_groups.0.method"),
        ({"reason": "x", "customer": {"email": "nobody"}}, "customer.email"),
    ],
)
def test_bad_edits_are_named_over_the_api(client, bearer, body, field):
    order = client.post("/v1/orders", json=placing_body(), headers=bearer()).json

    for address in ("edits", "edits/preview"):
        answer = client.post(f"/v1/orders/{order['order_id']}/{address}", json=body, headers=bearer())
        assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, field)


QUANTITIES = st.lists(st.integers(1, 9), min_size=1, max_size=5)


@pytest.mark.requirement("F-16")
@settings(max_examples=25)
@given(QUANTITIES, st.integers(0, 12_000), st.sampled_from(["gb", "eu"]), st.integers(0, 400))
def test_an_edit_undone_leaves_what_is_due_as_it_was(
    session, place_order, quantities, paid, market, discount
):
    order = place_order(
        lines=[("TEA-250", 2), ("BOOK-1", 1)],
        market=market,
        discounts=[{"name": "Spring", "amount_minor": discount}] if discount else [],
    )
    if paid:
        record_payment(session, order.id, amount_minor=paid, reference="TRF 1")
    totals, standing = order.totals, order.payment
    excess = max(0, paid - totals.total_minor)

    for quantity in quantities:
        edit = edit_order(session, order.id, reason="x", lines=lines_of(order, **{"TEA-250": quantity}))

        assert edit.refund_due_minor == max(0, paid - edit.after.total_minor)
        assert edit.outstanding_minor == max(0, edit.after.total_minor - paid)
        fees = session.scalars(select(OrderFee).where(OrderFee.order_id == order.id)).all()
        assert sum(line.total_minor for line in order.lines) == edit.after.lines_minor
        assert sum(row.gross_minor for row in edit.after.tax) == edit.after.total_minor
        assert -sum(fee.amount_minor for fee in fees) == edit.after.discounts_minor
    undone = edit_order(session, order.id, reason="as before", lines=lines_of(order, **{"TEA-250": 2}))

    assert (undone.after, undone.refund_due_minor, order.refunds) == (totals, excess, [])
    assert (undone.payment.owed_minor, undone.payment.covered) == (standing.owed_minor, standing.covered)


def test_an_overpaid_order_is_accepted_and_its_refund_is_a_step_of_its_own(session, placed, published):
    record_payment(session, placed.id, reference="TRF 1")

    edit_order(session, placed.id, reason="less", lines=lines_of(placed, **{"TEA-250": 1}))
    accept_order(session, placed.id)

    assert published("refund.requested") == []
    assert placed.payment_state == "overpaid"
