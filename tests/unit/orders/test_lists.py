"""Lists come page by page, in the order asked for, with each row as its schema says."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from services.orders.api.schemas.orders import ListedOrderSchema, OrderSummarySchema
from services.orders.commands import master_data, payments
from services.orders.commands.changes import change
from services.orders.commands.orders import place_hold
from services.orders.models import Order, OrderWord
from services.orders.queries import lists
from shared import clock
from shared.events.snapshots import ConversationSnapshot, TaxMode
from shared.messaging import copies
from shared.web import payloads
from tests.plans import plans
from tests.unit.orders.sample_shop import MARKET, stored

SUMMARY = OrderSummarySchema()


@pytest.fixture
def ask(client, bearer):
    """A page of a list."""

    def ask(claims=None, **query):
        answer = client.get("/v1/orders", query_string=query, headers=bearer(**claims or {}))
        assert answer.status_code == 200, answer.json
        return answer.json

    return ask


@pytest.fixture
def walk(ask):
    """The numbers on all pages of a list."""

    def walk(**query):
        numbers, cursor = [], {}
        while True:
            page = ask(limit=2, **query, **cursor)
            numbers += [item["number"] for item in page["items"]]
            if page["next"] is None:
                return numbers
            cursor = {"cursor": page["next"]}

    return walk


@pytest.fixture
def place_at(session, place_order):
    """Place an order at a time."""

    def place(*at, **wanted):
        order = place_order(**wanted)
        placed_at = datetime(*at, tzinfo=UTC)
        session.execute(update(Order).where(Order.id == order.id).values(placed_at=placed_at))
        of_order = OrderWord.order_id == order.id
        session.execute(update(OrderWord).where(of_order).values(placed_at=placed_at))
        session.expire_all()
        return order.number

    return place


@pytest.fixture
def move_europe(session):
    """Have another time zone in the market eu."""

    def move(zone):
        rules = {"currency": "EUR", "tax_mode": TaxMode.NET, "time_zone": zone}
        master_data.put_market(session, "eu", **MARKET | rules)

    return move


@pytest.fixture
def hear_talk(session):
    """Hear from notifications who wrote on an order."""
    versions = iter(range(1, 100))

    def hear(order, *, unanswered):
        about = {"order_id": order.id, "number": order.number, "version": next(versions)}
        copies.keep_newest(session, ConversationSnapshot(**about, messages=1, unanswered=unanswered))

    return hear


@pytest.mark.requirement("S0-01", "S4-07")
def test_all_orders_are_in_one_list_and_lead_to_their_page(client, bearer, place_order, ask):
    orders = [place_order(), place_order(market="eu"), place_order(method="online")]

    listed = ask({"sellers": ["quay"], "markets": ["*"]})["items"]

    assert [item["number"] for item in listed] == [order.number for order in reversed(orders)]
    for item in listed:
        page = client.get(f"/v1/orders/{item['order_id']}", headers=bearer()).json
        assert page["number"] == item["number"]


@pytest.mark.requirement("S1-09")
def test_a_customers_orders_are_listed_by_the_customer(place_order, walk):
    first = place_order()
    place_order()
    again = place_order(customer={"id": first.customer_id})

    assert walk(customer_id=first.customer_id) == [again.number, first.number]


def test_an_order_is_in_the_list_as_soon_as_it_is_placed(place_order, ask):
    assert ask()["items"] == []

    order = place_order()

    assert ask()["items"][0]["number"] == order.number


@pytest.mark.parametrize("filters", [{}, {"sku": "TEA-250"}, {"name": "ada"}, {"market": ["gb", "eu"]}])
@pytest.mark.parametrize("sort", ["-placed_at", "placed_at", "-total_minor", "total_minor"])
def test_pages_show_each_order_once_in_order_also_where_many_are_equal(place_order, walk, sort, filters):
    prices = [100, 300, 200, 200, 200, 300, 100]
    orders = [place_order(lines=[("TEA-250", 1, price)]) for price in prices]

    numbers = walk(sort=sort, **filters)

    key = (lambda order: order.id) if "placed" in sort else (lambda order: (order.total_minor, order.id))
    expected = sorted(orders, key=key, reverse=sort.startswith("-"))
    assert numbers == [order.number for order in expected]


def test_pages_hold_where_orders_were_placed_in_the_same_instant(place_at, walk):
    numbers = {place_at(2026, 3, 1) for _ in range(5)}

    newest, oldest, by_word = walk(), walk(sort="placed_at"), walk(sku="TEA-250")

    assert set(newest) == numbers
    assert newest == by_word == oldest[::-1]


@pytest.mark.requirement("F-27")
def test_a_list_counts_only_where_asked_and_never_beyond_its_cap(place_order, ask, monkeypatch):
    for _ in range(3):
        place_order()
    monkeypatch.setattr(lists, "COUNTED_AT_MOST", 2)

    counted = ask(count="true", limit=1)

    assert "count" not in ask()
    assert (counted["count"], counted["count_is_capped"]) == (2, True)
    assert (
        ask(count="true", name="nobody")["count"],
        ask(count="true", name="nobody")["count_is_capped"],
    ) == (
        0,
        False,
    )


def test_each_row_is_what_its_schema_says(session, place_order, ask):
    order = place_order(external_reference="SHOP-1")
    with change(session, order, "tag"):
        order.tags = ["gift"]
    order = stored(session, order.id)

    [row] = ask()["items"]

    read_beside = {name: row.pop(name) for name in ListedOrderSchema().fields.keys() - SUMMARY.fields.keys()}
    assert len(read_beside) == 6
    assert row == payloads.decode(payloads.encode(SUMMARY.dump(order)))


@pytest.mark.requirement("P-37")
@pytest.mark.parametrize("market", ["gb", "eu"])
def test_list_and_detail_show_the_same_total(client, bearer, place_order, ask, market):
    order = place_order(market=market, lines=[("TEA-250", 3, 333), ("BOOK-1", 1)])

    [row] = ask()["items"]
    detail = client.get(f"/v1/orders/{order.id}", headers=bearer()).json

    assert (row["total_minor"], row["currency"]) == (detail["totals"]["total_minor"], detail["currency"])


@pytest.mark.requirement("S3-05", "S3-10", "F-28")
def test_a_single_day_is_all_of_it_and_nothing_else(place_at, walk):
    place_at(2026, 6, 9, 22, 59, 59)  # 23:59:59 in London, the day before
    midnight = place_at(2026, 6, 9, 23)
    last = place_at(2026, 6, 10, 22, 59, 59)
    place_at(2026, 6, 10, 23)

    assert walk(placed_from="2026-06-10", placed_to="2026-06-10") == [last, midnight]


@pytest.mark.requirement("S3-10", "F-28")
@pytest.mark.parametrize(
    ("day", "first", "hours"),
    [
        ("2026-03-29", (2026, 3, 29, 0), 23),  # London's clocks skip an hour
        ("2026-10-25", (2026, 10, 24, 23), 25),  # and live one twice
        ("2026-12-01", (2026, 12, 1, 0), 24),
    ],
)
def test_a_day_is_as_long_as_its_markets_clocks_make_it(place_at, walk, day, first, hours):
    begin = datetime(*first, tzinfo=UTC)
    at = [begin - timedelta(seconds=1), begin, begin + timedelta(hours=hours, seconds=-1)]
    at.append(begin + timedelta(hours=hours))
    numbers = [place_at(*one.timetuple()[:6]) for one in at]

    assert walk(placed_from=day, placed_to=day) == [numbers[2], numbers[1]]


@pytest.mark.requirement("S3-10", "F-28")
def test_each_markets_orders_follow_its_own_clocks(move_europe, place_at, walk):
    move_europe("Asia/Tokyo")
    place_at(2026, 6, 9, 14, 59, market="eu")
    tokyo = place_at(2026, 6, 9, 15, market="eu")  # the 10th in Tokyo
    place_at(2026, 6, 9, 15)  # the 9th in London
    london = place_at(2026, 6, 10, 15)
    place_at(2026, 6, 10, 15, market="eu")  # the 11th in Tokyo

    assert walk(placed_from="2026-06-10", placed_to="2026-06-10") == [london, tokyo]
    assert walk(placed_from="2026-06-10", placed_to="2026-06-10", market="eu") == [tokyo]


@pytest.mark.requirement("S3-10")
def test_one_bound_alone_is_open_at_the_other_end(place_at, walk):
    old, new = place_at(2026, 6, 9, 12), place_at(2026, 6, 11, 12)

    assert walk(placed_from="2026-06-10") == [new]
    assert walk(placed_to="2026-06-10") == [old]


@pytest.mark.requirement("S3-10")
def test_a_period_is_counted_from_the_day_it_is_in_the_market(move_europe, place_at, walk, monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 6, 9, 15, 30, tzinfo=UTC))
    move_europe("Asia/Tokyo")  # where it is the 10th already
    tokyo = place_at(2026, 6, 9, 15, 10, market="eu")
    yesterday = place_at(2026, 6, 9, 14, 10, market="eu")
    london = place_at(2026, 6, 9, 0, 0)

    assert walk(period="today") == [tokyo, london]
    assert walk(period="yesterday") == [yesterday]
    assert walk(period="last_7_days") == [tokyo, yesterday, london]


@pytest.mark.requirement("S3-13")
def test_a_band_of_amounts_is_found_by_walking_the_newest_in_the_index(session):
    band = {"min_total_minor": 5_000, "max_total_minor": 6_000}

    with plans(session, off=("seqscan", "sort")) as seen:
        session.execute(lists.page_of_orders(session, band, "-placed_at", 51))

    [plan] = seen
    assert "using ix_orders_newest" in plan
    assert re.search(r"Index Cond: .*total_minor >= '5000'.*total_minor <= '6000'", plan)


@pytest.mark.requirement("S0-01")
def test_a_row_says_what_the_order_is_about_without_opening_it(session, place_order, ask, hear_talk):
    order = place_order(lines=[("TEA-250", 2), ("MUG-1", 1)])
    held = place_order(lines=[("TEA-250", 1)])
    place_hold(session, held.id, reason="check_address")
    hear_talk(held, unanswered=True)

    rows = {row["number"]: row for row in ask()["items"]}

    plain, waiting = rows[order.number], rows[held.number]
    assert (plain["line_count"], plain["delivery_methods"], plain["country"]) == (2, ["delivery"], "GB")
    assert (plain["on_hold"], plain["customer_waits"]) == (False, False)
    assert (waiting["line_count"], waiting["on_hold"], waiting["customer_waits"]) == (1, True, True)


@pytest.mark.requirement("P-21")
def test_a_row_says_how_much_is_still_to_come_or_was_paid_too_much(session, place_order, ask):
    owing, paid, over = place_order(), place_order(), place_order()
    payments.record_payment(session, owing.id, amount_minor=100, reference="TRF 1")
    payments.record_payment(session, paid.id, reference="TRF 2")
    payments.record_payment(session, over.id, amount_minor=1000, reference="TRF 3")

    balances = {row["number"]: row["balance_minor"] for row in ask()["items"]}

    assert balances == {
        order.number: stored(session, order.id).balance.balance_minor for order in (owing, paid, over)
    }
    assert [balances[order.number] for order in (owing, paid, over)] == [-800, 0, 100]


def test_an_answered_customer_does_not_wait(place_order, ask, hear_talk):
    order = place_order()
    hear_talk(order, unanswered=True)
    hear_talk(order, unanswered=False)

    [row] = ask()["items"]

    assert row["customer_waits"] is False


@pytest.mark.requirement("P-27")
def test_all_that_match_are_named_and_counted_to_be_acted_on_at_once(
    client, bearer, place_order, monkeypatch
):
    monkeypatch.setattr("services.orders.api.lists.MOST_ORDERS", 2)
    zora = {"name": "Zora Quill", "email": "zora@customers.example", "phone": ""}
    mine = [place_order(customer=zora) for _ in range(3)]
    place_order()

    def matching(**claims):
        answer = client.get(
            "/v1/orders/matching", query_string={"name": "Zora Quill"}, headers=bearer(**claims)
        )
        assert answer.status_code == 200
        return answer.json

    assert matching() == {
        "order_ids": [str(mine[2].id), str(mine[1].id)],
        "count": 3,
        "count_is_capped": False,
    }
    assert matching(sellers=["another"], markets=["*"])["order_ids"] == []


@pytest.mark.requirement("P-27")
def test_what_a_list_by_deadline_leaves_out_is_neither_named_nor_counted(
    client, bearer, place_order, change_market, ask
):
    place_order()
    change_market(pay_within_seconds=48 * 3600)
    due = place_order()

    listed = ask(sort="due_at", count="true")
    named = client.get("/v1/orders/matching", query_string={"sort": "due_at"}, headers=bearer()).json

    assert [row["order_id"] for row in listed["items"]] == named["order_ids"] == [str(due.id)]
    assert (listed["count"], named["count"]) == (1, 1)
