"""The order's page says how an order is taxed, and why."""

import pytest
from playwright.sync_api import expect

from tests.shop import ADDRESS, MARKET

pytestmark = pytest.mark.slow

ZURICH = ADDRESS | {"line1": "Bahnhofstrasse 1", "city": "Zürich", "postcode": "8001", "country": "CH"}
RATES = [{"place": "GB", "tax_class": "standard", "rate_basis_points": 2000}]


@pytest.mark.requirement("M-30")
@pytest.mark.parametrize(
    ("language", "told"),
    [
        (
            "en",
            ["Tax 0 % · export (Switzerland)", "none by its form: taxed as a consumer", "Taxed by the rates"],
        ),
        ("es", ["Impuesto 0 % · exportación (Suiza)", "incorrecto por su forma", "Tributa por los tipos"]),
    ],
)
def test_an_order_says_how_it_is_taxed_and_why(open_browser, shop, language, told):
    shop.call("orders", "PUT", "/v1/markets/abroad", json=MARKET)
    table = {"taxes_at_destination": False, "rates": RATES}
    shop.call("orders", "PUT", "/v1/markets/abroad/tax-table", json=table)
    product = {"name": "Travelling cup", "prices": {"abroad": 1200}}
    shop.call("orders", "PUT", "/v1/sellers/harbour/products/TRAVEL-1", json=product)
    customer = {"name": "Ann Archer", "email": "ann@customers.example", "phone": "1", "vat_number": "n/a"}
    delivery = {"method": "delivery", "shipping_minor": 395, "address": ZURICH}
    order = shop.place(("TRAVEL-1", 1), market="abroad", customer=customer, delivery_groups=[delivery])

    page = open_browser("helen", language=language)
    page.goto(f"/orders/{order['order_id']}")

    for text in told:
        expect(page.locator("main")).to_contain_text(text)
    assert order["totals"]["total_minor"] == 1000 + 395
