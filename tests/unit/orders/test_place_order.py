"""place_order stores an order as a whole, tells it once, and refuses what can't be."""

from datetime import date
from uuid import UUID

import pytest
from sqlalchemy import event, select

from services.orders import events
from services.orders.commands import placing
from services.orders.commands.customers import put_customer
from services.orders.commands.master_data import put_product, put_seller
from services.orders.models import Customer, HistoryEntry, column_names
from services.orders.pricing.costs import LARGEST_TOTAL_MINOR
from shared.access import Actor
from shared.db import new_id
from shared.errors import Invalid, Refused
from shared.events import codec
from shared.events.snapshots import PaymentMethod
from tests.unit.orders.sample_shop import HOME, order_wanted, product_details, seller_details, stored


def test_placing_tells_the_whole_order(session, place_order, published):
    order = place_order(lines=[("TEA-250", 2), ("MUG-1", 1)])

    [payload] = published("order.placed")
    told = codec.decode("order.placed", payload).order
    assert (told.order_id, told.number, told.version, told.status) == (order.id, order.number, 1, "placed")
    assert told.seller.seller == "quay"
    assert told.market.currency == "GBP"
    assert told.people.customer.email == "ada@example.com"
    assert told.people.delivery == {str(order.delivery_groups[0].id): HOME}
    assert [(line.sku, line.quantity, line.total_minor) for line in told.lines] == [
        ("TEA-250", 2, 900),
        ("MUG-1", 1, 1200),
    ]
    assert told.totals.total_minor == 2100
    assert (told.payment.state, told.payment.owed_minor, told.payment.covered) == ("unpaid", 2100, False)


def test_what_is_answered_is_what_is_stored(session):
    wanted = order_wanted(
        lines=[("TEA-250", 2), ("BOOK-1", 1)],
        delivery_groups=[
            {
                "method": "delivery",
                "shipping_minor": 500,
                "address": HOME,
                "requested_on": date(2998, 12, 24),
            }
        ],
        fees=[{"name": "Gift wrapping", "amount_minor": 300}],
        discounts=[{"name": "Voucher", "amount_minor": 189}],
        external_reference="WEB-1",
    )
    answered = placing.place_order(session, **wanted)

    order = stored(session, answered.id)

    assert order is not answered
    assert events.snapshot(order) == events.snapshot(answered)
    for part, twin in zip(search_word_rows(order), search_word_rows(answered), strict=True):
        assert type(part) is type(twin)
        for column in column_names(type(part)):
            assert getattr(part, column) == getattr(twin, column), column
    # 900 at 20 %, 999 at 0 %: each rate bears its share of the voucher.
    assert [fee.amount_minor for fee in order.fees] == [500, 300, -90, -99]
    assert order.total_minor == 900 + 999 + 500 + 300 - 189


def search_word_rows(order):
    return [order, order.seller, order.market, *order.delivery_groups, *order.lines, *order.fees]


def test_a_net_market_adds_its_tax(place_order):
    order = place_order(lines=[("TEA-250", 2), ("BOOK-1", 1)], market="eu")

    assert (order.currency, order.lines_minor, order.tax_added_minor) == ("EUR", 1899, 180)
    assert order.total_minor == 2079
    assert [(row.rate_basis_points, row.gross_minor) for row in order.tax] == [(2000, 1080), (0, 999)]


def test_numbers_carry_the_market_and_rise(place_order):
    first, second = place_order(), place_order(market="eu")

    assert first.number.startswith("GB-")
    assert second.number.startswith("EU-")
    assert int(second.number[3:]) > int(first.number[3:])


def test_placing_takes_two_statements(session):
    seen = []
    engine = session.connection().engine

    def note(_connection, _cursor, statement, *_):
        seen.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    placing.place_order(session, **order_wanted())
    event.remove(engine, "before_cursor_execute", note)

    assert len([statement for statement in seen if "SAVEPOINT" not in statement]) == 2


def test_a_new_customer_is_made_with_the_order(session, place_order):
    order = place_order(
        customer={"name": "Zoë Ångström", "email": "zoe@example.com", "company": "Ångström AB"}
    )

    customer = session.get(Customer, order.customer_id)
    assert (customer.seller_code, customer.name, customer.company) == ("quay", "Zoë Ångström", "Ångström AB")


@pytest.mark.requirement("S3-33")
def test_an_order_keeps_the_customer_and_address_it_was_placed_with(session, place_order):
    customer_id = new_id()
    ada = {"name": "Ada", "email": "ada@example.com", "phone": "1", "company": "", "vat_number": ""}
    put_customer(session, customer_id, seller="quay", addresses=[HOME], **ada)
    order = place_order(customer={"id": customer_id})

    put_customer(session, customer_id, seller="quay", addresses=[], **ada | {"name": "Ada Lovelace"})

    order = stored(session, order.id)
    assert (order.customer_id, order.customer_name) == (customer_id, "Ada")
    assert order.delivery_groups[0].address == HOME


@pytest.mark.requirement("S3-16")
def test_another_price_than_the_markets_is_taken_and_who_named_it_written_down(session, place_order):
    session.info["actor"] = Actor(name="tess", sellers=frozenset({"quay"}), markets=frozenset({"gb"}))

    order = place_order(lines=[("TEA-250", 2, 400), ("MUG-1", 1, 1200), ("BOOK-1", 1)])

    assert [(line.unit_price_minor, line.list_price_minor, line.price_set_by) for line in order.lines] == [
        (400, 450, "tess"),
        (1200, 1200, None),
        (999, 999, None),
    ]


def test_a_product_without_a_price_is_sold_at_the_price_that_is_named(session, place_order):
    put_product(session, "quay", "RARE-1", **product_details())

    order = place_order(lines=[("RARE-1", 1, 7777)])

    assert (order.total_minor, order.lines[0].list_price_minor) == (7777, None)


def test_lines_go_to_their_delivery_groups(session, place_order):
    wanted = order_wanted(lines=[("TEA-250", 1), ("MUG-1", 1)])["lines"]
    wanted[1]["delivery_group"] = 1
    order = placing.place_order(
        session,
        **order_wanted(
            delivery_groups=[
                {"method": "delivery", "shipping_minor": 500, "address": HOME},
                {"method": "pickup", "shipping_minor": 0, "pickup_point": "quay-3"},
            ]
        )
        | {"lines": wanted},
    )

    delivery, pickup = order.delivery_groups
    assert [line.group_id for line in order.lines] == [delivery.id, pickup.id]
    assert (pickup.pickup_point, pickup.address) == ("quay-3", None)
    assert [(fee.kind, fee.group_id) for fee in order.fees] == [("shipping", delivery.id)]


@pytest.mark.parametrize(
    ("locale", "name"), [("en", "Delivery"), ("es", "Envío"), ("es_CO", "Envío"), ("fr", "Delivery")]
)
def test_the_methods_name_is_in_the_orders_language_or_the_markets(place_order, locale, name):
    assert place_order(locale=locale).delivery_groups[0].method_name == name


def test_a_free_order_is_covered_from_the_start(place_order):
    order = place_order(lines=[("TEA-250", 1, 0)])

    assert (order.payment_state, order.covered_at) == ("paid", order.placed_at)


def test_the_history_begins_with_the_placing(session, place_order):
    order = place_order()

    [entry] = session.scalars(select(HistoryEntry).where(HistoryEntry.order_id == order.id))
    assert (entry.action, entry.actor, entry.version) == ("place", "orders", 1)
    assert (entry.after["status"], entry.after["total_minor"]) == ("placed", 900)


@pytest.mark.requirement("F-36")
def test_an_external_reference_is_placed_once_per_seller(session, place_order, published):
    first = place_order(external_reference="WEB-1")

    with pytest.raises(Refused, match="already_placed") as refused:
        place_order(external_reference="WEB-1")
    other = place_order(external_reference="WEB-1", seller="dock")

    assert refused.value.facts == {"order_id": first.id, "number": first.number}
    assert [told["order"]["order_id"] for told in published("order.placed")] == [str(first.id), str(other.id)]
    assert session.query(Customer).count() == 2


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"seller": "nobody"}, "seller"),
        ({"market": "nowhere"}, "market"),
        ({"customer": {"id": UUID(int=1)}}, "customer.id"),
        ({"lines": [("TEA-250", 1), ("NONE", 1)]}, "lines.1.sku"),
        (
            {"delivery_groups": [{"method": "drone", "shipping_minor": 0, "address": HOME}]},
            "delivery_groups.0.method",
        ),
        ({"delivery_groups": [{"method": "delivery", "shipping_minor": 0}]}, "delivery_groups.0.address"),
        (
            {"delivery_groups": [{"method": "pickup", "shipping_minor": 0, "pickup_point": "quay-3"}]},
            "billing_address",
        ),
        ({"fees": [{"name": "Odd", "amount_minor": 1, "tax_class": "odd"}]}, "fees.0.tax_class"),
        ({"discounts": [{"name": "Too much", "amount_minor": 901}]}, "discounts"),
        ({"lines": [("TEA-250", 1_000_000, 10**12)]}, "lines"),
    ],
)
def test_what_cannot_be_is_named_by_its_field(session, place_order, published, changes, field):
    with pytest.raises(Invalid) as invalid:
        place_order(**changes)

    assert list(invalid.value.fields) == [field]
    assert published("order.placed") == []


def test_everything_wrong_is_named_at_once(session, change_market):
    change_market(payment_methods=[PaymentMethod.ONLINE])
    wanted = order_wanted(
        delivery_groups=[
            {"method": "drone", "shipping_minor": 0, "address": HOME},
            {"method": "delivery", "shipping_minor": 0, "address": HOME},
        ],
        fees=[{"name": "Odd", "amount_minor": 1, "tax_class": "odd"}],
    )
    wanted["lines"] = [
        {"sku": "TEA-250", "quantity": 2, "discount_minor": 901},
        {"sku": "NONE", "quantity": 1, "delivery_group": 2},
    ]

    with pytest.raises(Invalid) as invalid:
        placing.place_order(session, **wanted)

    assert set(invalid.value.fields) == {
        "payment_method",
        "delivery_groups.0.method",
        "delivery_groups.1",
        "lines.0.discount_minor",
        "lines.1.sku",
        "lines.1.delivery_group",
        "fees.0.tax_class",
    }


def test_the_largest_total_is_still_placed(place_order):
    order = place_order(lines=[("TEA-250", 1000, 10**12)])

    assert order.total_minor == LARGEST_TOTAL_MINOR


def test_products_that_are_not_sold_any_more_cannot_be_ordered(session, place_order):
    put_product(session, "quay", "TEA-250", **product_details(active=False, prices={"gb": 450}))

    with pytest.raises(Invalid, match=r"lines\.0\.sku"):
        place_order()


@pytest.mark.parametrize(
    ("product", "field"), [({}, "lines.0.unit_price_minor"), ({"tax_class": "odd"}, "lines.0.sku")]
)
def test_what_the_market_has_no_price_or_rate_for_cannot_be_ordered(session, place_order, product, field):
    prices = {} if not product else {"gb": 5}
    put_product(session, "quay", "RARE-1", **product_details(prices=prices, **product))

    with pytest.raises(Invalid) as invalid:
        place_order(lines=[("RARE-1", 1)])

    assert list(invalid.value.fields) == [field]


def test_another_sellers_customer_is_unknown(session, place_order):
    put_seller(session, "dock", **seller_details())
    stranger = place_order(seller="dock")

    with pytest.raises(Invalid, match=r"customer\.id"):
        place_order(customer={"id": stranger.customer_id})
