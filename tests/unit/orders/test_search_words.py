"""Orders are found by each filter and by all together, and by nothing that only looks like it."""

from dataclasses import replace

import pytest

from services.orders.commands.changes import change
from services.orders.commands.orders import accept_order, cancel_order
from services.orders.commands.payments import record_payment
from services.orders.consumers import hear_of_papers
from services.orders.domain.search_words import WordKind, name_patterns, word_of
from shared.db import new_id
from shared.events.snapshots import Channel, DocumentsSnapshot, Paper
from tests.unit.orders.sample_shop import HOME


@pytest.fixture
def find(client, bearer):
    """The numbers of the orders that a list with these filters shows, in its order."""

    def find(claims=None, **filters):
        answer = client.get("/v1/orders", query_string=filters, headers=bearer(**claims or {}))
        assert answer.status_code == 200, answer.json
        return [item["number"] for item in answer.json["items"]]

    return find


@pytest.fixture
def place_for(place_order):
    """Place an order for a person."""

    def place(name="Ada Okafor", email="ada@example.com", phone="", **wanted):
        return place_order(customer={"name": name, "email": email, "phone": phone}, **wanted).number

    return place


@pytest.mark.requirement("S3-05")
def test_an_order_is_found_by_its_number(place_for, find):
    number = place_for()
    place_for()

    assert find(number=number) == find(number=f" {number.lower()} ") == [number]
    assert find(number=number[:-1]) == []


@pytest.mark.requirement("S3-05", "S3-06")
@pytest.mark.parametrize("typed", ["cy tay", "TAYLOR", "mer", "taylor", " mercy taylor "])
def test_an_order_is_found_by_any_part_of_the_customers_name(place_for, find, typed):
    found = place_for(name="Mercy Taylor")
    place_for(name="Ada Okafor")

    assert find(name=typed) == [found]


@pytest.mark.requirement("S3-08")
def test_a_percent_sign_stands_for_any_letters(place_for, find):
    mercy, hayes = place_for(name="Mercy Taylor"), place_for(name="Taylor Hayes")
    place_for(name="Ada Okafor")

    assert find(name="%tay") == [hayes, mercy]
    assert find(name="m%lor") == [mercy]
    assert find(name="tay%ye") == [hayes]


@pytest.mark.requirement("S3-08")
@pytest.mark.parametrize(
    ("typed", "name"), [("ana_b", "Ana_Bel"), ("max\\y", "Max\\Yen"), ("500'", "Bar 500's")]
)
def test_underscore_and_backslash_mean_themselves_and_a_quote_ends_nothing(place_for, find, typed, name):
    found = place_for(name=name)
    place_for(name="Anaxbel Maxxyen Maxyen")

    assert find(name=typed) == [found]


@pytest.mark.requirement("S3-06")
def test_one_or_two_letters_find_where_a_word_of_the_name_begins(place_for, find):
    mercy, li = place_for(name="Mercy Taylor"), place_for(name="李 明")

    assert find(name="ta") == find(name="M") == [mercy]
    assert find(name="李") == find(name="明") == [li]
    assert find(name="ay") == []


@pytest.mark.requirement("S3-05", "S3-07")
def test_an_order_is_found_by_the_whole_of_the_customers_email_alone(place_for, find):
    found = place_for(email="mercy.taylor@example.com")

    assert find(email="mercy.taylor@example.com") == find(email="Mercy.Taylor@Example.com") == [found]
    for part in (
        "@example.com",
        "mercy",
        "%",
        "mercy.taylor@example.co",
        "%@example.com",
        "mercy_taylor@example.com",
    ):
        assert find(email=part) == []


@pytest.mark.requirement("S3-09")
def test_an_order_with_no_reference_of_its_own_is_found_by_the_name_or_email_typed_on_it(place_for, find):
    found = place_for(name="Walk-in Grace", email="grace@example.com")
    place_for(external_reference="SHOP-1")

    assert find(name="grace") == find(email="grace@example.com") == [found]


@pytest.mark.requirement("S3-05", "S3-11")
def test_orders_are_filtered_by_one_market_or_more(place_for, find):
    british, european = place_for(), place_for(market="eu")

    assert find(market="gb") == [british]
    assert find(market=["gb", "eu"]) == [european, british]
    assert find(market="mars") == []


@pytest.mark.requirement("S0-04", "S3-05", "S3-11")
def test_orders_are_filtered_by_status(session, place_order, find):
    placed, accepted, cancelled = (place_order(method="cash_on_delivery") for _ in range(3))
    accept_order(session, accepted.id)
    cancel_order(session, cancelled.id, reason="twice")

    assert find(status="accepted") == [accepted.number]
    assert find(status=["placed", "cancelled"]) == [cancelled.number, placed.number]
    assert find(status="completed") == []


@pytest.mark.requirement("S0-04")
def test_the_bounds_of_an_amount_belong_to_it(place_order, find):
    numbers = {price: place_order(lines=[("TEA-250", 1, price)]).number for price in (999, 1000, 1500, 1501)}

    assert find(min_total_minor=1000, max_total_minor=1500) == [numbers[1500], numbers[1000]]
    assert find(min_total_minor=1501) == [numbers[1501]]
    assert find(max_total_minor=999) == [numbers[999]]


@pytest.mark.requirement("S0-04")
def test_filters_hold_together(session, place_order, find):
    wanted, cheap, placed = (
        place_order(lines=[("TEA-250", 1, price)], method="cash_on_delivery") for price in (2000, 10, 2000)
    )
    accept_order(session, wanted.id)
    accept_order(session, cheap.id)

    both = {"min_total_minor": 1000, "period": "today"}
    assert find(status="accepted", **both) == [wanted.number]
    assert find(status="placed", **both) == [placed.number]
    assert find(status="accepted", min_total_minor=1000, period="yesterday") == []


@pytest.mark.requirement("S1-02")
def test_orders_are_filtered_by_channel(place_for, find):
    called, mobile = place_for(channel=Channel.CALL), place_for(channel=Channel.MOBILE)

    assert find(channel="call") == [called]
    assert find(channel=["call", "mobile"]) == [mobile, called]
    assert find(channel="store") == []


def test_orders_are_filtered_by_payment(session, place_order, find):
    paid, cash = place_order(), place_order(method="cash_on_delivery")
    record_payment(session, paid.id, reference="TRF 1")

    assert find(payment_state="paid") == [paid.number]
    assert find(payment_state="unpaid") == [cash.number]
    assert find(payment_method="cash_on_delivery") == [cash.number]


@pytest.mark.requirement("S1-09", "S4-03")
def test_orders_are_filtered_by_where_their_goods_are(place_order, hear_shipments, find):
    new = place_order()
    fulfilled = place_order()

    hear_shipments(fulfilled, "delivered", event="shipment.delivered")

    assert find() == [fulfilled.number, new.number]
    assert find(fulfilment="delivered") == [fulfilled.number]
    assert find(fulfilment=["unfulfilled", "preparing"]) == [new.number]


@pytest.mark.requirement("S0-04", "S3-05")
def test_orders_are_filtered_by_the_words_of_every_view(session, place_order, hear_shipments, find):
    new, sent, over = (place_order(method="cash_on_delivery") for _ in range(3))
    accept_order(session, sent.id)
    hear_shipments(sent, "shipped", event="shipment.shipped")
    cancel_order(session, over.id, reason="twice")

    assert find(lifecycle="Open") == [new.number]
    assert find(lifecycle=["Partially Shipped", "Canceled"]) == [over.number, sent.number]
    assert find(csr_status="In Progress") == [sent.number, new.number]
    assert find(csr_status="Canceled") == [over.number]
    assert find(timeline="sent") == [sent.number]
    assert find(queue="In transit") == find(queue="In transit", seller="quay") == [sent.number]
    assert find({"sellers": ["quay"], "markets": ["*"]}, queue="In transit") == [sent.number]
    assert find(queue="In transit", seller="dock") == find(queue="To prepare") == []


@pytest.mark.requirement("P-31", "M-16")
@pytest.mark.parametrize("typed", ["TRACK 77/b", "track 77/B", "TRACK77/B", " t r a c k77/b "])
def test_an_order_is_found_by_a_tracking_number(place_order, hear_shipments, find, typed):
    order = place_order()
    place_order()

    hear_shipments(order, "shipped", event="shipment.shipped", tracking_number="TRACK 77/B")
    hear_shipments(order, "shipped", event="shipment.updated", tracking_number="TRACK 78")

    assert find(tracking_number=typed) == find(search=typed) == [order.number]
    assert find(tracking_number="TRACK 78") == [order.number]  # and by one that it had before, above
    assert find(tracking_number="TRACK 7") == []


@pytest.mark.requirement("P-31")
def test_an_order_is_found_by_its_skus(place_order, find):
    mugs = place_order(lines=[("MUG-1", 1), ("TEA-250", 1), ("MUG-1", 2)])
    tea = place_order()

    assert find(sku="mug-1") == find(search="MUG-1") == [mugs.number]
    assert find(sku="TEA-250") == [tea.number, mugs.number]
    assert find(sku="TEA") == []


@pytest.mark.requirement("P-31")
@pytest.mark.parametrize("typed", ["+44 1482 123456", "0044 1482 123456", "01482 123456", "(01482) 123-456"])
def test_an_order_is_found_by_a_telephone_however_it_is_written(place_for, find, typed):
    found = place_for(phone="+44 1482 123456")
    place_for(phone="+44 1482 123457")

    assert find(phone=typed) == find(search=typed) == [found]


@pytest.mark.requirement("P-31")
def test_an_order_is_found_by_the_telephone_at_its_address(place_for, find):
    address = replace(HOME, phone="07700 900123")
    found = place_for(delivery_groups=[{"method": "delivery", "shipping_minor": 0, "address": address}])

    assert find(phone="+447700900123") == [found]


@pytest.mark.requirement("P-31")
def test_an_order_is_found_by_the_numbers_of_its_papers(session, place_order, find):
    order = place_order()
    papers = tuple(
        Paper(document_id=new_id(), kind=kind, status="stored", part="order", number=number)
        for kind, number in (("invoice", "QT-2026-7"), ("delivery_note", ""))
    )
    snapshot = DocumentsSnapshot(
        order_id=order.id, number=order.number, version=1, currency="GBP", papers=papers
    )

    hear_of_papers(session, snapshot)
    hear_of_papers(session, snapshot)

    assert find(invoice_number="qt-2026-7") == find(search="QT-2026-7") == [order.number]


@pytest.mark.requirement("P-31")
def test_one_box_finds_by_number_reference_email_and_name(place_for, find):
    found = place_for(name="Mercy Taylor", email="mercy@example.com", external_reference="SHOP-77")
    place_for()

    for typed in (found, "shop-77", "mercy@example.com", "taylor", "%rcy t"):
        assert find(search=typed) == [found]
    for typed in ("@example.com", "nobody", "---"):
        assert find(search=typed) == []


@pytest.mark.requirement("S0-02")
def test_another_sellers_orders_are_found_by_nothing(place_for, find):
    number = place_for(name="Mercy Taylor", email="mercy@example.com", phone="01482 123456")
    stranger = {"sellers": ["dock"], "markets": ["*"]}

    for way in (
        {"number": number},
        {"name": "Mercy"},
        {"email": "mercy@example.com"},
        {"phone": "01482 123456"},
        {"sku": "TEA-250"},
        {"search": "mercy"},
        {"search": number},
        {"seller": "quay"},
        {},
    ):
        assert find(**way) == [number]
        assert find(stranger, **way) == []


def test_what_an_order_is_found_by_follows_its_changes(session, place_order, find):
    order = place_order()

    with change(session, order, "edit"):
        order.customer_email = "new@example.com"
    with change(session, order, "edit"):
        order.customer_phone = "01482 654321"

    assert (
        find(email="new@example.com") == find(phone="01482 654321") == find(sku="TEA-250") == [order.number]
    )
    assert find(email="ada@example.com") == find(phone="+44 1482 000000") == []


@pytest.mark.parametrize(
    ("kind", "text", "word"),
    [
        (WordKind.PHONE, "+57 (301) 234-5678", "012345678"),
        (WordKind.PHONE, "123", "123"),
        (WordKind.PHONE, "none", ""),
        (WordKind.SKU, " Tea-250 ", "tea-250"),
        (WordKind.EMAIL, "Ada@Example.COM", "ada@example.com"),
    ],
)
def test_words_are_kept_in_one_form(kind, text, word):
    assert word_of(kind, text) == word


@pytest.mark.parametrize(
    ("typed", "patterns"),
    [
        ("tay", ["%tay%"]),
        ("%tay", ["%tay%"]),
        ("a_b c", ["% a\\_b c%"]),
        ("%ta", ["% ta%"]),
        ("t%a%y", ["% t%a%y%"]),
        ("%", []),
        (" -_- ", []),
    ],
)
def test_typed_names_become_patterns_that_the_index_can_look_up(typed, patterns):
    assert name_patterns(typed) == patterns


@pytest.mark.parametrize(
    ("filters", "field"),
    [
        ({"name": "%%"}, "name"),
        ({"name": ""}, "name"),
        ({"phone": "none"}, "phone"),
        ({"status": "lost"}, "status.0"),
        ({"lifecycle": "Lost"}, "lifecycle.0"),
        ({"queue": "lost"}, "queue.0"),
        ({"market": "GB!"}, "market.0"),
        ({"market": "a\0b"}, "market"),
        ({"min_total_minor": -1}, "min_total_minor"),
        ({"min_total_minor": 2, "max_total_minor": 1}, "max_total_minor"),
        ({"placed_from": "yesterday"}, "placed_from"),
        ({"placed_from": "9999-12-31"}, "placed_from"),
        ({"placed_from": "2026-02-02", "placed_to": "2026-02-01"}, "placed_to"),
        ({"period": "today", "placed_from": "2026-02-02"}, "period"),
        ({"sort": "name"}, "sort"),
        ({"limit": 101}, "limit"),
        ({"colour": "red"}, "colour"),
        ({"cursor": "e30"}, "cursor"),
    ],
)
def test_a_filter_that_makes_no_sense_is_named(client, bearer, filters, field):
    answer = client.get("/v1/orders", query_string=filters, headers=bearer())

    assert answer.status_code == 422
    assert [error["field"] for error in answer.json["errors"]] == [field]
