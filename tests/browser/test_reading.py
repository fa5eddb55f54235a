"""What a person reads: times, tracking numbers, long orders, exports; and how much travels for it."""

import csv
import io
import re
from urllib.parse import quote_plus

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.slow

FIRST_VISIT_BYTES = 100_000
NEXT_VISIT_BYTES = 30_000


@pytest.fixture
def shipped(place, shop):
    """An order that is on its way."""
    order = place()
    own = f"/v1/orders/{order['order_id']}"
    shop.call("orders", "POST", f"{own}/accept")

    def shipment():
        return shop.call("shipping", "GET", f"{own}/shipments")["items"][0]

    for step in ("release", "pick", "pack", "ship"):
        found = shop.eventually(shipment, lambda now, step=step: now["actions"].get(step, "") is None)
        body = {"json": {}} if step == "ship" else {}
        shop.call("shipping", "POST", f"/v1/shipments/{found['shipment_id']}/{step}", **body)
    return order, shipment()["parcels"][0]


def test_on_the_login_with_the_printed_key_one_says_who_one_is(open_browser, stack):
    page = open_browser("carla")
    page.context.clear_cookies()
    page.goto("/")
    expect(page.locator("main button")).to_have_count(0)
    page.goto(stack.console_page)
    page.click("button[value=helen]")

    expect(page.locator(".who")).to_have_text("Helen Marsh")


@pytest.mark.requirement("C-43")
def test_a_tracking_number_is_a_link_and_can_be_copied(open_browser, shipped, stack):
    order, parcel = shipped
    page = open_browser("helen")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=stack.console_url)
    page.goto(f"/orders/{order['order_id']}/shipment")

    link = page.get_by_role("link", name=parcel["tracking_number"])
    page.get_by_role("button", name=f"Copy {parcel['tracking_number']}").click()

    assert link.get_attribute("href") == parcel["tracking_url"]
    expect(page.locator("#said")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == parcel["tracking_number"]


@pytest.mark.requirement("C-07")
def test_times_are_the_markets_and_named_with_the_exact_instant_on_hover(open_browser, place):
    order = place()
    page = open_browser("helen")

    for address in (f"/orders?number={order['number']}", f"/orders/{order['order_id']}"):
        page.goto(address)
        told = page.locator("main time").first

        assert re.fullmatch(r"\d\d:\d\d (GMT|BST)", told.inner_text())
        assert told.get_attribute("datetime").startswith(order["placed_at"][:19])
        assert order["placed_at"][:19] in told.get_attribute("title")


@pytest.mark.requirement("C-27")
def test_an_export_is_exactly_the_rows_of_the_filter(open_browser, place, somebody):
    mine = [
        place(customer={"name": somebody, "email": "z@customers.example", "phone": ""})["number"]
        for _ in range(3)
    ]
    place()
    page = open_browser("helen")
    page.goto(f"/orders?search={quote_plus(somebody)}")

    page.get_by_role("link", name="Export", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Export 3 orders")
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()

    rows = csv.DictReader(io.StringIO(download.value.path().read_text("utf-8-sig")))
    assert sorted(row["number"] for row in rows) == sorted(mine)


@pytest.mark.requirement("C-27", "M-36")
def test_an_export_of_lines_has_the_rows_of_the_filter_and_the_columns_that_are_ticked(
    open_browser, place, somebody
):
    order = place(
        ("TEA-250", 2), ("CUP-1", 1), customer={"name": somebody, "email": "z@customers.example", "phone": ""}
    )
    page = open_browser("helen")
    page.goto(f"/orders?search={quote_plus(somebody)}")

    page.get_by_role("link", name="Export", exact=True).click()
    page.locator(".columns").wait_for()
    for box in page.locator(".columns input[type=checkbox]").all():
        box.set_checked(box.get_attribute("value") in {"number", "sku", "quantity"})
    with page.expect_download() as download:
        page.get_by_role("button", name="Lines as CSV").click()

    rows = list(csv.reader(io.StringIO(download.value.path().read_text("utf-8-sig"))))
    assert rows == [
        ["number", "sku", "quantity"],
        [order["number"], "TEA-250", "2"],
        [order["number"], "CUP-1", "1"],
    ]


@pytest.mark.requirement("C-37")
def test_what_goes_to_a_customer_is_in_the_orders_language_not_the_clerks(open_browser, place, shop):
    order = place()
    page = open_browser("helen", language="es")
    page.goto(f"/orders/{order['order_id']}")

    page.get_by_role("button", name="Aceptar pedido").click()

    told = shop.eventually(
        lambda: [
            one
            for one in shop.call("notifications", "GET", f"/v1/orders/{order['order_id']}/notifications")[
                "items"
            ]
            if one["recipient"] == "customer"
        ],
        lambda told: {"sent"} == {one["status"] for one in told if one["step"] == "invoice"},
    )
    assert {one["locale"] for one in told} == {"en"}
    sent = [
        shop.call("notifications", "GET", f"/v1/emails/{one['email_id']}")
        for one in told
        if one["status"] == "sent"
    ]
    for email in sent:
        assert "order" in email["text"].lower()
        assert "pedido" not in email["text"].lower()


def test_an_order_of_500_lines_shows_every_line(open_browser, place):
    order = place(*[("TEA-250", 1)] * 500)
    page = open_browser("helen")

    page.goto(f"/orders/{order['order_id']}")

    assert page.locator("table").first.locator("tbody tr").count() == 500


def test_little_travels_for_a_page(open_browser, place):
    """What came over the wire: with everything new, and with sheet and script known already."""
    own = f"/orders/{place()['order_id']}"
    page = open_browser("helen")

    def weight(address):
        finished = []

        def note(request):
            finished.append(request)

        page.on("requestfinished", note)
        page.goto(address, wait_until="networkidle")
        page.remove_listener("requestfinished", note)
        sizes = [request.sizes() for request in finished]
        return sum(one["responseBodySize"] + one["responseHeadersSize"] for one in sizes)

    weights = {
        address: weight(address) for address in ("/", "/orders", own, f"{own}/shipment", f"{own}/history")
    }
    network = page.context.new_cdp_session(page)
    network.send("Network.enable")
    network.send("Network.setCacheDisabled", {"cacheDisabled": True})
    first = weight("/orders")

    assert {address: size for address, size in weights.items() if size >= NEXT_VISIT_BYTES} == {}
    assert max(weights.values()) < first < FIRST_VISIT_BYTES
