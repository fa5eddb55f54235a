"""An order's page is opened from the list, and shows what each service knows of the order on a tab."""

from uuid import uuid4

import pytest
from playwright.sync_api import expect

from tests.browser.everybody import is_within
from tests.browser.test_bulk import shipment
from tests.shop import ADDRESS

pytestmark = pytest.mark.slow

# On each tab something that its service alone could tell.
TABS = {
    "Details": "TEA-250",
    "Shipment": "{number}-1",
    "Messages": "Where is my tea?",
    "History": "Accept",
    "Documents": "Invoice",
}


@pytest.mark.requirement("S0-01", "S0-05", "S4-07")
def test_an_order_is_opened_from_the_list_and_each_tab_is_an_address_of_its_own(open_browser, place, shop):
    order = place(payment_method="cash_on_delivery")
    path = f"/v1/orders/{order['order_id']}"
    shop.call("orders", "POST", f"{path}/accept")
    shop.call("notifications", "POST", f"{path}/messages", json={"text": "Where is my tea?"})
    shop.eventually(lambda: shop.call("documents", "GET", f"{path}/documents")["items"], bool)
    page = open_browser("helen")
    page.goto("/orders")
    page.get_by_role("link", name=order["number"]).click()
    expect(page.locator("h1")).to_have_text(order["number"])
    tabs = page.locator("nav.tabs a")
    expect(tabs).to_have_text([*TABS])

    addresses = set()
    for name, told in TABS.items():
        tabs.filter(has_text=name).click()
        expect(page.locator("nav.tabs a[aria-current=page]")).to_have_text(name)
        expect(page.locator("main")).to_contain_text(told.format(number=order["number"]))
        addresses.add(page.url)

    assert len(addresses) == len(TABS)


@pytest.mark.requirement("C-35")
def test_what_has_no_blank_to_break_at_stays_within_the_window(open_browser, shop, place):
    sku, long = f"LONG-{uuid4().hex[:8]}", "W" * 200
    shop.call(
        "orders", "PUT", f"/v1/sellers/harbour/products/{sku}", json={"name": long, "prices": {"gb": 450}}
    )
    shop.call("shipping", "PUT", f"/v1/stock/main/{sku}", json={"on_hand": 9, "reason": "counted"})
    groups = [
        {"method": "delivery", "shipping_minor": 395, "address": ADDRESS | {"name": long, "city": long[:100]}}
    ]
    customer = {"name": long, "email": "long@customers.example", "phone": ""}
    order = place((sku, 1), delivery_groups=groups, customer=customer)
    own = f"/orders/{order['order_id']}"
    page = open_browser("helen", width=320)

    for address in (
        own,
        f"{own}/shipment",
        f"/warehouse/shipments/{shipment(shop, order)['shipment_id']}",
        f"/catalogue/products/harbour/{sku}",
        f"/catalogue/products/harbour/{sku}/change",
        f"/stock/main/{sku}",  # with what is promised to the order
    ):
        assert page.goto(address).status == 200, address
        is_within(page, address)
