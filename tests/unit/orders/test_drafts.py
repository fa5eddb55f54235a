"""A draft is filled bit by bit, says what it lacks, and becomes an order once."""

from datetime import date
from uuid import UUID

import pytest
from sqlalchemy import func, select

from services.orders.commands import drafts
from services.orders.commands.customers import put_customer
from services.orders.commands.master_data import put_coupon, put_product
from services.orders.models import Customer, Draft, HistoryEntry, Order
from shared import clock
from shared.access import Actor, actor_of
from shared.db import new_id
from shared.errors import Invalid, NotFound, Refused, Stale
from shared.events.snapshots import Channel, PaymentMethod, StockLevel, StockSnapshot
from shared.messaging import copies
from shared.messaging.tables import event_log
from tests.unit.orders.sample_shop import HOME, product_details, stored

ADA = {"name": "Ada Okafor", "email": "ada@example.com", "phone": "+44 1482 000000"}
DELIVERY = {"method": "delivery", "shipping_minor": 500, "address": HOME}
WHOLE = {
    "customer": ADA,
    "delivery_groups": [DELIVERY],
    "lines": [{"sku": "TEA-250", "quantity": 2, "delivery_group": 0}],
    "payment_method": PaymentMethod.TRANSFER,
}


def person(name, **claims):
    return Actor(name=name, **{"sellers": frozenset({"*"}), "markets": frozenset({"*"})} | claims)


def as_person(session, name):
    session.info["actor"] = person(name)


@pytest.fixture
def draft(session):
    """Begin a draft in the shop's market."""

    def begin(**contents):
        return drafts.create_draft(session, seller="quay", market="gb", **contents)

    return begin


@pytest.fixture
def stock(session):
    """Hear of a SKU's stock, as the inbox does."""

    def hear(sku, *levels, version=1, seller="*"):
        snapshot = StockSnapshot(
            sku=sku,
            version=version,
            as_of=clock.now(),
            levels=tuple(
                StockLevel(location=f"L{place}", on_hand=on_hand, reserved=reserved, seller=seller)
                for place, (on_hand, reserved) in enumerate(levels)
            ),
        )
        copies.keep_newest(session, snapshot)
        return snapshot

    return hear


@pytest.mark.requirement("S3-12")
def test_a_draft_begins_with_a_market_and_a_customer_known_or_new(session, draft):
    put_customer(session, UUID(int=7), seller="quay", addresses=[], company="", vat_number="", **ADA)

    known = draft(customer={"id": UUID(int=7)})
    new = draft(customer={"name": "Bo"})

    assert (known.draft.market_code, known.draft.customer_id, known.customer.name) == (
        "gb",
        UUID(int=7),
        "Ada Okafor",
    )
    assert (new.draft.customer_id, new.draft.customer_name) == (None, "Bo")
    assert "customer" not in known.lacks
    assert new.lacks["customer.email"] == "is required"


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"market": "nowhere"}, "market"),
        ({"seller": "nobody"}, "seller"),
        ({"customer": {"id": UUID(int=9)}}, "customer.id"),
        ({"lines": [{"sku": "NONE", "quantity": 1}]}, "lines.0.sku"),
    ],
)
def test_what_is_unknown_is_named_by_its_field(session, wanted, field):
    with pytest.raises(Invalid) as invalid:
        drafts.create_draft(session, **{"seller": "quay", "market": "gb"} | wanted)

    assert list(invalid.value.fields) == [field]


def test_an_empty_draft_lacks_everything(draft):
    empty = draft()

    assert set(empty.lacks) == {"customer", "lines", "delivery_groups", "payment_method"}
    assert empty.totals.total_minor == 0


def test_a_draft_is_filled_until_nothing_lacks(session, draft):
    begun = draft(delivery_groups=[{"shipping_minor": 500}], lines=WHOLE["lines"])

    whole = drafts.change_draft(session, begun.draft.id, **WHOLE)

    assert set(begun.lacks) == {
        "customer",
        "payment_method",
        "billing_address",
        "delivery_groups.0.method",
        "delivery_groups.0.address",
    }
    assert whole.lacks == {}
    assert (whole.totals.total_minor, whole.draft.total_minor, whole.version) == (1400, 1400, 2)


def test_what_the_market_does_not_allow_is_lacking_not_refused(draft):
    wanted = draft(
        customer={},
        delivery_groups=[{"method": "drone"}, {"method": "pickup", "pickup_point": "quay-3"}],
        lines=[
            {"sku": "TEA-250", "quantity": 1, "discount_minor": 451},
            {"sku": "MUG-1", "quantity": 1, "delivery_group": 5},
        ],
        fees=[{"name": "Odd", "amount_minor": 1, "tax_class": "odd"}],
    )

    assert set(wanted.lacks) == {
        "customer",
        "payment_method",
        "billing_address",
        "delivery_groups.0.method",
        "delivery_groups.0.address",
        "delivery_groups.1",
        "lines.0.discount_minor",
        "lines.1.delivery_group",
        "fees.0.tax_class",
    }
    assert wanted.totals.total_minor == 1200


def test_sums_that_are_absurd_are_lacking_too(draft):
    wanted = draft(**WHOLE | {"discounts": [{"name": "Too much", "amount_minor": 901}]})

    assert wanted.lacks == {"discounts": "are more than the goods cost"}
    assert wanted.totals.total_minor == 0


@pytest.mark.requirement("S3-17")
def test_a_draft_without_a_line_cannot_be_placed(session, draft, published):
    empty = draft(**WHOLE | {"lines": []})

    assert empty.actions["place"].reason == "no_lines"
    with pytest.raises(Refused, match="no_lines") as refused:
        drafts.place_draft(session, empty.draft.id)
    assert refused.value.facts == {"lacks": [{"field": "lines", "reason": "at least one line is needed"}]}
    assert published("order.placed") == []


def test_a_draft_that_lacks_something_is_refused_as_its_actions_say(session, draft):
    begun = draft(**WHOLE | {"customer": {"name": "Bo"}})

    with pytest.raises(Refused) as refused:
        drafts.place_draft(session, begun.draft.id)

    against = begun.actions["place"]
    assert (refused.value.reason, refused.value.facts) == (against.reason, against.facts)
    assert refused.value.reason == "incomplete"


@pytest.mark.requirement("P-07")
def test_a_draft_tells_nobody_anything_so_it_holds_no_stock(session, draft):
    begun = draft(**WHOLE)
    drafts.change_draft(session, begun.draft.id, **WHOLE)
    drafts.abandon_draft(session, begun.draft.id)

    assert session.scalar(select(func.count()).select_from(event_log)) == 0


@pytest.mark.requirement("S1-10", "S3-02", "F-37")
def test_a_draft_is_placed_by_hand_as_the_order_it_described(session, draft, published):
    as_person(session, "tess")
    begun = draft(**WHOLE | {"channel": Channel.CALL, "locale": "es", "external_reference": "TEL-1"})
    as_person(session, "olu")

    drafts.place_draft(session, begun.draft.id)

    order = stored(session, begun.draft.id)
    assert (order.status, order.channel, order.locale, order.total_minor) == ("placed", "call", "es", 1400)
    assert (order.external_reference, order.lines[0].unit_price_minor) == ("TEL-1", 450)
    assert [told["order"]["order_id"] for told in published("order.placed")] == [str(order.id)]
    [entry] = session.scalars(select(HistoryEntry).where(HistoryEntry.order_id == order.id))
    assert (entry.actor, entry.detail["drafted_by"]) == ("olu", "tess")


@pytest.mark.parametrize("market", ["gb", "eu"])
def test_what_a_draft_says_it_costs_is_what_its_order_costs(session, market):
    put_coupon(
        session,
        *("quay", market, "SPRING"),
        name="Spring sale",
        percentage_basis_points=1250,
        amount_minor=None,
        valid_from=None,
        valid_until=None,
        active=True,
    )
    quote = drafts.create_draft(
        session,
        seller="quay",
        market=market,
        customer=ADA,
        payment_method=PaymentMethod.TRANSFER,
        delivery_groups=[DELIVERY, {"method": "pickup", "shipping_minor": 99, "pickup_point": "quay-3"}],
        lines=[
            {"sku": "TEA-250", "quantity": 7, "unit_price_minor": 433, "discount_minor": 17},
            {"sku": "BOOK-1", "quantity": 3, "delivery_group": 1},
        ],
        fees=[{"name": "Wrapping", "amount_minor": 101, "tax_class": "reduced"}],
        discounts=[{"name": "Voucher", "amount_minor": 77}],
        coupons=["SPRING"],
    )

    drafts.place_draft(session, quote.draft.id, total_minor=quote.totals.total_minor)

    order = stored(session, quote.draft.id)
    assert order.totals == quote.totals
    assert [(line.total_minor, line.tax_minor) for line in order.lines] == [
        (line.total_minor, line.tax_minor) for line in quote.lines
    ]
    assert [(fee.name, fee.amount_minor, fee.tax_minor) for fee in order.fees] == [
        (charge.name, charge.amount_minor, charge.tax_minor) for charge in quote.charges
    ]


def test_a_placed_draft_keeps_no_second_copy_of_the_person(session, draft):
    begun = draft(**WHOLE)

    drafts.place_draft(session, begun.draft.id)

    row = session.get(Draft, begun.draft.id)
    assert (row.status, row.contents, row.customer_name, row.customer_email) == ("placed", {}, "", "")
    assert row.order_id == begun.draft.id


@pytest.mark.parametrize("action", ["place", "change", "abandon"])
@pytest.mark.requirement("P-07")
def test_what_has_become_an_order_is_no_draft_any_more(session, draft, action):
    begun = draft(**WHOLE)
    drafts.place_draft(session, begun.draft.id)

    command = {"place": drafts.place_draft, "change": drafts.change_draft, "abandon": drafts.abandon_draft}
    with pytest.raises(Refused, match="already_placed"):
        command[action](session, begun.draft.id)

    assert session.scalar(select(func.count()).select_from(Order)) == 1


def test_a_draft_that_is_dearer_than_the_customer_was_told_is_not_placed(session, draft, published):
    begun = draft(**WHOLE)
    put_product(session, "quay", "TEA-250", **product_details(prices={"gb": 500}))

    with pytest.raises(Refused, match="total_changed") as refused, session.begin_nested():
        drafts.place_draft(session, begun.draft.id, total_minor=1400)

    assert refused.value.facts == {"total_minor": 1500}
    drafts.place_draft(session, begun.draft.id, total_minor=1500)
    assert len(published("order.placed")) == 1


@pytest.mark.requirement("S3-16")
def test_the_markets_price_is_filled_in_and_another_ones_author_is_kept(session, draft):
    as_person(session, "tess")
    begun = draft(**WHOLE | {"lines": [{"sku": "TEA-250", "quantity": 1}, {"sku": "MUG-1", "quantity": 1}]})
    cheaper = [{"sku": "TEA-250", "quantity": 1, "unit_price_minor": 400}, {"sku": "MUG-1", "quantity": 1}]
    named = drafts.change_draft(session, begun.draft.id, **WHOLE | {"lines": cheaper})
    as_person(session, "olu")
    cheaper[1] |= {"unit_price_minor": 1100}

    drafts.change_draft(session, begun.draft.id, **WHOLE | {"lines": cheaper})
    drafts.place_draft(session, begun.draft.id)

    assert [line.unit_price_minor for line in begun.lines] == [450, 1200]
    assert [(line.unit_price_minor, line.price_set_by) for line in named.lines] == [
        (400, "tess"),
        (1200, None),
    ]
    assert [
        (line.unit_price_minor, line.list_price_minor, line.price_set_by)
        for line in stored(session, begun.draft.id).lines
    ] == [(400, 450, "tess"), (1100, 1200, "olu")]


def test_a_price_that_changes_meanwhile_is_noticed_until_it_is_named(session, draft):
    begun = draft(**WHOLE)
    put_product(session, "quay", "TEA-250", **product_details(name="Tea", prices={"gb": 500}))

    kept = drafts.change_draft(session, begun.draft.id, **WHOLE)
    named = drafts.change_draft(
        session,
        begun.draft.id,
        **WHOLE | {"lines": [{"sku": "TEA-250", "quantity": 2, "unit_price_minor": 500}]},
    )

    assert [(notice.code, notice.line, notice.detail) for notice in kept.notices] == [
        ("price_changed", 0, "Tea was £4.50 and is now £5.00")
    ]
    assert kept.totals.lines_minor == 1000
    assert (list(named.notices), named.lines[0].price_set_by) == ([], None)


def test_a_product_that_goes_while_it_is_drafted_stays_and_is_named(session, draft):
    begun = draft(**WHOLE)
    put_product(session, "quay", "TEA-250", **product_details(active=False, prices={"gb": 450}))

    changed = drafts.change_draft(session, begun.draft.id, **WHOLE)

    assert [(notice.code, notice.line) for notice in changed.notices] == [("not_sold", 0)]
    assert changed.notices[0].detail == "Tea-250 (TEA-250) is no longer sold"
    assert changed.lacks == {"lines.0.sku": "the seller has no such product"}


@pytest.mark.requirement("S1-01")
def test_stock_is_shown_while_a_draft_is_composed_with_the_instant_it_held(session, draft, stock):
    put_product(
        session, "quay", "CASE-6", **product_details(name="Case", sales_coefficient=6, prices={"gb": 2400})
    )
    told = stock("CASE-6", (20, 4), (2, 0))

    begun = draft(
        **WHOLE
        | {"lines": [{"sku": "CASE-6", "quantity": 2}, {"sku": "CASE-6", "quantity": 2}, *WHOLE["lines"]]}
    )

    case, again, tea = (line.availability for line in begun.lines)
    assert (case.as_of, case.available_units, case.needed_units, case.enough) == (told.as_of, 18, 24, False)
    assert again == case
    assert tea is None
    assert [(notice.code, notice.line) for notice in begun.notices] == [
        ("not_enough_stock", 0),
        ("not_enough_stock", 1),
    ]
    assert begun.lacks == {}  # stock is advice: whether it is promised is the shipment's word


def test_an_older_word_on_stock_does_not_replace_a_newer_one(draft, stock):
    stock("TEA-250", (5, 0), version=2)
    stock("TEA-250", (1, 0), version=1)

    assert draft(**WHOLE).lines[0].availability.available_units == 5


@pytest.mark.requirement("V-06")
def test_another_sellers_stock_of_the_same_sku_is_not_shown(draft, stock):
    stock("TEA-250", (5, 0), seller="dock")

    availability = draft(**WHOLE).lines[0].availability

    assert (availability.available_units, list(availability.levels)) == (0, [])


def test_the_day_the_customer_would_like_goes_with_the_order(session, draft):
    begun = draft(**WHOLE | {"delivery_groups": [DELIVERY | {"requested_on": date(2998, 12, 24)}]})

    drafts.place_draft(session, begun.draft.id)

    assert stored(session, begun.draft.id).delivery_groups[0].requested_on == date(2998, 12, 24)


def test_a_change_of_an_older_draft_is_stale(session, draft):
    begun = draft(**WHOLE)
    drafts.change_draft(session, begun.draft.id, **WHOLE)
    session.info["actor"] = actor_of(session).expecting(1, begun.draft.id)

    for command in (drafts.change_draft, drafts.place_draft, drafts.abandon_draft):
        with pytest.raises(Stale):
            command(session, begun.draft.id)


def test_anothers_draft_is_not_there(session, draft):
    begun = draft(**WHOLE)
    session.info["actor"] = person("dot", sellers=frozenset({"dock"}))

    for command in (drafts.change_draft, drafts.place_draft, drafts.abandon_draft):
        with pytest.raises(NotFound):
            command(session, begun.draft.id)
    assert drafts.delete_drafts(session, [begun.draft.id]) == [(begun.draft.id, "not_found")]


@pytest.mark.requirement("S3-24")
def test_drafts_are_deleted_each_with_its_result_and_orders_never(session, draft, place_order):
    begun, placed, abandoned = draft(**WHOLE), draft(**WHOLE), draft(**WHOLE)
    drafts.place_draft(session, placed.draft.id)
    drafts.abandon_draft(session, abandoned.draft.id)
    order, unknown = place_order(), new_id()

    wanted = [unknown, order.id, placed.draft.id, begun.draft.id, abandoned.draft.id, begun.draft.id]
    results = drafts.delete_drafts(session, wanted)

    assert results == [
        (unknown, "not_found"),
        (order.id, "already_placed"),
        (placed.draft.id, "already_placed"),
        (begun.draft.id, None),
        (abandoned.draft.id, None),
    ]
    assert set(session.scalars(select(Draft.id))) == {placed.draft.id}
    assert session.scalar(select(func.count()).select_from(Order)) == 2


def test_nobody_is_made_a_customer_before_the_draft_is_an_order(session, draft):
    begun = draft(**WHOLE)
    before = session.scalar(select(func.count()).select_from(Customer))

    drafts.place_draft(session, begun.draft.id)

    assert before == 0
    customer = session.get(Customer, stored(session, begun.draft.id).customer_id)
    assert (customer.name, session.get(Draft, begun.draft.id).customer_id) == ("Ada Okafor", customer.id)
