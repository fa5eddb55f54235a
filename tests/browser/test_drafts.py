"""New orders and carts in the console: taken down by telephone, kept as typed, ticked, placed, deleted."""

import re
from uuid import uuid4

import pytest
from playwright.sync_api import expect

from tests.browser.everybody import is_for_everybody
from tests.shop import ADDRESS

pytestmark = pytest.mark.slow

SAVED = re.compile("Everything is saved|Todo está guardado")


@pytest.fixture
def product(shop):
    """Put a product of its own into the shop; answers its SKU."""

    def make(name, price=1250, units=100, **more):
        sku = f"D-{uuid4().hex[:8].upper()}"
        wanted = {"name": name, "prices": {"gb": price} if price else {}, **more}
        shop.call("orders", "PUT", f"/v1/sellers/harbour/products/{sku}", json=wanted)
        shop.call("shipping", "PUT", f"/v1/stock/main/{sku}", json={"on_hand": units, "reason": "counted"})
        return sku

    return make


@pytest.fixture
def known(shop):
    """A customer who is known, with two addresses; answers id, name and telephone."""
    name, identity = f"Nora {uuid4().hex[:10]}", str(uuid4())
    phone = f"+44 7700 {uuid4().int % 1_000_000:06}"
    second = ADDRESS | {"name": name, "line1": "2 Mill Lane", "city": "Bath", "postcode": "BA1 1AA"}
    card = {"seller": "harbour", "name": name, "email": f"{identity[:8]}@customers.example", "phone": phone}
    card["addresses"] = [ADDRESS | {"name": name}, second]
    shop.call("orders", "PUT", f"/v1/customers/{identity}", json=card)
    return identity, name, phone


@pytest.fixture
def begin(shop):
    """Begin a draft over the API."""

    def make(**contents):
        return shop.call(
            "orders", "POST", "/v1/drafts", json={"seller": "harbour", "market": "gb", **contents}
        )

    return make


def whole(**changes):
    """All that a draft needs to be placed."""
    return {
        "customer": {"name": "Ann Archer", "email": "ann@customers.example", "phone": "+44 117 496 0108"},
        "delivery_groups": [{"method": "delivery", "address": ADDRESS}],
        "lines": [{"sku": "TEA-250", "quantity": 1}],
        "payment_method": "cash_on_delivery",
        **changes,
    }


def begin_new(page):
    page.goto("/drafts/new")
    page.locator("main button.primary").click()
    page.wait_for_url(re.compile("/drafts/[0-9a-f-]{36}"))
    return page.url.partition("#")[0].partition("?")[0].rpartition("/")[2]


def focused(page):
    return page.evaluate("document.activeElement.id")


def tab_to(page, identity, most=60):
    """Press Tab until the focus is there."""
    for _ in range(most):
        if focused(page) == identity:
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{most} times Tab does not lead to {identity}, but to {focused(page)}")


def choose_first(page):
    """The first of what is suggested, by the arrow and Enter."""
    expect(page.locator(".find.here [role=option]").first).to_be_visible()
    page.keyboard.press("ArrowDown")
    with page.expect_navigation():
        page.keyboard.press("Enter")


@pytest.mark.requirement("S1-01", "S1-10", "S3-06", "S3-12", "S3-13", "S3-14", "S3-17", "C-34")
@pytest.mark.parametrize("language", ["en", "es"])
def test_an_order_is_taken_down_by_telephone_without_leaving_the_keyboard(
    open_browser, shop, product, known, language
):
    customer_id, name, phone = known
    lamp = product(f"Lamp {name}", units=7)
    page = open_browser("helen", language=language)
    page.goto("/drafts/new")
    assert focused(page) == "new-seller"
    while page.evaluate("document.activeElement.tagName") != "BUTTON":
        page.keyboard.press("Tab")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert focused(page) == "draft-customer-find"

    page.keyboard.type(phone[-9:-6].replace(" ", "") + phone[-6:])  # what somebody says of their number
    expect(page.locator("#found-customer")).to_contain_text(name)
    choose_first(page)
    assert focused(page) == "draft-product-find"
    expect(page.locator("#draft-group-0-line1")).to_have_value("8 Wharf Yard")
    page.keyboard.type(f"lamp {name[:12]}".lower())
    expect(page.locator("#found-product")).to_contain_text("£12.50" if language == "en" else "12,50")
    expect(page.locator("#found-product")).to_contain_text("7")
    choose_first(page)
    assert focused(page) == "draft-line-0-quantity"
    page.keyboard.press("Control+a")
    page.keyboard.type("3")
    page.keyboard.press("Enter")
    expect(page.locator("#announced")).to_have_text("£37.50" if language == "en" else re.compile("37,50"))
    assert focused(page) == "draft-line-0-quantity"
    tab_to(page, "draft-product-find")
    page.keyboard.type("tea-250")
    choose_first(page)
    assert focused(page) == "draft-line-1-quantity"
    lines = page.locator("table").first
    expect(lines).to_contain_text("3 needed, 7 in stock" if language == "en" else "se necesitan 3, hay 7")
    tab_to(page, "draft-group-0-method")
    page.keyboard.type("Del" if language == "en" else "Env")
    tab_to(page, "draft-group-0-shipping")
    page.keyboard.type("3.95" if language == "en" else "3,95")
    tab_to(page, "draft-payment_method")
    page.keyboard.type("Bank" if language == "en" else "Transf")
    expect(page.locator("#kept")).to_have_text(SAVED)
    expect(page.locator("#draft-summary h3")).to_have_count(0)  # nothing is missing any more
    expect(page.locator("#draft-summary .sum")).to_contain_text("45.95" if language == "en" else "45,95")
    while page.evaluate("document.activeElement.value") != "place":
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/orders/*")

    order = shop.call("orders", "GET", f"/v1/orders/{page.url.rpartition('/')[2]}")
    assert [(line["sku"], line["quantity"]) for line in order["lines"]] == [(lamp, 3), ("TEA-250", 1)]
    assert (order["customer_id"], order["channel"], order["totals"]["total_minor"]) == (
        customer_id,
        "call",
        4595,
    )
    expect(page.locator("h1")).to_have_text(order["number"])


@pytest.mark.requirement("S1-10", "S3-17", "C-18")
@pytest.mark.parametrize("script", [True, False])
def test_a_new_order_says_what_is_missing_and_leads_to_each_field(open_browser, script):
    page = open_browser("helen", script=script)
    page.goto("/orders")
    page.get_by_role("link", name="New order").click()
    page.get_by_role("button", name="Begin").click()
    page.get_by_role("button", name="Place order").click()
    expect(page.locator(".fault").first).to_contain_text("There are no lines.")
    above, below = (page.locator(".fault").nth(at).bounding_box() for at in (0, 1))
    assert above["y"] + above["height"] <= below["y"]
    missing = page.locator("#draft-summary")
    for lack, field in (
        ("Choose a customer, or name a new one", "customer-find"),
        ("At least one product", "product-find"),
        ("Where the goods go, and how", "group-0-method"),
        ("The way of payment", "payment_method"),
    ):
        missing.get_by_role("link", name=lack).click()
        assert focused(page) == f"draft-{field}"


@pytest.mark.requirement("S1-10", "S3-12", "S3-15", "S3-16", "C-20")
@pytest.mark.parametrize("script", [True, False])
def test_an_order_for_a_new_customer_is_taken_down_with_the_mouse_and_without_script(
    open_browser, shop, product, somebody, script
):
    chair = product(f"Chair {somebody}", page_url="https://harbour.example/chair", units=1)
    page = open_browser("helen", script=script)
    begin_new(page)
    missing = page.locator("#draft-summary")
    page.locator("#draft-product-find").fill("ch")
    page.locator("#draft-product-find ~ .suggest").wait_for(state="hidden")
    page.get_by_role("button", name="Find").last.click()
    expect(page.get_by_text("Type three letters or more.")).to_be_visible()
    page.locator("#draft-product-find").fill(f"chair {somebody}")
    if script:
        page.locator("#found-product [role=option]").click()
    else:
        page.get_by_role("button", name="Find").last.click()
        more = page.get_by_role("link", name="More details")
        assert (more.get_attribute("target"), more.get_attribute("href")) == (
            "_blank",
            "https://harbour.example/chair",
        )
        page.get_by_role("button", name=f"Add Chair {somebody}").click()
    line = page.locator("tbody tr")
    expect(line.get_by_role("link", name="More details")).to_have_attribute("target", "_blank")
    expect(page.locator("#draft-line-0-price")).to_have_value("12.50")
    page.locator("#draft-line-0-price").fill("10")
    page.locator("#draft-line-0-quantity").fill("2")
    page.locator("#draft-customer-name").fill(somebody)
    page.locator("#draft-customer-email").fill("nobody@")
    page.get_by_role("button", name="Save").last.click()
    expect(page.locator("#draft-customer-email-wrong")).to_contain_text("must be an e-mail address")
    expect(page.locator("#draft-customer-email")).to_have_value("nobody@")
    expect(page.locator("#draft-line-0-price")).to_have_value("10")
    page.locator("#draft-customer-email").fill("zora@customers.example")
    page.locator("#draft-group-0-method").select_option("delivery")
    page.locator("#draft-group-0-line1").fill("1 New Street")
    page.get_by_role("button", name="Save").last.click()
    expect(page.locator("#said")).to_contain_text("Saved.")
    expect(line).to_contain_text("price by helen@waybill.example")
    expect(missing).to_contain_text("2 are needed, 1 in stock")
    expect(missing.get_by_role("link", name="The city")).to_have_attribute("href", "#draft-group-0-city")
    expect(page.locator("#draft-group-0-name")).to_have_value(somebody)
    page.locator("#draft-group-0-city").fill("Leeds")
    page.locator("#draft-payment_method").select_option("cash_on_delivery")
    page.get_by_role("button", name="Place order").click()
    page.wait_for_url("**/orders/*")

    order = shop.call("orders", "GET", f"/v1/orders/{page.url.rpartition('/')[2]}")
    assert order["customer"]["name"] == order["delivery_groups"][0]["address"]["name"] == somebody
    [bought] = order["lines"]
    assert (bought["sku"], bought["unit_price_minor"], bought["list_price_minor"]) == (chair, 1000, 1250)


@pytest.mark.requirement("C-16", "S3-02")
def test_nobody_places_a_sum_that_was_not_shown_and_the_second_to_place_it_is_led_to_the_order(
    open_browser, begin
):
    draft = begin(**whole())
    page, other = open_browser("helen", script=False), open_browser("carla", script=False)
    for one in (page, other):
        one.goto(f"/drafts/{draft['draft_id']}")
    page.locator("#draft-line-0-quantity").fill("4")
    page.get_by_role("button", name="Place order").click()
    expect(page.locator(".fault")).to_contain_text("It comes to £18.00 now.")
    page.get_by_role("button", name="Place order").click()
    page.wait_for_url(f"**/orders/{draft['draft_id']}")

    other.get_by_role("button", name="Place order").click()  # of a page that was shown before
    other.wait_for_url(f"**/orders/{draft['draft_id']}")
    page.goto(f"/drafts/{draft['draft_id']}")
    assert page.url.endswith(f"/orders/{draft['draft_id']}")


@pytest.mark.requirement("C-29", "C-41", "C-45")
def test_what_was_typed_is_kept_through_a_closed_tab_a_lost_service_and_a_lost_session(open_browser, shop):
    page = open_browser("helen")
    draft_id = begin_new(page)
    page.locator("#draft-customer-name").fill("Una Kept")
    page.locator("#draft-group-0-line1").fill("5 Half Street")  # an address that is not whole yet
    expect(page.locator("#kept")).to_have_text(SAVED)
    page.close()
    page = open_browser("helen")
    page.goto(f"/drafts/{draft_id}")
    expect(page.locator("#draft-customer-name")).to_have_value("Una Kept")
    expect(page.locator("#draft-group-0-line1")).to_have_value("5 Half Street")

    page.route("**/drafts/*", lambda route: route.abort())
    page.locator("#draft-customer-phone").fill("+44 117 496 0001")
    expect(page.locator("#kept")).to_contain_text("Not saved yet")
    expect(page.locator("#announced")).to_contain_text("Not saved yet")
    page.unroute("**/drafts/*")
    expect(page.locator("#kept")).to_have_text(SAVED)  # tried every 5 s

    cookies = page.context.cookies()
    page.context.clear_cookies()
    page.locator("#draft-remark").fill("Ring twice")
    expect(page.locator("#said")).to_contain_text("You were signed out")
    beside = page.get_by_role("link", name="Sign in in another tab")
    assert beside.get_attribute("href") == f"/login?next=/drafts/{draft_id}"
    assert beside.get_attribute("target") == "_blank"  # what was typed is on this page alone
    expect(page.locator("#draft-remark")).to_have_value("Ring twice")
    page.context.add_cookies(cookies)  # signed in again, in another tab
    expect(page.locator("#kept")).to_have_text(SAVED)
    expect(page.locator("#said")).not_to_contain_text("You were signed out")
    kept = shop.call("orders", "GET", f"/v1/drafts/{draft_id}")
    assert (kept["customer"]["phone"], kept["remark"]) == ("+44 117 496 0001", "Ring twice")


@pytest.mark.requirement("C-20")
def test_what_cannot_be_taken_is_marked_and_the_rest_is_kept_all_the_same(open_browser, shop):
    page = open_browser("helen")
    draft_id = begin_new(page)
    page.locator("#draft-customer-name").fill("Vic Half")
    page.locator("#draft-customer-email").fill("vic@")
    expect(page.locator("#kept")).to_contain_text("Not all of it could be saved")
    expect(page.locator("#draft-customer-email")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#draft-faults")).to_contain_text("must be an e-mail address")
    assert shop.call("orders", "GET", f"/v1/drafts/{draft_id}")["customer"]["name"] == "Vic Half"
    page.locator("#draft-customer-email").fill("vic@customers.example")
    expect(page.locator("#kept")).to_have_text(SAVED)
    expect(page.locator("#draft-faults .fault")).to_have_count(0)
    expect(page.locator("#draft-customer-email")).not_to_have_attribute("aria-invalid", "true")


@pytest.mark.requirement("C-21")
def test_where_two_work_on_a_cart_the_second_is_told_who_changed_what(open_browser, shop, begin):
    draft_id = begin(**whole())["draft_id"]
    helen, carla = open_browser("helen"), open_browser("carla")
    for page in (helen, carla):
        page.goto(f"/drafts/{draft_id}")
    carla.locator("#draft-line-0-quantity").fill("5")
    expect(carla.locator("#kept")).to_have_text(SAVED)
    helen.locator("#draft-remark").fill("Mine")

    told = helen.locator("#draft-faults")
    expect(told).to_contain_text("carla@waybill.example changed the cart (Goods)")
    expect(told.get_by_role("link", name="See it as it is now")).to_have_attribute("target", "_blank")
    expect(helen.locator("#draft-remark")).to_have_value("Mine")
    helen.locator("#draft-customer-phone").fill("+44 1")  # nothing is sent by itself now
    helen.wait_for_timeout(1500)
    assert shop.call("orders", "GET", f"/v1/drafts/{draft_id}")["lines"][0]["quantity"] == 5
    helen.get_by_role("button", name="Save").last.click()
    expect(helen.locator("#said")).to_contain_text("Saved.")
    after = shop.call("orders", "GET", f"/v1/drafts/{draft_id}")
    assert (after["remark"], after["lines"][0]["quantity"]) == ("Mine", 1)


@pytest.mark.requirement("C-20")
def test_what_was_typed_into_a_cart_that_was_deleted_meanwhile_becomes_another(open_browser, shop, begin):
    draft_id = begin(**whole())["draft_id"]
    page = open_browser("helen")
    page.goto(f"/drafts/{draft_id}")
    shop.call("orders", "POST", "/v1/drafts/delete", json={"draft_ids": [draft_id]})
    page.locator("#draft-remark").fill("Ring twice")
    expect(page.locator("#kept")).to_contain_text("Somebody deleted this cart.")
    page.get_by_role("button", name="Save").last.click()
    expect(page.locator("#said")).to_contain_text("This is a new one with what you typed.")
    expect(page.locator("#draft-remark")).to_have_value("Ring twice")
    anew = page.url.rpartition("/")[2].partition("#")[0]
    assert anew != draft_id
    assert shop.call("orders", "GET", f"/v1/drafts/{anew}")["lacks"] == []


@pytest.mark.requirement("S3-24")
def test_a_cart_is_given_up_once_it_was_confirmed_and_can_only_be_read_then(open_browser, begin):
    draft_id = begin(**whole())["draft_id"]
    page = open_browser("helen", script=False)
    page.goto(f"/drafts/{draft_id}")
    page.get_by_role("link", name="Give up").click()
    page.get_by_role("button", name="Give up").click()
    expect(page.locator("#said")).to_contain_text("The cart was given up.")
    page.goto(f"/drafts/{draft_id}")
    expect(page.locator("#draft-line-0-quantity")).to_be_disabled()
    expect(page.locator(".head .badge")).to_have_text("Abandoned")
    expect(page.locator(".note")).to_contain_text("Not possible at this stage.")
    expect(page.get_by_role("button", name="Save")).to_have_count(0)


@pytest.mark.requirement("S3-24", "C-26")
@pytest.mark.parametrize("script", [True, False])
def test_carts_are_ticked_across_pages_and_deleted_when_it_was_confirmed_how_many(
    open_browser, begin, known, script
):
    customer_id, name, _ = known
    for _ in range(52):
        begin(customer={"id": customer_id})
    page = open_browser("helen", script=script)
    page.goto(f"/drafts?customer_id={customer_id}")
    ticks = page.locator("tbody input[name=draft_id]")
    expect(ticks).to_have_count(50)
    ticks.nth(0).check()
    ticks.nth(7).check()
    page.get_by_role("button", name="Next page").click()
    expect(ticks).to_have_count(2)
    expect(page.locator(".elsewhere input:checked")).to_have_count(2)
    ticks.nth(1).check()
    if script:
        expect(page.locator(".bulk .count")).to_have_text("3 selected")
    page.get_by_role("button", name="First page").click()
    expect(page.locator("tbody input:checked")).to_have_count(2)
    expect(page.locator(".elsewhere input:checked")).to_have_count(1)
    page.locator(".bulk").get_by_role("button", name="Delete").click()
    expect(page.locator("h1")).to_have_text("Delete 3 carts?")
    expect(page.locator("main")).to_contain_text(name)
    page.get_by_role("button", name="Delete · 3").click()
    expect(page.locator("#result")).to_contain_text("3 carts deleted")
    assert f"customer_id={customer_id}" in page.url
    expect(ticks).to_have_count(49)
    expect(page.locator("tbody input:checked")).to_have_count(0)


@pytest.mark.requirement("S3-02", "C-24")
def test_carts_become_orders_many_at_once_each_with_its_result(open_browser, shop, begin, known):
    customer_id, name, _ = known
    drafts = [begin(**whole(customer={"id": customer_id})) for _ in range(2)]
    begin(customer={"id": customer_id})
    page = open_browser("helen")
    page.goto(f"/drafts?customer_id={customer_id}")
    page.get_by_label("Choose all on this page").check()
    page.get_by_role("button", name="Place orders").click()
    expect(page.locator("h1")).to_have_text("Make 3 carts orders?")
    page.get_by_role("button", name="Place orders · 3").click()

    result = page.locator("#result")
    expect(result).to_contain_text("2 orders placed · 1 not done, still ticked")
    expect(result).to_contain_text(f"{name} There are no lines.")
    expect(result).to_contain_text("At least one product")
    numbers = {shop.call("orders", "GET", f"/v1/orders/{one['draft_id']}")["number"] for one in drafts}
    assert {result.get_by_role("link", name=number).count() for number in numbers} == {1}
    expect(page.locator("tbody input:checked")).to_have_count(1)
    page.get_by_role("link", name="Placed", exact=True).click()
    expect(page.locator("tbody tr")).to_have_count(2)
    expect(page.locator("tbody input")).to_have_count(0)


@pytest.mark.requirement("S3-25", "S3-26", "S3-27")
@pytest.mark.parametrize("language", ["en", "es"])
def test_ordering_again_leads_to_a_cart_that_names_what_is_gone(open_browser, shop, product, place, language):
    code = f"C{uuid4().hex[:8]}".upper()
    path = f"/v1/sellers/harbour/markets/gb/coupons/{code}"
    coupon = {"name": "Sale", "percentage_basis_points": 1000}
    shop.call("orders", "PUT", path, json=coupon)
    gone, dearer, rare = product("Old kettle"), product("Dear kettle", 1000), product("Rare kettle", 500)
    order = place((gone, 1), (dearer, 1), (rare, 9), coupons=[code])
    shop.call("orders", "PUT", path, json=coupon | {"valid_until": "2020-01-01T00:00:00Z"})
    for sku, body in ((gone, {"active": False}), (dearer, {"prices": {"gb": 1100}})):
        product_body = {
            "name": "Old kettle" if sku == gone else "Dear kettle",
            "prices": {"gb": 1250},
            **body,
        }
        shop.call("orders", "PUT", f"/v1/sellers/harbour/products/{sku}", json=product_body)
    shop.call("shipping", "PUT", f"/v1/stock/main/{rare}", json={"on_hand": 9, "reason": "counted"})
    page = open_browser("helen", language=language)
    page.goto(f"/orders/{order['order_id']}")
    page.locator("#more summary").click()
    page.get_by_role("button", name="Order again" if language == "en" else "Repetir pedido").click()
    page.wait_for_url("**/drafts/*")

    summary = page.locator("#draft-summary")
    words = {
        "en": (
            "not sold any more",
            "cost £10.00 before and £11.00 now",
            "expired",
            "be sold here: take it out",
        ),
        "es": ("ya no se vende", "antes costaba 10,00", "ha caducado", "no se puede vender aquí"),
    }[language]
    for said in words[:2] + words[3:]:
        expect(summary).to_contain_text(said)
    expect(summary).to_contain_text(code)
    expect(page.locator("#draft-group-0-line1")).to_have_value("8 Wharf Yard")
    page.locator("[name=do][value='remove:0']").click()
    expect(page.locator("tbody tr")).to_have_count(2)
    expect(summary).not_to_contain_text(words[0])


@pytest.mark.requirement("C-31", "S3-16")
def test_who_may_not_name_prices_changes_the_rest_and_who_may_only_read_reads(open_browser, shop, begin):
    line = {"sku": "TEA-250", "quantity": 1, "unit_price_minor": 399}
    draft_id = begin(**whole(lines=[line], discounts=[{"name": "Sorry", "amount_minor": 100}]))["draft_id"]
    carla = open_browser("carla")
    carla.goto(f"/drafts/{draft_id}")
    expect(carla.locator("input#draft-line-0-price, #draft-discount-0-name")).to_have_count(0)
    expect(carla.locator("#draft-line-0-price")).to_have_text("£3.99")
    carla.locator("#draft-line-0-quantity").fill("2")
    expect(carla.locator("#kept")).to_have_text(SAVED)
    kept = shop.call("orders", "GET", f"/v1/drafts/{draft_id}")
    assert (kept["lines"][0]["unit_price_minor"], kept["lines"][0]["quantity"]) == (399, 2)
    assert kept["totals"]["total_minor"] == 698

    barbara = open_browser("barbara")
    barbara.goto(f"/drafts/{draft_id}")
    expect(barbara.locator("#draft-line-0-quantity")).to_be_disabled()
    expect(barbara.get_by_role("button", name=re.compile("Place|Save|Give up"))).to_have_count(0)
    barbara.goto("/drafts")
    expect(barbara.locator("tbody input")).to_have_count(0)
    peter = open_browser("peter")
    expect(peter.get_by_role("link", name="Carts")).to_have_count(0)
    assert barbara.goto("/drafts/new").status == 403
    for address in ("/drafts", "/drafts/new", f"/drafts/{draft_id}"):
        assert peter.goto(address).status == 403


def test_goods_can_be_fetched_at_a_pickup_point(open_browser, begin, shop):
    draft_id = begin(**whole())["draft_id"]
    page = open_browser("helen")
    page.goto(f"/drafts/{draft_id}")
    expect(page.locator("#draft-group-0-pickup_point option", has_text="Main")).to_have_count(1)
    page.locator("#draft-group-0-pickup_point").select_option("main")
    expect(page.locator("#kept")).to_have_text(SAVED)
    kept = shop.call("orders", "GET", f"/v1/drafts/{draft_id}")
    assert kept["delivery_groups"][0]["pickup_point"] == "main"


@pytest.mark.requirement("S3-12")
def test_goods_go_to_several_places_and_a_delivery_less_takes_them_together(open_browser, shop, begin, known):
    customer_id, _, _ = known
    lines = [{"sku": "TEA-250", "quantity": 1}, {"sku": "CUP-1", "quantity": 1}]
    draft_id = begin(**whole(customer={"id": customer_id}, lines=lines))["draft_id"]
    page = open_browser("helen", script=False)
    page.goto(f"/drafts/{draft_id}")
    page.get_by_role("button", name="Another delivery").click()
    page.locator("#draft-group-1-method").select_option("delivery")
    page.locator("[name=do][value='use:1:1']").click()
    expect(page.locator("#draft-group-1-line1")).to_have_value("2 Mill Lane")
    expect(page.locator("#draft-summary")).to_contain_text("Delivery 2: No product goes there")
    page.locator("#draft-line-1-group").select_option("1")
    page.get_by_role("button", name="Save").last.click()
    kept = shop.call("orders", "GET", f"/v1/drafts/{draft_id}")
    assert ([line["delivery_group"] for line in kept["lines"]], kept["lacks"]) == ([0, 1], [])
    page.get_by_role("button", name="Take out Delivery 1").click()
    kept = shop.call("orders", "GET", f"/v1/drafts/{draft_id}")
    assert [line["delivery_group"] for line in kept["lines"]] == [0, 0]
    assert [group["address"]["line1"] for group in kept["delivery_groups"]] == ["2 Mill Lane"]


@pytest.mark.requirement("C-34", "C-35")
@pytest.mark.parametrize(("scheme", "language"), [("light", "en"), ("dark", "es")])
def test_new_orders_and_carts_are_for_everybody(open_browser, begin, known, scheme, language):
    customer_id, _, _ = known
    long = {"sku": "TEA-250", "quantity": 200_000, "name": "A-name-that-does-not-end-" * 6}
    fees = [{"name": "Wrapping", "amount_minor": 200}]
    full = begin(**whole(customer={"id": customer_id}, lines=[long, long], fees=fees, coupons=["NONE"]))
    empty = begin()["draft_id"]
    page = open_browser("helen", scheme=scheme, language=language)
    one = f"/drafts/{full['draft_id']}"
    pages = ("/drafts", "/drafts/new", one, f"/drafts/{empty}?product=tea-250&customer=nora")
    asked = (f"/drafts/bulk?act=delete&draft_id={empty}", f"/drafts/{empty}/abandon")
    for address in (*pages, *asked):
        answer = page.goto(address)
        assert answer.status == 200
        is_for_everybody(page, address)
        sent = page.evaluate("performance.getEntriesByType('navigation')[0].encodedBodySize")
        assert sent < 30_000, (address, sent)


@pytest.mark.requirement("C-21", "S3-16")
@pytest.mark.parametrize("person", ["helen", "carla"])
def test_a_cart_that_is_saved_unchanged_stays_as_it_was(open_browser, shop, begin, known, person):
    customer_id, _, _ = known
    fetched = {"method": "delivery", "pickup_point": "main"}
    there = {"method": "delivery", "shipping_minor": 395, "address": ADDRESS, "requested_on": "2998-12-24"}
    wanted = {
        "customer": {"id": customer_id},
        "billing_address": ADDRESS | {"line1": "1 Bill Street", "phone": ""},
        "delivery_groups": [there, fetched],
        "lines": [
            {"sku": "TEA-250", "quantity": 2, "unit_price_minor": 399, "discount_minor": 20},
            {"sku": "CUP-1", "quantity": 1, "delivery_group": 1, "name": "Cup for Ann"},
        ],
        "fees": [{"name": "Wrapping", "amount_minor": 200, "tax_class": "standard"}],
        "discounts": [{"name": "Sorry", "amount_minor": 100}],
        "coupons": ["NONE"],
        "payment_method": "transfer",
        "channel": "store",
        "locale": "de",
        "external_reference": str(uuid4()),
        "remark": "Ring twice,\nthen knock",
    }
    path = f"/v1/drafts/{begin(**wanted)['draft_id']}"
    before = shop.call("orders", "GET", path)
    page = open_browser(person, script=False)
    page.goto(path.removeprefix("/v1"))
    page.get_by_role("button", name="Save").last.click()
    expect(page.locator("#said")).to_contain_text("Saved.")

    after = shop.call("orders", "GET", path)
    assert after["updated_by"] == f"{person}@waybill.example"
    for one in (before, after):
        for name in ("version", "updated_at", "updated_by"):
            del one[name]
    assert after == before
