"""Settings in the console: sellers, markets, locations, carriers, couriers; for who may change them."""

import io
from uuid import uuid4

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser.everybody import BESIDE, axe_finds_nothing

pytestmark = pytest.mark.slow


@pytest.fixture
def code():
    """A code that no other test has."""
    return f"c{uuid4().hex[:8]}"


def make_location(page, code, name="The store"):
    page.goto("/settings/new/location")
    page.get_by_label("Code", exact=True).fill(code)
    page.locator("[name=seller]").select_option("harbour")
    page.locator("[name=name]").fill(name)
    page.locator("[name=country]").fill("gb")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#said .said")).to_have_text("The location was made.")


@pytest.mark.parametrize("script", [True, False])
def test_a_location_is_made_and_changed_once_the_effect_was_seen(open_browser, shop, code, script):
    page, code = open_browser("simon", script=script), f"harbour.{code}"
    page.get_by_role("link", name="Settings").click()
    page.get_by_role("link", name="Locations").click()
    page.get_by_role("link", name="New location").click()
    make_location(page, code)
    made = shop.call("shipping", "GET", f"/v1/locations/{code}")
    assert (made["country"], made["markets"], made["handling_days"]) == ("GB", [], 2)

    page.get_by_label("Kind").select_option("store")
    page.get_by_label("Pickup", exact=True).check()
    page.get_by_label("Priority").fill("5")
    page.locator("[name='address.name']").fill("The store")
    page.get_by_role("button", name="See what changes").click()
    seen = page.locator("#review tbody tr")
    expect(seen.filter(has_text="Kind")).to_contain_text("Warehouse")
    expect(seen.filter(has_text="Kind")).to_contain_text("Store")
    expect(seen.filter(has_text="What it serves")).to_contain_text("All")
    page.get_by_role("button", name="Save").click()

    # Half an address is none: what is missing says so in its place, and what was typed is there.
    expect(page.get_by_role("alert")).to_contain_text("Street and number")
    expect(page.locator("[id='location-address.line1-wrong']")).to_be_visible()
    expect(page.get_by_label("Priority")).to_have_value("5")
    expect(page.get_by_label("Pickup", exact=True)).to_be_checked()
    for name, text in (("line1", "1 Quay"), ("postcode", "BS1 4QA"), ("city", "Bristol"), ("country", "GB")):
        page.locator(f"[name='address.{name}']").fill(text)
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#review tbody tr", has_text="Address: City")).to_contain_text("Bristol")
    page.get_by_role("button", name="Save").click()

    expect(page.locator("#said .said")).to_have_text("The location was changed.")
    now = shop.call("shipping", "GET", f"/v1/locations/{code}")
    assert (now["kind"], now["priority"], now["method_kinds"]) == ("store", 5, ["pickup"])
    assert now["address"]["line1"] == "1 Quay"


@pytest.mark.requirement("P-26")
def test_who_was_overtaken_keeps_what_they_typed_and_sees_what_it_would_change_now(open_browser, shop, code):
    page, code = open_browser("simon"), f"harbour.{code}"
    make_location(page, code)
    page.locator("[name=name]").fill("Mine")
    page.get_by_role("button", name="See what changes").click()
    theirs = {"name": "Theirs", "country": "IE", "seller": "harbour"}
    shop.call("shipping", "PUT", f"/v1/locations/{code}", json=theirs)

    page.get_by_role("button", name="Save").click()

    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.locator("[name=name]")).to_have_value("Mine")
    expect(page.locator("#review tbody tr", has_text="Theirs")).to_contain_text("Mine")
    expect(page.locator("#review tbody tr")).to_have_count(1)
    expect(page.locator("#meanwhile li", has_text="GB")).to_contain_text("IE")
    expect(page.locator("[name=country]")).to_have_value("IE")  # nobody here had changed it
    assert shop.call("shipping", "GET", f"/v1/locations/{code}")["name"] == "Theirs"

    page.get_by_role("button", name="Save").click()

    expect(page.locator("#said .said")).to_have_text("The location was changed.")
    now = shop.call("shipping", "GET", f"/v1/locations/{code}")
    assert (now["name"], now["country"]) == ("Mine", "IE")


def test_a_code_that_a_person_may_not_take_is_refused_at_its_field(open_browser, code):
    page = open_browser("simon")
    page.goto("/settings/new/location")
    page.get_by_label("Code", exact=True).fill(code)
    page.locator("[name=name]").fill("The store")
    page.locator("[name=country]").fill("GB")
    page.get_by_role("button", name="Save").click()

    expect(page.locator("#location-location-wrong")).to_contain_text("harbour.")
    expect(page.locator("[name=name]")).to_have_value("The store")


def test_a_seller_is_made_changed_and_keeps_its_texts_by_language(open_browser, shop, code):
    page = open_browser("olivia")
    page.get_by_role("link", name="Settings").click()
    page.get_by_role("link", name="New seller").click()
    page.get_by_label("Code", exact=True).fill(code)
    page.locator("[name=name]").fill("Quay Tea")
    page.locator("[name=legal_name]").fill("Quay Tea Ltd")
    page.locator("[name=email]").fill("orders@quay.example")
    page.locator("[name=iban]").fill("gb33 bukb 2020 1555 5555 55")
    for name, text in (("name", "Quay Tea Ltd"), ("line1", "1 Quay"), ("city", "Bristol"), ("country", "gb")):
        page.locator(f"[name='address.{name}']").fill(text)
    page.get_by_label("Spanish").fill("Toda venta es firme.")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#said .said")).to_have_text("The seller was made.")

    page.locator("[name=iban]").fill("nonsense")
    page.get_by_role("button", name="See what changes").click()
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#seller-iban-wrong")).to_be_visible()
    page.locator("[name=iban]").fill("")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#said .said")).to_have_text("The seller was changed.")
    now = shop.call("orders", "GET", f"/v1/sellers/{code}")
    assert (now["iban"], now["legal_text"]) == ("", {"es": "Toda venta es firme."})
    assert now["address"]["country"] == "GB"


@pytest.mark.parametrize("script", [True, False])
def test_a_logo_is_set_seen_refused_and_removed_by_the_sellers_own_people(open_browser, script):
    page = open_browser("helen", script=script)
    page.goto("/settings/sellers/harbour")
    expect(page.locator("#main")).to_contain_text("You may see this, and not change it.")
    expect(page.locator("#logo")).to_contain_text("papers bear the seller")
    picture = io.BytesIO()
    Image.new("RGB", (120, 60), "#1f5f73").save(picture, "PNG")

    for name, content in (("logo.gif", b"GIF89a no"), ("logo.png", picture.getvalue())):
        file = {"name": name, "mimeType": "image/png", "buffer": content}
        page.get_by_label("Picture").set_input_files(file)
        page.get_by_role("button", name="Use this logo").click()
        if name == "logo.gif":
            expect(page.locator("#logo-file-wrong")).to_be_visible()
    expect(page.locator("#said .said")).to_contain_text("The logo was changed.")
    shown = page.get_by_alt_text("Logo of")
    expect(shown).to_be_visible()
    if script:
        assert shown.evaluate("image => image.naturalWidth") == 120

    page.get_by_role("button", name="Remove the logo").click()
    expect(page.locator("#said .said")).to_contain_text("The logo was removed.")
    expect(shown).to_have_count(0)


def test_a_carrier_is_made_by_who_runs_it_all_and_shown_to_the_others(open_browser, shop, code):
    page = open_browser("olivia")
    page.goto("/settings/new/carrier")
    page.get_by_label("Code", exact=True).fill(code)
    page.get_by_label("Name", exact=True).fill("Gull Post")
    page.get_by_label("Tracking link").fill("https://gull.example/nothing")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#carrier-tracking_link-wrong")).to_be_visible()
    page.get_by_label("Tracking link").fill("https://gull.example/{number}")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#said .said")).to_have_text("The carrier was made.")
    assert shop.call("shipping", "GET", f"/v1/carriers/{code}")["stalled_after_days"] == 5

    other = open_browser("helen")
    other.goto("/settings/carriers")
    expect(other.get_by_role("link", name="New carrier")).to_have_count(0)
    assert other.goto("/settings/new/carrier").status == 403
    other.goto(f"/settings/carriers/{code}")
    expect(other.locator("#main")).to_contain_text("https://gull.example/{number}")
    expect(other.locator("#main form")).to_have_count(0)


def test_a_courier_is_taken_on_and_given_no_more_deliveries(open_browser, shop, code):
    page = open_browser("helen")
    page.goto("/settings/couriers")
    page.get_by_role("link", name="New courier").click()
    page.get_by_label("Code", exact=True).fill(code)
    page.get_by_label("Name", exact=True).fill("Ana Ferreira")
    page.get_by_label("E-mail", exact=True).fill("ana@couriers.example")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#said .said")).to_have_text("The courier was taken on.")

    page.get_by_label("New deliveries may be assigned").uncheck()
    page.get_by_role("button", name="See what changes").click()
    expect(page.locator("#review tbody tr")).to_contain_text("No")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#said .said")).to_have_text("The courier was changed.")
    assert shop.call("shipping", "GET", f"/v1/couriers/harbour/{code}")["active"] is False
    page.get_by_role("link", name="Couriers").first.click()
    expect(page.get_by_role("row", name="Ana Ferreira").filter(has_text=code)).to_contain_text("Not in use")


@pytest.mark.parametrize("script", [True, False])
def test_a_market_is_made_and_its_rules_changed_once_the_effect_was_seen(open_browser, shop, code, script):
    page = open_browser("olivia", script=script)
    page.goto("/settings/markets")
    page.get_by_role("link", name="New market").click()
    for name, typed in (
        ("market", code),
        ("currency", "eur"),
        ("name", "Testland"),
        ("locale", "es"),
        ("time_zone", "Europe/Atlantis"),
        ("method.0.code", "delivery"),
        ("method.0.name.es", "Envío"),
        ("rate.0.percent", "21"),
        ("rate.1.code", "reduced"),
        ("rate.1.percent", "ten"),
        ("pay_within_seconds", "48"),
    ):
        page.locator(f"[name='{name}']").fill(typed)
    page.get_by_label("Bank transfer").check()
    page.get_by_role("button", name="Save").click()
    expect(page.locator("[id='market-rate.1.percent-wrong']")).to_be_visible()
    expect(page.locator("#market-time_zone-wrong")).to_be_visible()
    expect(page.locator("[name='rate.1.percent']")).to_have_value("ten")
    page.locator("[name='rate.1.percent']").fill("10")
    page.locator("[name='time_zone']").fill("Europe/Madrid")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#said .said")).to_have_text("The market was made.")
    made = shop.call("orders", "GET", f"/v1/markets/{code}")
    assert (made["currency"], made["tax_rates"]) == ("EUR", {"standard": 2100, "reduced": 1000})
    assert (made["pay_within_seconds"], made["accept_within_seconds"]) == (48 * 3600, None)

    expect(page.locator("[name='pay_within_seconds']")).to_have_value("2")
    expect(page.get_by_label("Currency")).to_have_count(0)
    page.locator("[name='pay_within_seconds']").fill("3")
    code_of_rate = page.locator("input[name^='rate.'][value=reduced]")
    row = code_of_rate.get_attribute("name").removesuffix(".code")
    code_of_rate.fill("")
    page.locator(f"[name='{row}.percent']").fill("")
    page.get_by_role("button", name="See what changes").click()
    seen = page.locator("#review tbody tr")
    expect(seen).to_have_count(2)
    expect(seen.filter(has_text="To be paid within")).to_contain_text("3 days")
    expect(seen.filter(has_text="Tax rates: reduced")).to_contain_text("10 %")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#said .said")).to_contain_text("The market was changed.")
    now = shop.call("orders", "GET", f"/v1/markets/{code}")
    assert (now["pay_within_seconds"], now["tax_rates"]) == (3 * 86_400, {"standard": 2100})
    assert {name: now[name] for name in ("verifies", "shipping_methods")} == {
        name: made[name] for name in ("verifies", "shipping_methods")
    }


@pytest.mark.parametrize("script", [True, False])
def test_a_table_of_taxes_is_kept_a_line_a_rate(open_browser, shop, code, script):
    rules = {
        "name": "Testland",
        "currency": "EUR",
        "locale": "es",
        "time_zone": "Europe/Madrid",
        "tax_mode": "gross",
        "tax_rates": {"standard": 2100},
        "payment_methods": ["transfer"],
        "shipping_methods": {"delivery": {"es": "Envío"}},
    }
    shop.call("orders", "PUT", f"/v1/markets/{code}", json=rules)
    page = open_browser("olivia", script=script)
    page.goto(f"/settings/markets/{code}")
    page.get_by_role("link", name="Keep one").click()
    page.get_by_label("Rates", exact=True).fill("ES; standard; 21\nFR; standard; 20; 2026-01-01; 2025-01-01")
    page.get_by_label("What classes are of").fill("download: digital")
    page.get_by_role("button", name="See what changes").click()
    expect(page.locator("#review tbody tr", has_text="Rates: ES standard")).to_contain_text("21 %")
    page.get_by_role("button", name="Save").click()

    expect(page.locator("#taxes-rates-wrong")).to_contain_text("line 2, Valid until")
    expect(page.get_by_label("What classes are of")).to_have_value("download: digital")
    page.get_by_label("Rates", exact=True).fill("ES; standard; 21\nFR; standard; 20,5; 2026-01-01")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#review tbody tr", has_text="Rates: FR standard")).to_contain_text("20.5 %")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#said .said")).to_contain_text("The table was changed.")
    kept = shop.call("orders", "GET", f"/v1/markets/{code}/tax-table")
    assert [(rate["place"], rate["rate_basis_points"]) for rate in kept["rates"]] == [
        ("ES", 2100),
        ("FR", 2050),
    ]
    assert kept["supplies"] == {"download": "digital"}
    expect(page.locator("#taxes tbody tr", has_text="FR")).to_contain_text("20.5")
    # Whoever changed the market meanwhile is not overwritten.
    page.get_by_role("link", name="Change").click()
    page.get_by_label("Rates", exact=True).fill("ES; standard; 10")
    page.get_by_role("button", name="See what changes").click()
    shop.call("orders", "PUT", f"/v1/markets/{code}", json=rules)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_label("Rates", exact=True)).to_have_value("ES; standard; 10")
    kept = shop.call("orders", "GET", f"/v1/markets/{code}/tax-table")
    assert len(kept["rates"]) == 2


@pytest.mark.requirement("C-31")
@pytest.mark.usefixtures("shop")
def test_who_changes_no_settings_is_not_led_to_them_and_may_look_by_their_address(open_browser):
    page = open_browser("peter")
    expect(page.get_by_role("link", name="Settings")).to_have_count(0)
    for address in ("/settings/sellers/harbour", "/settings/locations/main", "/settings/markets/gb"):
        page.goto(address)
        expect(page.locator("#main")).to_contain_text("You may see this, and not change it.")
        expect(page.locator("#main form")).to_have_count(0)
    for form in ("seller", "location", "carrier", "market"):
        assert page.goto(f"/settings/new/{form}").status == 403


@pytest.mark.parametrize(("scheme", "language"), [("light", "en"), ("dark", "es")])
def test_settings_are_for_everybody(open_browser, shop, code, scheme, language):
    courier = {"name": "Ana Ferreira"}
    shop.call("shipping", "PUT", f"/v1/couriers/harbour/{code}", json=courier)
    carrier = {"name": "Gull Post", "tracking_link": "https://gull.example/{number}"}
    shop.call("shipping", "PUT", f"/v1/carriers/{code}", json=carrier)
    location = {"name": "The store", "country": "GB", "seller": "harbour"}
    shop.call("shipping", "PUT", f"/v1/locations/harbour.{code}", json=location)
    addresses = {
        "olivia": (
            "/settings",
            "/settings/sellers/harbour",
            "/settings/new/seller",
            "/settings/markets",
            "/settings/markets/gb",
            "/settings/new/market",
            "/settings/markets/gb/taxes",
            f"/settings/carriers/{code}",
        ),
        "simon": ("/settings/locations", "/settings/locations/main", f"/settings/locations/harbour.{code}"),
        "helen": ("/settings/sellers/harbour", "/settings/couriers", f"/settings/couriers/harbour/{code}"),
    }
    for person, theirs in addresses.items():
        page = open_browser(person, scheme=scheme, language=language, width=320)
        for address in theirs:
            page.goto(address)
            assert page.evaluate(BESIDE) <= 0, address
            axe_finds_nothing(page, address)
