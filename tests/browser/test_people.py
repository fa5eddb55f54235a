"""Customers in the console: made, put right, their address books, erased."""

from uuid import uuid4

import pytest
from playwright.sync_api import expect

from tests.browser.everybody import BESIDE, axe_finds_nothing

pytestmark = pytest.mark.slow

HOME = {"line1": "1 Quay Street", "city": "Bristol", "postcode": "BS1 4QA", "country": "GB"}


@pytest.fixture
def ann(shop):
    """A customer whom nobody else has."""
    customer_id, name = str(uuid4()), f"Ann {uuid4().hex[:8]}"
    whole = {"seller": shop.seller, "name": name, "email": f"{customer_id}@customers.example", "phone": ""}
    whole["addresses"] = [HOME | {"name": name}]
    return shop.call("orders", "PUT", f"/v1/customers/{customer_id}", json=whole)


@pytest.mark.parametrize("script", [True, False])
@pytest.mark.usefixtures("shop")
def test_a_customer_is_made_found_changed_and_given_an_address(open_browser, script):
    page, name = open_browser("helen", script=script), f"Bo {uuid4().hex[:8]}"
    page.get_by_role("link", name="Customers").click()
    page.get_by_role("link", name="New customer").click()
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("E-mail", exact=True).fill("bo@customers")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#person-email-wrong")).to_be_visible()
    expect(page.get_by_label("Name", exact=True)).to_have_value(name)
    page.get_by_label("E-mail", exact=True).fill("bo@customers.example")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#said .said")).to_have_text("The customer was made.")

    page.goto("/people")
    page.get_by_label("Find a customer").fill(name[:-2])
    page.get_by_role("button", name="Find").click()
    page.get_by_role("link", name=name).click()
    page.get_by_role("link", name="Change").click()
    page.get_by_label("Telephone", exact=True).fill("+44 117 000000")
    page.get_by_role("button", name="See what changes").click()
    expect(page.locator("#review tbody tr")).to_contain_text("+44 117 000000")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#said .said")).to_have_text("The customer was changed.")

    for line, first in (("1 Quay Street", False), ("2 Dock Road", True)):
        page.get_by_role("link", name="Add").click()
        for part, text in (HOME | {"name": name, "line1": line}).items():
            page.locator(f"[name='address.{part}']").fill(text)
        if first:
            page.get_by_label("Make it the first choice").check()
        page.get_by_role("button", name="Save").click()
        expect(page.locator("#said .said")).to_have_text("The address was added.")
    entries = page.locator("#book li")
    expect(entries).to_have_count(2)
    expect(entries.first).to_contain_text("2 Dock Road")
    entries.first.get_by_role("link").click()
    page.get_by_role("button", name="Take it out of the book").click()
    expect(page.locator("#book li")).to_have_count(1)


@pytest.mark.requirement("P-26")
def test_who_was_overtaken_keeps_what_they_typed(open_browser, shop, ann):
    page = open_browser("helen")
    page.goto(f"/people/{ann['customer_id']}/change")
    page.get_by_label("Company", exact=True).fill("Quay Ltd")
    page.get_by_role("button", name="See what changes").click()
    theirs = {name: ann[name] for name in ("seller", "name", "email", "addresses")} | {"phone": "0117 1"}
    shop.call("orders", "PUT", f"/v1/customers/{ann['customer_id']}", json=theirs)

    page.get_by_role("button", name="Save").click()

    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_label("Company", exact=True)).to_have_value("Quay Ltd")
    expect(page.locator("#meanwhile li", has_text="Telephone")).to_contain_text("0117 1")
    expect(page.get_by_label("Telephone", exact=True)).to_have_value("0117 1")
    expect(page.locator("#review tbody tr")).to_have_count(1)  # the company alone
    assert shop.call("orders", "GET", f"/v1/customers/{ann['customer_id']}")["company"] == ""

    page.get_by_role("button", name="Save").click()

    expect(page.locator("#said .said")).to_have_text("The customer was changed.")
    now = shop.call("orders", "GET", f"/v1/customers/{ann['customer_id']}")
    assert (now["company"], now["phone"]) == ("Quay Ltd", "0117 1")


def test_a_person_is_erased_once_that_was_confirmed(open_browser, shop, ann):
    customer = {"id": ann["customer_id"]}
    order = shop.place(("TEA-250", 1), customer=customer)
    clerk = open_browser("helen")
    clerk.goto(f"/people/{ann['customer_id']}")
    expect(clerk.locator("#orders")).to_contain_text(order["number"])
    expect(clerk.get_by_role("link", name="Erase the person")).to_have_count(0)
    assert clerk.goto(f"/people/{ann['customer_id']}/erase").status == 403

    page = open_browser("olivia")
    page.goto(f"/people/{ann['customer_id']}")
    page.get_by_role("link", name="Erase the person").click()
    page.get_by_label("I know that this").check()
    page.get_by_role("button", name="Erase the person").click()

    expect(page.locator("#erasure")).to_contain_text(order["number"])
    expect(page.locator("#erasure")).to_contain_text("invoices (tax law)")
    expect(page.locator("#main")).not_to_contain_text(ann["name"])
    assert shop.call("orders", "GET", f"/v1/customers/{ann['customer_id']}")["email"] == ""


@pytest.mark.parametrize(("scheme", "language"), [("light", "en"), ("dark", "es")])
def test_customers_are_for_everybody(open_browser, ann, scheme, language):
    page = open_browser("helen", scheme=scheme, language=language, width=320)
    own = f"/people/{ann['customer_id']}"
    for address in ("/people", "/people/new", own, f"{own}/change", f"{own}/addresses/new"):
        page.goto(address)
        assert page.evaluate(BESIDE) <= 0, address
        axe_finds_nothing(page, address)
    page = open_browser("olivia", scheme=scheme, language=language, width=320)
    page.goto(f"{own}/erase")
    axe_finds_nothing(page)
