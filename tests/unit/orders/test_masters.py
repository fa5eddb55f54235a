"""Markets, sellers, products and customers: made and changed as a whole, listed page by page."""

from uuid import UUID, uuid4

import pytest

from services.orders.commands.master_data import put_market
from shared.errors import Refused
from shared.events.snapshots import TaxMode, TaxRounding
from tests.unit.orders.sample_shop import MARKET

ADDRESS = {"name": "Quay Tea", "line1": "1 Dock", "city": "Hull", "country": "GB"}
MARKET_BODY = {
    "name": "France",
    "currency": "EUR",
    "locale": "fr",
    "time_zone": "Europe/Paris",
    "tax_mode": "net",
    "tax_rates": {"standard": 2000},
    "payment_methods": ["online"],
    "shipping_methods": {"delivery": {"fr": "Livraison"}},
}
SELLER_BODY = {"name": "Quay", "legal_name": "Quay Ltd", "email": "quay@example.com", "address": ADDRESS}


def put_twice(client, headers, path, body, changed):
    made = client.put(path, json=body, headers=headers)
    after = client.put(path, json=body | changed, headers=headers)
    shown = client.get(path, headers=headers)
    assert (made.status_code, after.status_code) == (200, 200), (made.json, after.json)
    again = {"version": made.json["version"] + 1} if "version" in made.json else {}
    assert shown.json == after.json == made.json | changed | again
    return shown.json


@pytest.mark.parametrize(
    ("path", "body", "changed"),
    [
        ("/v1/markets/fr", MARKET_BODY, {"name": "La France", "backorders": False, "invoice_on": "payment"}),
        ("/v1/markets/fr", MARKET_BODY, {"invoice_per": "shipment", "numbers_per": "month"}),
        ("/v1/sellers/new", SELLER_BODY, {"website": "https://quay.example", "legal_text": {"en": "a\nb"}}),
        (
            "/v1/sellers/quay/products/NEW-1",
            {"name": "New", "prices": {"gb": 5, "eu": 6}},
            {"prices": {"gb": 7}, "sales_coefficient": 6},
        ),
        (
            f"/v1/customers/{UUID(int=7)}",
            {"seller": "quay", "name": "Ada", "email": "ada@example.com"},
            {"phone": "1", "company": "Ada Ltd"},
        ),
    ],
)
def test_a_thing_is_made_and_changed_by_putting_it(client, bearer, path, body, changed):
    put_twice(client, bearer(), path, body, changed)


COUPON = {"name": "Spring sale", "percentage_basis_points": 1000}


@pytest.mark.requirement("P-26")
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/markets/fr", MARKET_BODY),
        ("/v1/sellers/new", SELLER_BODY),
        ("/v1/sellers/quay/products/NEW-1", {"name": "New", "prices": {"gb": 5}}),
        ("/v1/sellers/quay/markets/gb/coupons/SPRING", COUPON),
        (f"/v1/customers/{UUID(int=8)}", {"seller": "quay", "name": "Ada", "email": "ada@example.com"}),
    ],
)
def test_nobody_overwrites_what_they_have_not_seen(client, bearer, path, body):
    made = client.put(path, json=body, headers=bearer())
    shown = client.get(path, headers=bearer())
    assert made.headers["ETag"] == f'"{shown.json["version"]}"'
    assert shown.headers["ETag"].startswith(f'"{shown.json["version"]}.')
    seen = {"If-Match": shown.headers["ETag"]}

    mine = client.put(path, json=body | {"name": "Mine"}, headers=bearer() | seen)
    other = client.put(path, json=body | {"name": "Theirs"}, headers=bearer() | seen)

    assert (mine.status_code, other.status_code) == (200, 412)
    assert other.headers.get("ETag") in {None, mine.headers["ETag"]}
    assert client.get(path, headers=bearer()).json == mine.json


@pytest.mark.requirement("P-26")
def test_an_address_book_is_of_a_version_of_its_customer(client, bearer):
    path = f"/v1/customers/{uuid4()}"
    ada = {"seller": "quay", "name": "Ada", "email": "ada@example.com", "addresses": [ADDRESS]}
    seen = {"If-Match": client.put(path, json=ada, headers=bearer()).headers["ETag"]}
    [entry] = client.get(f"{path}/addresses", headers=bearer()).json
    own = f"{path}/addresses/{entry['address_id']}"

    mine = client.put(own, json={"address": ADDRESS | {"city": "Leeds"}}, headers=bearer() | seen)
    others = [
        client.put(own, json={"address": ADDRESS}, headers=bearer() | seen),
        client.delete(own, headers=bearer() | seen),
        client.post(f"{path}/addresses", json={"address": ADDRESS}, headers=bearer() | seen),
        client.put(path, json=ada, headers=bearer() | seen),
        client.post(f"{path}/erase", headers=bearer() | seen),
    ]

    assert mine.status_code == 200
    assert [answer.status_code for answer in others] == [412] * 5
    shown = client.get(path, headers=bearer())
    assert [address["city"] for address in shown.json["addresses"]] == ["Leeds"]
    again = {"If-Match": shown.headers["ETag"]}
    assert client.delete(own, headers=bearer() | again).status_code == 204


@pytest.mark.requirement("P-26")
def test_a_tax_table_is_of_a_version_of_its_market(client, bearer):
    path = "/v1/markets/gb/tax-table"
    made = client.put(path, json=TABLE_BODY, headers=bearer())
    seen = {"If-Match": client.get(path, headers=bearer()).headers["ETag"]}
    assert seen["If-Match"].startswith(made.headers["ETag"].rstrip('"') + ".")

    mine = client.put(path, json=TABLE_BODY, headers=bearer() | seen)
    other = client.put(path, json=TABLE_BODY, headers=bearer() | seen)

    assert (mine.status_code, other.status_code) == (200, 412)


def test_an_address_book_is_put_as_a_whole_and_in_order(client, bearer):
    path = f"/v1/customers/{uuid4()}"
    body = {"seller": "quay", "name": "Ada", "email": "ada@example.com"}
    homes = [ADDRESS | {"city": city} for city in ("Hull", "Leeds", "York")]

    client.put(path, json=body | {"addresses": homes}, headers=bearer())
    answer = client.put(path, json=body | {"addresses": homes[:0:-1]}, headers=bearer())

    assert [address["city"] for address in answer.json["addresses"]] == ["York", "Leeds"]
    assert client.get(path, headers=bearer()).json == answer.json


def test_nobody_changes_a_market_out_of_sight(client, bearer):
    answer = client.put("/v1/markets/gb", json=MARKET_BODY, headers=bearer(markets=["eu"]))

    assert answer.status_code == 404


def test_prices_in_a_market_out_of_sight_are_neither_set_nor_lost(client, bearer):
    path, bound = "/v1/sellers/quay/products/TEA-250", {"markets": ["gb"]}
    body = {"name": "Assam", "prices": {"gb": 500}}

    blind = client.put(path, json=body | {"prices": {"gb": 500, "eu": 1}}, headers=bearer(**bound))
    client.put(path, json=body, headers=bearer(**bound))

    assert [error["field"] for error in blind.json["errors"]] == ["prices.eu"]
    assert client.get(path, headers=bearer()).json["prices"] == {"eu": 450, "gb": 500}


@pytest.mark.parametrize("change", [{"currency": "EUR"}, {"tax_mode": TaxMode.NET}])
def test_a_markets_currency_and_tax_mode_stay(session, change):
    with pytest.raises(Refused, match="currency_fixed"):
        put_market(session, "gb", **MARKET | change)


@pytest.mark.requirement("M-08")
def test_a_new_market_rounds_tax_per_rate_and_one_that_there_is_as_before(session):
    unsaid = {name: rule for name, rule in MARKET.items() if name != "tax_rounding"}

    new, known = put_market(session, "ie", **unsaid), put_market(session, "gb", **unsaid)

    assert (new.tax_rounding, known.tax_rounding) == (TaxRounding.PER_RATE, TaxRounding.PER_LINE)


WRONG = [
    ("/v1/markets/fr", MARKET_BODY, {"currency": "FRF!"}, "currency"),
    ("/v1/markets/fr", MARKET_BODY, {"locale": "fr-FR"}, "locale"),
    ("/v1/markets/fr", MARKET_BODY, {"time_zone": "Europe/Nowhere"}, "time_zone"),
    ("/v1/markets/fr", MARKET_BODY, {"time_zone": "../../etc/passwd"}, "time_zone"),
    ("/v1/markets/fr", MARKET_BODY, {"tax_rates": {"reduced": 500}}, "tax_rates"),
    ("/v1/markets/fr", MARKET_BODY, {"tax_rates": {"standard": 10_001}}, "tax_rates.standard.value"),
    ("/v1/markets/fr", MARKET_BODY, {"payment_methods": ["gold"]}, "payment_methods.0"),
    ("/v1/markets/fr", MARKET_BODY, {"shipping_methods": {}}, "shipping_methods"),
    ("/v1/markets/fr", MARKET_BODY, {"backorders": "yes"}, "backorders"),
    ("/v1/markets/fr", MARKET_BODY, {"invoice_on": "never"}, "invoice_on"),
    ("/v1/markets/France", MARKET_BODY, {}, "market"),
    ("/v1/sellers/quay", SELLER_BODY, {"iban": "no"}, "iban"),
    ("/v1/sellers/quay", SELLER_BODY, {"colour": "blue"}, "colour"),
    ("/v1/sellers/quay", SELLER_BODY, {"website": "javascript:alert(1)"}, "website"),
    ("/v1/sellers/quay", SELLER_BODY, {"address": ADDRESS | {"country": "XX"}}, "address.country"),
    ("/v1/sellers/quay/products/NEW%201", {"name": "New"}, {}, "sku"),
    ("/v1/sellers/quay/products/NEW-1", {"name": "New"}, {"prices": {"fr": 5}}, "prices.fr"),
    ("/v1/sellers/quay/products/NEW-1", {"name": "New"}, {"sales_coefficient": 0}, "sales_coefficient"),
]


@pytest.mark.parametrize(("path", "body", "change", "field"), WRONG)
def test_a_wrong_field_is_named(client, bearer, path, body, change, field):
    answer = client.put(path, json=body | change, headers=bearer())

    assert answer.status_code == 422
    assert [error["field"] for error in answer.json["errors"]] == [field]


@pytest.mark.parametrize(
    ("path", "key", "expected"),
    [
        ("/v1/markets", "market", ["eu", "gb"]),
        ("/v1/sellers", "seller", ["dock", "quay"]),
        ("/v1/sellers/quay/products", "sku", ["BOOK-1", "MUG-1", "TEA-250"]),
    ],
)
def test_lists_come_page_by_page(client, bearer, path, key, expected):
    found, cursor = [], None
    while True:
        query = {"limit": 1} | ({"cursor": cursor} if cursor else {})
        page = client.get(path, query_string=query, headers=bearer()).json
        found += [item[key] for item in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break

    assert found == expected


def test_customers_are_listed_newest_first(client, bearer, place_order):
    customers = [str(place_order().customer_id) for _ in range(3)]

    first = client.get("/v1/customers?limit=2", headers=bearer()).json
    second = client.get("/v1/customers", query_string={"cursor": first["next"]}, headers=bearer()).json

    listed = [item["customer_id"] for item in first["items"] + second["items"]]
    assert listed == customers[::-1]


def test_orders_tell_their_markets_invoicing(change_market, place_order, published):
    change_market(invoice_per="shipment", numbers_per="month")

    place_order()

    [placed] = published("order.placed")
    rules = placed["order"]["market"]
    assert (rules["invoice_per"], rules["numbers_per"]) == ("shipment", "month")


TABLE_BODY = {
    "taxes_at_destination": True,
    "rates": [
        {"place": "DE", "tax_class": "standard", "rate_basis_points": 1900},
        {"place": "IE", "tax_class": "standard", "rate_basis_points": 2300, "valid_until": "2026-07-01"},
        {"place": "IE", "tax_class": "standard", "rate_basis_points": 2100, "valid_from": "2026-07-01"},
    ],
}


@pytest.mark.requirement("M-30")
def test_a_market_has_no_table_of_taxes_until_it_is_given_one(client, bearer):
    path = "/v1/markets/gb/tax-table"
    assert client.get(path, headers=bearer()).status_code == 404

    put = client.put(path, headers=bearer(), json=TABLE_BODY)

    assert put.status_code == 200
    assert put.json == client.get(path, headers=bearer()).json
    assert put.json["same_price"] == "gross"
    assert put.json["rates"][1] == TABLE_BODY["rates"][1] | {"exemption": "", "valid_from": None}
    # Putting the market's other rules anew leaves it.
    client.put("/v1/markets/gb", headers=bearer(), json=MARKET_BODY | {"currency": "GBP"})
    assert client.get(path, headers=bearer()).json == put.json
    assert client.put("/v1/markets/none/tax-table", headers=bearer(), json=TABLE_BODY).status_code == 404


@pytest.mark.requirement("M-30")
@pytest.mark.parametrize(
    ("row", "field"),
    [
        ({"place": "ZZ"}, "rates.3.place"),
        ({"place": "MC"}, "rates.3.place"),  # taxed as France
        ({"rate_basis_points": 10_001}, "rates.3.rate_basis_points"),
        ({"rate_basis_points": 500, "exemption": "VATEX-EU-132-1I"}, "rates.3.rate_basis_points"),
        ({"rate_basis_points": 0, "exemption": "because"}, "rates.3.exemption"),
        ({"valid_from": "2026-07-01", "valid_until": "2026-07-01"}, "rates.3.valid_until"),
        ({"place": "IE", "valid_from": "2026-06-30"}, "rates.3.valid_from"),
        ({"place": "DE"}, "rates.3.valid_from"),
    ],
)
def test_a_table_of_taxes_is_never_ambiguous(client, bearer, row, field):
    rows = [*TABLE_BODY["rates"], {"place": "FR", "tax_class": "standard", "rate_basis_points": 2000} | row]

    refused = client.put("/v1/markets/gb/tax-table", headers=bearer(), json=TABLE_BODY | {"rates": rows})

    assert refused.status_code == 422
    assert [error["field"] for error in refused.json["errors"]] == [field]
