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


@pytest.mark.requirement("M-30")
def test_another_treatment_is_chosen_with_a_reason_and_taken_back(open_browser, shop):
    shop.call("orders", "PUT", "/v1/markets/abroad", json=MARKET)
    table = {"taxes_at_destination": False, "rates": RATES}
    shop.call("orders", "PUT", "/v1/markets/abroad/tax-table", json=table)
    product = {"name": "Travelling cup", "prices": {"abroad": 1200}}
    shop.call("orders", "PUT", "/v1/sellers/harbour/products/TRAVEL-1", json=product)
    order = shop.place(("TRAVEL-1", 1), market="abroad")
    path = f"/v1/orders/{order['order_id']}"
    page = open_browser("helen")
    page.goto(f"/orders/{order['order_id']}/edit")
    page.get_by_label("Tax treatment").select_option("exempt")
    page.get_by_label("Reason", exact=True).fill("diplomat")

    page.get_by_role("button", name="Preview").click()
    expect(page.locator("[name=exemption][aria-invalid=true]")).to_have_count(1)
    assert page.get_by_label("Tax treatment").input_value() == "exempt"
    page.get_by_label("Reason of the exemption").fill("VATEX-EU-151")
    page.get_by_role("button", name="Preview").click()
    expect(page.locator("#preview")).to_contain_text("Tax treatment")
    page.get_by_role("button", name="Save").click()

    page.locator("#said").get_by_text("Order changed.").wait_for()
    expect(page.locator("main")).to_contain_text("Somebody chose how")
    chosen = shop.call("orders", "GET", path)["taxation"]["override"]
    assert chosen == {"treatment": "exempt", "exemption": "VATEX-EU-151"}

    page.goto(f"/orders/{order['order_id']}/edit")
    assert page.get_by_label("Reason of the exemption").input_value() == "VATEX-EU-151"
    page.get_by_label("Tax treatment").select_option("")
    page.get_by_label("Reason of the exemption").fill("")
    page.get_by_label("Reason", exact=True).fill("no diplomat")
    page.get_by_role("button", name="Save").click()
    page.locator("#said").get_by_text("Order changed.").wait_for()
    assert shop.call("orders", "GET", path)["taxation"]["override"] is None

    page = open_browser("carla")  # who names no prices names no taxes either
    page.goto(f"/orders/{order['order_id']}/edit")
    assert page.get_by_label("Tax treatment").count() == 0


@pytest.mark.requirement("S3-03", "C-20")
def test_the_bill_goes_to_another_address(open_browser, place, shop):
    order = place()
    page = open_browser("helen", language="es")
    page.goto(f"/orders/{order['order_id']}")
    page.get_by_role("link", name="Cambiar: Dirección de facturación").click()
    page.locator("[name=billing-city]").fill("")
    page.locator("[name=reason]").fill("otra empresa")
    page.get_by_role("button", name="Guardar").click()
    expect(page.locator("[name=billing-city][aria-invalid=true]")).to_have_count(1)
    page.locator("[name=billing-city]").fill("Bath")
    page.get_by_role("button", name="Guardar").click()

    page.locator("#said").get_by_text("Pedido cambiado.").wait_for()
    now = shop.call("orders", "GET", f"/v1/orders/{order['order_id']}")
    assert now["billing_address"]["city"] == "Bath"
    assert now["delivery_groups"][0]["address"]["city"] == "Bristol"
