"""Working on many orders at once, from the list."""

from io import BytesIO
from urllib.parse import quote_plus

import pytest
from playwright.sync_api import expect
from pypdf import PdfReader

from tests.waiting import until

pytestmark = pytest.mark.slow


@pytest.fixture
def several(place, somebody):
    """Orders of one customer that nobody else has, and the address of the list of them."""

    def make(count, **more):
        customer = {"name": somebody, "email": "zora@customers.example", "phone": "+44 117 496 0108"}
        orders = [place(customer=customer, **more) for _ in range(count)]
        return orders, f"/orders?search={quote_plus(somebody)}"

    return make


def tick(page, orders):
    for order in orders:
        page.get_by_role("checkbox", name=f"Choose order {order['number']}", exact=True).check()


@pytest.mark.requirement("C-03", "C-24", "C-26")
@pytest.mark.parametrize("script", [True, False])
def test_each_row_says_what_became_of_it_and_the_failed_stay_ticked(open_browser, several, shop, script):
    good, address = several(2)
    [unpaid], _ = several(1, method="transfer")
    page = open_browser("helen", script=script)
    page.goto(address)
    tick(page, [*good, unpaid])
    if script:
        expect(page.locator(".bulk .count")).to_have_text("3 selected")
        expect(page.locator(".bulk")).to_be_in_viewport()

    page.locator(".bulk").get_by_role("button", name="Accept").click()

    result = page.locator("#result")
    expect(result).to_contain_text("2 done")
    assert page.url.startswith(page.url.split("/orders")[0] + address)
    failed = result.locator("li", has_text=unpaid["number"])
    expect(failed).to_contain_text("It is not paid yet.")
    expect(failed.get_by_role("link", name=f"Open the order: {unpaid['number']}")).to_have_count(1)
    ticked = page.locator("input[name=order_id]:checked")
    assert [one.get_attribute("value") for one in ticked.all()] == [unpaid["order_id"]]
    for order in good:
        assert shop.call("orders", "GET", f"/v1/orders/{order['order_id']}")["status"] == "accepted"


@pytest.mark.requirement("C-18", "C-24")
@pytest.mark.parametrize(
    ("language", "accept", "said", "next_step"),
    [
        ("en", "Accept", "The order is on hold.", "Look at the hold"),
        ("es", "Aceptar", "retenido", "Ver la retención"),
    ],
)
def test_a_refusal_leads_to_what_is_to_be_done_about_it(
    open_browser, several, shop, language, accept, said, next_step
):
    [held], address = several(1)
    hold = {"reason": "suspicious"}
    shop.call("orders", "POST", f"/v1/orders/{held['order_id']}/holds", json=hold)
    page = open_browser("helen", language=language)
    page.goto(address)
    page.locator("input[name=order_id]").check()
    page.locator(".bulk").get_by_role("button", name=accept).click()

    failed = page.locator("#result li", has_text=held["number"])
    expect(failed).to_contain_text(said)
    failed.get_by_role("link", name=f"{next_step}: {held['number']}").click()

    expect(page.locator("h1")).to_have_text(held["number"])
    expect(page.locator("#order")).to_contain_text("suspicious")


@pytest.mark.requirement("C-24")
def test_what_failed_and_is_on_no_row_any_more_stays_ticked_too(open_browser, several):
    [unpaid, other], address = several(2, method="transfer")
    page = open_browser("helen")
    page.goto(address)
    tick(page, [unpaid, other])
    page.locator(".bulk").get_by_role("button", name="Accept").click()
    page.locator("#result").wait_for()

    page.goto(page.url.replace("search=", "status=accepted&search=").partition("#")[0])

    expect(page.locator("#result input:checked")).to_have_count(2)


@pytest.mark.requirement("C-03", "P-27")
def test_what_needs_a_reason_asks_for_it_and_says_how_many(open_browser, several, shop):
    orders, address = several(2)
    page = open_browser("helen")
    page.goto(address)
    tick(page, orders)

    page.locator(".bulk").get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Cancel 2 orders?")
    expect(page.get_by_text("This can't be undone.")).to_be_visible()
    page.get_by_label("Reason").fill("sold out")
    page.get_by_role("button", name="Cancel · 2").click()

    expect(page.locator("#result")).to_contain_text("2 done")
    assert "search=" in page.url
    for order in orders:
        assert shop.call("orders", "GET", f"/v1/orders/{order['order_id']}")["end_reason"] == "sold out"


@pytest.mark.requirement("C-44")
def test_back_after_a_bulk_shows_ticks_and_buttons_that_work(open_browser, several, shop):
    orders, address = several(2)
    page = open_browser("helen")
    page.goto(address)
    tick(page, orders[:1])
    page.locator(".bulk").get_by_role("button", name="Tag").click()
    page.get_by_label("Add").fill("gift")

    page.go_back()
    assert page.locator("input[name=order_id]:checked").count() == 1
    expect(page.locator(".bulk .count")).to_have_text("1 selected")
    tick(page, orders[1:])
    page.locator(".bulk").get_by_role("button", name="Tag").click()
    page.get_by_label("Add").fill("gift, small")
    page.get_by_role("button", name="Tag · 2").click()

    expect(page.locator("#result")).to_contain_text("2 done")
    for order in orders:
        assert shop.call("orders", "GET", f"/v1/orders/{order['order_id']}")["tags"] == ["gift", "small"]


@pytest.mark.requirement("C-25")
@pytest.mark.parametrize("count", [21, 101])
def test_a_bulk_takes_a_page_and_all_that_match(open_browser, many, count):
    name = many(count)
    page = open_browser("helen")
    page.goto(f"/orders?search={quote_plus(name)}")
    page.get_by_label("Choose all on this page").check()
    if count > 50:
        page.get_by_label("all that match").check()

    page.locator(".bulk").get_by_role("button", name="Tag").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Tag {count} orders")
    page.get_by_label("Add").fill("checked")
    page.get_by_role("button", name=f"Tag · {count}").click(no_wait_after=True)

    expect(page.locator("#result")).to_contain_text(f"{count} done")
    page.goto(f"/orders?search={quote_plus(name)}&tag=checked")
    assert page.locator("a.whole").count() == min(count, 50)


@pytest.mark.requirement("C-28")
@pytest.mark.parametrize("script", [True, False])
def test_labels_and_slips_of_many_orders_are_one_file_each_and_print_again(
    open_browser, several, shop, script
):
    orders, address = several(2)
    [waits], _ = several(1, method="transfer")
    packed = [picked(shop, order) for order in orders]
    page = open_browser("helen", script=script)
    page.goto(address)
    tick(page, [*orders, waits])

    page.locator(".bulk").get_by_role("button", name="Print labels").click()

    assert len(PdfReader(BytesIO(printed(page))).pages) == 2
    expect(page.locator("#result")).to_contain_text("2 done")
    failed = page.locator("#result li")
    expect(failed).to_have_count(1)
    expect(failed).to_contain_text(waits["number"])
    expect(failed).to_contain_text("Not possible at this stage. It is: Stock assigned.")
    expect(failed.get_by_role("link", name=f"Release it first: {waits['number']}")).to_have_count(1)
    for path in packed:
        now = shop.call("shipping", "GET", path)
        assert (now["status"], now["prints"]) == ("ready", 1)

    page.goto(address)
    tick(page, [*orders, waits])
    page.locator(".bulk").get_by_role("button", name="Print packing slips").click()
    texts = [slip.extract_text() for slip in PdfReader(BytesIO(printed(page))).pages]
    expect(page.locator("#result li")).to_contain_text("It has no such paper yet.")
    assert sorted(number for order in orders for text in texts if (number := order["number"]) in text) == (
        sorted(order["number"] for order in orders)
    )

    # And once more, when the parcels have left: the label is the same.
    for path in packed:
        shop.call("shipping", "POST", f"{path}/ship", json={})
    page.goto(address)
    tick(page, orders)
    page.locator(".bulk").get_by_role("button", name="Print labels").click()
    assert len(PdfReader(BytesIO(printed(page))).pages) == 2
    assert {shop.call("shipping", "GET", path)["prints"] for path in packed} == {2}


@pytest.mark.requirement("C-24")
def test_many_orders_are_released_from_the_list(open_browser, several, shop):
    accepted, address = several(1)
    [waits], _ = several(1)
    shop.call("orders", "POST", f"/v1/orders/{accepted[0]['order_id']}/accept")
    page = open_browser("helen", language="es")
    page.goto(address)
    page.get_by_label("Elegir todos").check()

    page.locator(".bulk").get_by_role("button", name="Pasar a almacén").click()

    expect(page.locator("#result")).to_contain_text("1 hecho")
    expect(page.locator("#result li")).to_contain_text(waits["number"])
    assert shipment(shop, accepted[0])["status"] == "released"


def shipment(shop, order):
    [only] = shop.call("shipping", "GET", f"/v1/orders/{order['order_id']}/shipments")["items"]
    return only


def picked(shop, order):
    """Take an order to where its label can be printed; answers its shipment's address."""
    shop.call("orders", "POST", f"/v1/orders/{order['order_id']}/accept")
    path = f"/v1/shipments/{shipment(shop, order)['shipment_id']}"
    for action in ("release", "pick", "print_label"):
        shop.eventually(
            lambda: shop.call("shipping", "GET", path), lambda now, a=action: now["actions"][a] is None
        )
        if action != "print_label":
            shop.call("shipping", "POST", f"{path}/{action}")
    return path


def printed(page):
    """The file that a bulk has made, once it is there."""
    link = page.get_by_role("link", name="Open the file to print")
    until(lambda: link.count() or (page.get_by_role("link", name="Look again").all() and looked_again(page)))
    answer = page.context.request.get(link.get_attribute("href"))
    assert answer.headers["content-type"] == "application/pdf"
    return answer.body()


def looked_again(page):
    page.reload()
    return False
