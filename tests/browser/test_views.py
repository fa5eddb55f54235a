"""The list's filters kept under a name: one's own, and shared by all who work for a seller."""

import re
from urllib.parse import quote_plus
from uuid import uuid4

import pytest
from playwright.sync_api import expect

from tests.browser.everybody import axe_finds_nothing, is_for_everybody

pytestmark = pytest.mark.slow


@pytest.fixture
def called(shop):
    """A name that no view has; a shared one that is called so is deleted afterwards."""
    name = f"Gifts {uuid4().hex[:8]}"
    yield name
    for view in shop.call("orders", "GET", "/v1/shared-views?limit=100")["items"]:
        if name in view["name"]:
            shop.call("orders", "DELETE", f"/v1/shared-views/{view['view_id']}")


def menu(page):
    """Open what can be done with a view."""
    if page.locator("#view").get_attribute("open") is None:
        page.locator("#view > summary").click()
    return page.locator("#view .sheet")


def save(page, name):
    sheet = menu(page)
    sheet.get_by_label(re.compile("Save as a new view|Guardar como vista nueva")).fill(name)
    sheet.get_by_role("button", name=re.compile("Save view|Guardar vista")).click()
    page.locator("#said .said").wait_for()


def delete(page):
    menu(page).get_by_role("link", name=re.compile("Delete view|Borrar vista")).click()
    page.get_by_role("button", name=re.compile("Delete view|Borrar vista")).click()
    page.locator("#said .said").wait_for()


def tab(page, name):
    return page.locator("#tabs nav").get_by_role("link", name=re.compile(re.escape(name)))


@pytest.mark.requirement("P-28", "C-01", "C-03")
@pytest.mark.parametrize(("language", "script"), [("en", True), ("es", True), ("en", False)])
def test_what_a_list_shows_is_saved_found_again_renamed_changed_and_deleted(
    open_browser, place, somebody, called, language, script
):
    customer = {"name": somebody, "email": "zora@customers.example", "phone": ""}
    mine = sorted(place(customer=customer)["number"] for _ in range(2))
    place()
    page = open_browser("helen", language=language, script=script)
    page.goto(f"/orders?name={quote_plus(somebody)}&sort=total_minor")

    save(page, called)
    expect(tab(page, called)).to_have_attribute("aria-current", "page")
    page.goto("/orders")
    tab(page, called).click()
    assert sorted(page.locator("a.whole").all_inner_texts()) == mine
    assert "sort=total_minor" in page.url

    sheet = menu(page)
    sheet.get_by_label(re.compile("Name of this view|Nombre de esta vista")).fill(f"{called} B")
    sheet.get_by_role("button", name=re.compile("^(Rename|Cambiar nombre)$")).click()
    expect(tab(page, f"{called} B")).to_have_attribute("aria-current", "page")

    page.goto(f"{page.url}&status=cancelled")
    expect(tab(page, called).locator(".badge")).to_be_visible()
    menu(page).get_by_role("button", name=re.compile("Keep what|Guardar lo que")).click()
    page.goto("/orders")
    tab(page, called).click()
    assert "status=cancelled" in page.url
    expect(tab(page, called).locator(".badge")).to_have_count(0)

    delete(page)
    assert "status=cancelled" in page.url
    expect(tab(page, called)).to_have_count(0)


@pytest.mark.requirement("P-28")
def test_an_own_view_is_nobody_elses_until_it_is_shared_and_then_everybodys(open_browser, called):
    helen, carla = open_browser("helen"), open_browser("carla")
    helen.goto("/orders?status=placed&tag=gift")
    save(helen, called)
    carla.goto("/orders")
    expect(tab(carla, called)).to_have_count(0)

    menu(helen).get_by_role("button", name=re.compile("^Share with everyone at")).click()
    helen.locator("#said .said").wait_for()

    expect(tab(helen, called)).to_have_attribute("aria-current", "page")
    carla.goto("/orders")
    tab(carla, called).click()
    assert re.search("tag=gift&status=placed", carla.url)
    sheet = menu(carla)
    expect(sheet.get_by_text("Who may share views changes it")).to_be_visible()
    expect(sheet.get_by_role("button", name="Rename")).to_have_count(0)
    expect(sheet.get_by_role("link", name="Delete view")).to_have_count(0)
    menu(helen).get_by_role("link", name="Delete view").click()
    expect(helen.get_by_text("It goes for everyone at")).to_be_visible()


@pytest.mark.requirement("P-28", "C-19", "C-20", "P-26")
def test_a_refused_name_stays_typed_and_a_change_of_two_stops_the_second(open_browser, called):
    page, other = open_browser("helen"), open_browser("helen")
    page.goto("/orders?status=placed")
    save(page, called)
    other.goto(page.url)
    menu(other)

    page.goto("/orders?status=accepted")
    sheet = menu(page)
    sheet.get_by_label("Save as a new view").fill(called)
    sheet.get_by_role("button", name="Save view").click()
    fault = page.locator("#view .fault")
    expect(fault).to_contain_text("There is a view of this name already.")
    expect(page.get_by_label("Save as a new view")).to_have_value(called)
    page.reload()
    assert "status=accepted" in page.url

    tab(page, called).click()
    sheet = menu(page)
    sheet.get_by_label("Name of this view").fill(f"{called} first")
    sheet.get_by_role("button", name="Rename").click()
    expect(tab(page, f"{called} first")).to_have_count(1)
    sheet = menu(other)
    sheet.get_by_label("Name of this view").fill(f"{called} second")
    sheet.get_by_role("button", name="Rename").click()
    expect(other.locator("#view .fault")).to_contain_text("Somebody changed this in the meantime")
    expect(other.get_by_label("Name of this view")).to_have_value(f"{called} second")
    expect(tab(other, f"{called} first")).to_have_count(1)
    delete(other)


@pytest.mark.requirement("C-05")
def test_a_filter_that_nobody_knows_is_marked_cleared_and_not_saved(open_browser):
    page = open_browser("helen")

    page.goto("/orders?colour=red&status=mislaid&tag=gift")

    expect(page.locator(".chip.is-wrong")).to_have_count(2)
    expect(menu(page).get_by_text("What the list does not take")).to_be_visible()
    page.get_by_role("link", name="Remove the filter colour").click()
    expect(page.locator(".chip.is-wrong")).to_have_count(1)
    page.get_by_role("link", name="Remove the filter Status").click()
    expect(page.locator(".chip.is-wrong")).to_have_count(0)
    assert page.url.endswith("/orders?tag=gift")


@pytest.mark.requirement("C-34", "C-35")
@pytest.mark.parametrize(("scheme", "language"), [("light", "en"), ("dark", "es")])
def test_views_are_for_everybody(open_browser, called, scheme, language):
    """By keyboard alone, with nothing that axe knows of, on the narrowest screens too."""
    page = open_browser("helen", scheme=scheme, language=language)
    page.goto("/orders?status=placed")
    page.locator("#view > summary").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type(called)
    page.keyboard.press("Enter")
    page.locator("#said .said").wait_for()
    menu(page)

    is_for_everybody(page, "views", (320, 360, 768, 1280))
    page.keyboard.press("Escape")
    expect(page.locator("#view")).not_to_have_attribute("open", "")
    assert page.evaluate("document.activeElement.matches('#view > summary')")
    menu(page).get_by_role("link", name=re.compile("Delete view|Borrar vista")).click()
    axe_finds_nothing(page)
    page.get_by_role("button", name=re.compile("Delete view|Borrar vista")).click()
    page.locator("#said .said").wait_for()
