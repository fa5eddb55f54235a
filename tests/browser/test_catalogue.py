"""Catalogue and stock in the console: products with prices, coupons, levels that are counted and taken in."""

from uuid import uuid4

import pytest
from playwright.sync_api import expect

from tests.browser.everybody import BESIDE, axe_finds_nothing

pytestmark = pytest.mark.slow


@pytest.fixture
def sku():
    """A SKU that no other test has."""
    return f"JAR-{uuid4().hex[:8].upper()}"


def make_product(page, sku, price="4.50"):
    page.goto("/catalogue/new?seller=harbour")
    page.get_by_label("SKU", exact=True).fill(sku)
    page.get_by_label("Name", exact=True).fill(f"Jar {sku}")
    page.locator("[name='prices.gb']").fill(price)
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#said .said")).to_have_text("The product was made.")


@pytest.mark.parametrize("script", [True, False])
def test_a_price_is_changed_once_its_effect_was_seen(open_browser, shop, sku, script):
    page = open_browser("helen", script=script)
    page.get_by_role("link", name="Catalogue").click()
    page.get_by_role("link", name="New product").click()
    make_product(page, sku)

    page.get_by_role("link", name="Change").first.click()
    price = page.locator("[name='prices.gb']")
    expect(price).to_have_value("4.50")
    price.fill("45.00")
    page.get_by_role("button", name="See what changes").click()

    seen = page.locator("#review tbody tr")
    expect(seen).to_have_count(1)
    expect(seen).to_contain_text("£4.50")
    expect(seen).to_contain_text("£45.00")
    assert product(shop, sku)["prices"] == {"gb": 450}
    expect(price).to_have_value("45.00")
    # What is changed after the look is looked at again.
    price.fill("4.75")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#review tbody tr")).to_contain_text("£4.75")
    assert product(shop, sku)["prices"] == {"gb": 450}

    page.get_by_role("button", name="Save").click()
    expect(page.locator("#said .said")).to_have_text("The product was changed.")
    assert product(shop, sku)["prices"] == {"gb": 475}


@pytest.mark.requirement("P-26")
def test_who_was_overtaken_keeps_what_they_typed_and_sees_what_it_would_change_now(open_browser, shop, sku):
    page = open_browser("helen")
    make_product(page, sku)
    page.get_by_role("link", name="Change").first.click()
    page.get_by_label("Name", exact=True).fill("Mine")
    page.get_by_role("button", name="See what changes").click()
    theirs = {"name": "Theirs", "prices": {"gb": 999}}
    shop.call("orders", "PUT", f"/v1/sellers/harbour/products/{sku}", json=theirs)

    page.get_by_role("button", name="Save").click()

    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_label("Name", exact=True)).to_have_value("Mine")
    expect(page.locator("#review tbody tr", has_text="Theirs")).to_contain_text("Mine")
    expect(page.locator("#review tbody tr")).to_have_count(1)
    expect(page.locator("#meanwhile li", has_text="£4.50")).to_contain_text("£9.99")
    expect(page.locator("[name='prices.gb']")).to_have_value("9.99")  # nobody here had changed it
    assert product(shop, sku)["name"] == "Theirs"

    page.get_by_role("button", name="Save").click()

    expect(page.locator("#said .said")).to_have_text("The product was changed.")
    assert (product(shop, sku)["name"], product(shop, sku)["prices"]) == ("Mine", {"gb": 999})


@pytest.mark.usefixtures("shop")
def test_what_is_wrong_stands_at_its_field_and_nothing_typed_is_lost(open_browser, sku):
    page = open_browser("helen")
    page.goto("/catalogue/new?seller=harbour")
    page.get_by_label("SKU", exact=True).fill(f"{sku} no")
    page.get_by_label("Name", exact=True).fill("Jar")
    page.locator("[name='prices.gb']").fill("four")
    page.get_by_label("Description", exact=True).fill("Of glass.")
    page.get_by_role("button", name="Save").click()

    expect(page.locator("[id='product-prices.gb-wrong']")).to_be_visible()
    expect(page.locator("[name='prices.gb']")).to_have_value("four")
    expect(page.get_by_label("Description", exact=True)).to_have_value("Of glass.")
    page.locator("[name='prices.gb']").fill("4")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#product-sku-wrong")).to_be_visible()


def test_a_coupon_is_made_changed_and_told_by_the_markets_clock(open_browser, shop):
    page, code = open_browser("helen"), f"JAR{uuid4().hex[:6].upper()}"
    page.goto("/catalogue/coupons?seller=harbour&market=gb")
    page.get_by_role("link", name="New coupon").click()
    page.get_by_label("Code", exact=True).fill(code.lower())
    page.get_by_label("Name", exact=True).fill("Jars in June")
    page.get_by_label("Percent off the goods").fill("12.5")
    page.get_by_label("Valid until").fill("2999-07-01T00:00")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#said .said")).to_have_text("The coupon was made.")
    path = f"/v1/sellers/harbour/markets/gb/coupons/{code}"
    made = shop.call("orders", "GET", path)
    assert (made["percentage_basis_points"], made["valid_until"]) == (1250, "2999-06-30T23:00:00Z")

    page.get_by_role("link", name=code).click()
    page.get_by_label("Percent off the goods").fill("")
    page.get_by_label("Amount", exact=True).fill("2.50")
    page.get_by_role("button", name="See what changes").click()
    expect(page.locator("#review")).to_contain_text("12.5 %")
    expect(page.locator("#review")).to_contain_text("£2.50")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#said .said")).to_have_text("The coupon was changed.")
    assert shop.call("orders", "GET", path)["amount_minor"] == 250


@pytest.mark.parametrize("script", [True, False])
def test_goods_are_taken_in_counted_sorted_out_and_put_in_a_bin(open_browser, shop, sku, script):
    make_product(open_browser("helen"), sku)
    own = f"store-{sku.lower()}"
    shop.call(
        "shipping", "PUT", f"/v1/locations/{own}", json={"name": own, "country": "GB", "seller": "harbour"}
    )
    page = open_browser("simon", script=script)
    page.get_by_role("link", name="Stock").click()
    page.locator("[name=sku]").fill(sku)
    page.get_by_label("Location").select_option(own)
    page.get_by_role("button", name="Open at this location").click()
    here = page.url

    page.locator("#receive-quantity").fill("12")
    page.get_by_role("button", name="Take goods in").click()
    expect(page.locator("#said .said")).to_have_text("The goods were taken in.")
    page.locator("#count-on_hand").fill("10")
    page.locator("#count-reason").fill("Two are broken")
    page.locator("form[action$='/count'] button").click()
    expect(page.locator("#review tbody tr")).to_contain_text("12")
    page.locator("form[action$='/count'] button").click()
    expect(page.locator("#said .said")).to_have_text("The count was kept.")
    page.locator("#scrap-quantity").fill("11")
    page.locator("#scrap-reason").fill("More than there is")
    page.locator("form[action$='/scrap'] button").click()
    page.locator("form[action$='/scrap'] button").click()
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.locator("#scrap-quantity")).to_have_value("11")
    page.locator("#bin-bin").fill("A-07")
    page.locator("form[action$='/bin'] button").click()
    expect(page.locator("#said .said")).to_have_text("The bin was changed.")

    page.goto(here)
    expect(page.locator("#level")).to_contain_text("A-07")
    rows = page.locator("#rows tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.nth(0)).to_contain_text("Two are broken")
    expect(rows.nth(0)).to_contain_text("-2")
    expect(rows.nth(1)).to_contain_text("+12")
    assert shop.call("shipping", "GET", f"/v1/stock/{own}/{sku}")["on_hand"] == 10


@pytest.mark.usefixtures("shop")
def test_stock_that_serves_every_seller_is_only_shown_to_who_works_for_one(open_browser):
    page = open_browser("simon")
    page.goto("/stock/main/TEA-250")
    expect(page.locator("#main")).to_contain_text("only who works for all of them changes its stock")
    expect(page.locator("#do")).to_have_count(0)
    expect(page.get_by_role("link", name="What moved it")).to_have_count(0)


@pytest.mark.requirement("C-31")
@pytest.mark.usefixtures("shop")
def test_a_picker_sees_stock_and_prices_and_changes_neither(open_browser, sku):
    make_product(open_browser("helen"), sku)
    page = open_browser("peter")
    page.goto(f"/catalogue/products/harbour/{sku}")
    expect(page.get_by_role("heading", name=f"Jar {sku}")).to_be_visible()
    expect(page.get_by_role("link", name="Change")).to_have_count(0)
    for address in (f"/catalogue/products/harbour/{sku}/change", "/catalogue/new"):
        assert page.goto(address).status == 403
    page.goto("/stock")
    expect(page.get_by_role("button", name="Open at this location")).to_have_count(0)


@pytest.mark.parametrize(("scheme", "language"), [("light", "en"), ("dark", "es")])
def test_catalogue_and_stock_are_for_everybody(open_browser, shop, sku, scheme, language):
    make_product(open_browser("helen"), sku)
    page = open_browser("helen", scheme=scheme, language=language, width=320)
    level = shop.call("shipping", "GET", "/v1/stock?limit=1")["items"][0]
    for address in (
        "/catalogue",
        f"/catalogue/products/harbour/{sku}",
        f"/catalogue/products/harbour/{sku}/change",
        "/catalogue/coupons",
        "/catalogue/coupons/new?seller=harbour&market=gb",
        "/stock",
        f"/stock/{level['location']}/{level['sku']}",
        f"/stock/{level['location']}/{level['sku']}?show=reservations",
    ):
        assert page.goto(address).status == 200, address
        assert page.evaluate(BESIDE) <= 0, address
        axe_finds_nothing(page, address)


def product(shop, sku):
    return shop.call("orders", "GET", f"/v1/sellers/harbour/products/{sku}")
