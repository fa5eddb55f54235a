"""The warehouse in the console: a picker's whole day, and scanners that are faster than any page."""

import re
import time
from io import BytesIO
from uuid import uuid4

import pytest
from playwright.sync_api import expect
from pypdf import PdfReader

from tests.browser.everybody import axe_finds_nothing, is_within
from tests.browser.test_bulk import printed, shipment
from tests.waiting import until

pytestmark = pytest.mark.slow

# Notes every tone that is to be heard, for there is no ear here.
HEARD = """
window.heard = [];
const start = OscillatorNode.prototype.start;
OscillatorNode.prototype.start = function (...when) {
  heard.push(this.frequency.value);
  return start.apply(this, when);
};
"""
LOW = 200  # hertz: what warns is lower, what counts is higher


@pytest.fixture
def send(shop, place):
    """An order that has come as far as a step of its shipment; answers its shipment."""

    def sent(*steps, lines=(("TEA-250", 2),)):
        order = place(*lines)
        shop.call("orders", "POST", f"/v1/orders/{order['order_id']}/accept")
        path = f"/v1/shipments/{shipment(shop, order)['shipment_id']}"
        for step in steps:
            shop.eventually(
                lambda: shop.call("shipping", "GET", path),
                lambda now, step=step: now["actions"][step] is None,
            )
            shop.call("shipping", "POST", f"{path}/{step}")
        return shop.eventually(
            lambda: shop.call("shipping", "GET", path), lambda now: steps or now["actions"]["release"] is None
        )

    return sent


@pytest.fixture
def bay(shop):
    """A location of its own and two things that lie there: no other test's shipments are on its lists."""
    mark = uuid4().hex[:6].upper()
    code, goods = f"bay-{mark}", (f"TEA-{mark}", f"CUP-{mark}")
    shop.call("shipping", "PUT", f"/v1/locations/{code}", json={"name": f"Bay {mark}", "country": "GB"})
    for sku in goods:
        product = {"name": f"Product {sku}", "prices": {"gb": 450}}
        shop.call("orders", "PUT", f"/v1/sellers/harbour/products/{sku}", json=product)
        count = {"on_hand": 100, "reason": "counted"}
        shop.call("shipping", "PUT", f"/v1/stock/{code}/{sku}", json=count)
    return code, *goods


@pytest.fixture
def table(open_browser, send):
    """The packing table with a picked shipment on it, before a picker."""

    def laid(*lines, person="peter", **options):
        on_it = send("release", "pick", lines=lines or (("TEA-250", 6), ("CUP-1", 4)))
        page = open_browser(person, **options)
        page.add_init_script(HEARD)
        page.goto(f"/warehouse/shipments/{on_it['shipment_id']}")
        return page, on_it

    return laid


def scan(page, code):
    """What a scanner does: it types a key every four milliseconds, and then Enter.

    Each key has the time at which a scanner would have pressed it, however busy this machine is. A person
    scans once the page that takes codes is there.
    """
    page.wait_for_function("document.readyState === 'complete' && document.querySelector('form[data-scan]')")
    keyboard = page.context.new_cdp_session(page)
    began = time.time()
    for place, key in enumerate([*code, "Enter"]):
        text = "\r" if key == "Enter" else key
        pressed = {"key": key, "windowsVirtualKeyCode": ord(text.upper()), "timestamp": began + place * 0.004}
        keyboard.send("Input.dispatchKeyEvent", {"type": "keyDown", "text": text, **pressed})
        keyboard.send("Input.dispatchKeyEvent", {"type": "keyUp", **pressed})
    keyboard.detach()


def counted(shop, on_it):
    """What of a shipment's lines was checked off, by SKU."""
    now = shop.call("shipping", "GET", f"/v1/shipments/{on_it['shipment_id']}")
    return {line["sku"]: line["checked"] for line in now["lines"]}


def low(page):
    """How many warning tones were heard."""
    return page.evaluate(f"heard.filter((hertz) => hertz < {LOW}).length")


@pytest.mark.requirement("C-38")
def test_a_scan_counts_wherever_focus_is_and_lands_in_no_other_field(table, shop):
    page, on_it = table()
    weight, length = page.get_by_label("Weight (g)"), page.get_by_label("Length (mm)")

    weight.focus()
    scan(page, "TEA-250")
    expect(page.locator("#counter")).to_have_text("1 of 10")
    page.get_by_role("button", name="Save parcels").focus()
    scan(page, "CUP-1")
    expect(page.locator("#counter")).to_have_text("2 of 10")
    page.locator("body").click(position={"x": 5, "y": 400})
    scan(page, "TEA-250")
    expect(page.locator("#counter")).to_have_text("3 of 10")

    # A hand types into other fields all the same, before and after, and Enter does there what it always does.
    weight.focus()
    page.keyboard.type("1300", delay=160)
    expect(weight).to_have_value("1300")
    scan(page, "CUP-1")
    expect(page.locator("#counter")).to_have_text("4 of 10")
    length.focus()
    page.keyboard.type("25", delay=160)
    page.keyboard.press("Backspace")
    page.keyboard.type("10", delay=160)
    expect(weight).to_have_value("1300")
    expect(length).to_have_value("210")
    page.wait_for_timeout(300)
    page.keyboard.press("Enter")
    expect(page.locator("#said")).to_contain_text("Parcels saved.")
    assert counted(shop, on_it) == {"TEA-250": 2, "CUP-1": 2}
    [parcel] = shop.call("shipping", "GET", f"/v1/shipments/{on_it['shipment_id']}")["parcels"]
    assert (parcel["weight_grams"], parcel["length_mm"]) == (1300, 210)


@pytest.mark.requirement("C-39")
def test_a_wrong_scan_sounds_and_stops_and_no_scan_after_it_takes_the_warning_away(table, shop):
    page, on_it = table()
    scan(page, "TEA-250")
    expect(page.locator("#counter")).to_have_text("1 of 10")
    assert low(page) == 0

    scan(page, "SUGAR-1")

    alarm = page.locator("#alarm [role=alert]")
    expect(alarm).to_contain_text("SUGAR-1: It is not in this shipment.")
    expect(alarm).to_be_focused()
    warned = low(page)
    assert warned > 0
    # Wherever focus is by then, on the button too, the Enter of the next scans presses nothing.
    scan(page, "TEA-250")
    page.get_by_role("link", name="Go on").focus()
    scan(page, "CUP-1")
    expect(alarm).to_contain_text("did not count: 2")
    expect(page.locator("#scanner")).to_be_hidden()
    assert low(page) == 3 * warned
    page.keyboard.press("Tab")
    assert counted(shop, on_it) == {"TEA-250": 1, "CUP-1": 0}

    page.get_by_role("link", name="Go on").focus()
    page.wait_for_timeout(300)
    page.keyboard.press("Enter")  # by hand

    expect(alarm).to_have_count(0)
    expect(page.get_by_label("Scan what goes in")).to_be_focused()
    scan(page, "CUP-1")
    expect(page.locator("#counter")).to_have_text("2 of 10")
    page.get_by_role("button", name="Take back").click()
    expect(page.locator("#counter")).to_have_text("1 of 10")
    assert counted(shop, on_it) == {"TEA-250": 1, "CUP-1": 0}


@pytest.mark.requirement("C-40")
def test_ten_scans_in_two_seconds_are_ten_scans_in_their_order(table, shop):
    page, on_it = table()
    codes = [
        "TEA-250",
        "CUP-1",
        "TEA-250",
        "TEA-250",
        "CUP-1",
        "CUP-1",
        "TEA-250",
        "CUP-1",
        "TEA-250",
        "TEA-250",
    ]
    sent = []
    page.on("request", lambda asked: asked.method == "POST" and sent.append(asked.post_data_json))

    for code in codes:
        scan(page, code)

    expect(page.locator("#counter")).to_have_text("10 of 10")
    assert [one["code"] for one in sent] == codes
    assert len({one["key"] for one in sent}) == 10
    assert counted(shop, on_it) == {"TEA-250": 6, "CUP-1": 4}
    expect(page.get_by_text("6 of 6")).to_be_visible()
    # One more is one too many: it counts for nothing, and says so.
    scan(page, "TEA-250")
    expect(page.get_by_role("alert")).to_contain_text("TEA-250: More than was picked.")
    assert counted(shop, on_it) == {"TEA-250": 6, "CUP-1": 4}


@pytest.mark.requirement("C-40")
def test_what_is_scanned_while_the_connection_is_lost_is_kept_and_counts_once(table, shop):
    page, on_it = table()
    answered_too_late = []

    def cut(route):
        if len(answered_too_late) < 1:  # done, but nobody hears of it
            answered_too_late.append(route.fetch(max_redirects=0).status)
        route.abort()

    page.route("**/scan*", cut)
    for code in ("TEA-250", "CUP-1", "TEA-250"):
        scan(page, code)

    expect(page.locator("#waiting")).to_contain_text("No connection. Scans kept here")
    expect(page.locator("#waiting")).to_contain_text(": 3.")
    assert answered_too_late == [303]
    asked = []
    page.once("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    page.close(run_before_unload=True)
    until(lambda: asked or page.wait_for_timeout(50))
    assert asked == ["beforeunload"]
    page.unroute("**/scan*")

    expect(page.locator("#counter")).to_have_text("3 of 10")
    expect(page.locator("#waiting")).to_be_hidden()
    assert counted(shop, on_it) == {"TEA-250": 2, "CUP-1": 1}


@pytest.mark.requirement("C-39", "C-31")
def test_without_script_the_same_field_is_a_form_and_a_wrong_scan_stops_too(table, shop):
    page, on_it = table(("TEA-250", 2), script=False)
    for n in (1, 2):
        page.get_by_label("Scan what goes in").fill("CUP-1" if n == 1 else "TEA-250")
        page.get_by_role("button", name="Count").click()
        if n == 1:
            expect(page.get_by_role("alert")).to_contain_text("CUP-1: It is not in this shipment.")
            expect(page.locator("#scanner input")).to_have_count(0)
            page.keyboard.type("TEA-250\n")
            assert counted(shop, on_it) == {"TEA-250": 0}
            page.get_by_role("link", name="Go on").click()
    expect(page.locator("#counter")).to_have_text("1 of 2")
    page.get_by_role("button", name="Take back").click()
    expect(page.locator("#counter")).to_have_text("0 of 2")


@pytest.mark.requirement("S1-15", "S2-01", "S2-02", "S2-10", "C-24", "C-28", "C-31")
def test_a_picker_takes_shipments_from_release_to_the_carrier_with_a_pickers_scopes(
    open_browser, send, shop, bay
):
    place, tea, cup = bay
    goods = ((tea, 2), (cup, 1))
    first, second = send(lines=goods), send(lines=goods)
    page = open_browser("peter")
    expect(page.get_by_role("link", name="Orders", exact=True)).to_have_count(0)
    page.get_by_role("link", name="Warehouse").click()
    page.get_by_label("Location").select_option(place)
    page.get_by_role("button", name="Apply").click()

    page.get_by_role("link", name="To release").click()
    tick(page, first, second)
    page.locator(".bulk").get_by_role("button", name="Release").click()
    expect(page.locator("#result")).to_contain_text("2 done")

    page.get_by_role("link", name="To pick").click()
    tick(page, first, second)
    page.locator(".bulk").get_by_role("button", name="Make pick list").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(f"Pick list {place}-")
    page.get_by_role("button", name="Everything was found as it says").click()
    expect(page.locator("#result")).to_contain_text("2 shipments picked.")

    page.get_by_role("link", name="Warehouse").click()
    scan(page, first["number"])
    expect(page.get_by_role("heading", level=1)).to_have_text(first["number"])
    for code in (tea, cup, tea):
        scan(page, code)
    expect(page.locator("#counter")).to_have_text("3 of 3")
    page.get_by_label("Weight (g)").fill("900")
    page.get_by_role("button", name="Save parcels").click()
    expect(page.locator("#to")).to_contain_text("900 g")
    # Where the new window shows no PDF (the headless shell does not), it saves it, and keeps no address.
    asked = page.context.expect_event("request", lambda request: "/label/" in request.url)
    with page.context.expect_page() as opened, asked as label:
        page.get_by_role("button", name="Close and print label").click()
    assert label.value.is_navigation_request()
    answer = page.context.request.get(label.value.url)
    assert len(PdfReader(BytesIO(answer.body())).pages) == 1
    opened.value.close()
    expect(page.get_by_role("button", name="Print label again")).to_be_visible()

    scan(page, second["number"])
    expect(page.get_by_role("heading", level=1)).to_have_text(second["number"])
    page.goto(f"/warehouse?step=to_pack&location={place}")
    tick(page, second)
    page.locator(".bulk").get_by_role("button", name="Print packing slips").click()
    [slip] = PdfReader(BytesIO(printed(page))).pages
    assert second["number"] in slip.extract_text()
    tick(page, second)
    page.locator(".bulk").get_by_role("button", name="Print labels").click()
    assert len(PdfReader(BytesIO(printed(page))).pages) == 1

    page.goto(f"/warehouse?step=ready&location={place}")
    tick(page, first, second)
    page.locator(".bulk").get_by_role("button", name="Hand to carrier").click()
    expect(page.locator("#result")).to_contain_text("2 done")
    for one in (first, second):
        now = shop.call("shipping", "GET", f"/v1/shipments/{one['shipment_id']}")
        assert (now["status"], now["prints"]) == ("shipped", 1)


def tick(page, *shipments):
    for one in shipments:
        page.get_by_role("checkbox", name=f"Choose shipment {one['number']}", exact=True).check()


@pytest.mark.requirement("P-11", "S4-05")
@pytest.mark.parametrize("script", [True, False])
def test_a_list_goes_along_the_shelves_and_what_is_short_is_noted(open_browser, send, shop, bay, script):
    place, tea_sku, cup_sku = bay
    for sku, shelf in ((tea_sku, "B-02"), (cup_sku, "A-07")):
        shop.call("shipping", "PUT", f"/v1/stock/{place}/{sku}/bin", json={"bin": shelf})
    whole, short = (send("release", lines=((tea_sku, 3), (cup_sku, 1))) for _ in range(2))
    page = open_browser("peter", script=script, width=360)
    page.goto(f"/warehouse?step=to_pick&location={place}")
    tick(page, whole, short)
    page.locator(".bulk").get_by_role("button", name="Make pick list").click()
    assert page.locator(".shelf").all_inner_texts() == ["A-07", "B-02"]
    assert [one.strip()[-1] for one in page.locator(".take").all_inner_texts()] == ["2", "6"]

    for name in ("A-07", "B-02"):
        stop = page.locator(".stop", has_text=name)
        stop.locator("li", has_text=whole["number"]).get_by_role("checkbox").check()
    tea = page.locator(".stop", has_text="B-02").locator("li", has_text=short["number"])
    tea.get_by_role("checkbox").check()
    tea.get_by_role("spinbutton").fill("2")
    if script:  # what is ticked outlives a phone that falls asleep
        tea.get_by_role("spinbutton").blur()
        page.reload()
    page.get_by_role("button", name="Note what is ticked").click()

    expect(page.locator("#result")).to_contain_text("1 shipment picked.")
    expect(tea.get_by_role("checkbox")).to_be_checked()
    expect(tea.get_by_role("spinbutton")).to_have_value("2")
    page.locator(".stop", has_text="A-07").locator("li", has_text=short["number"]).get_by_role(
        "checkbox"
    ).check()
    page.get_by_role("button", name="Note what is ticked").click()
    expect(page.locator("#result")).to_contain_text("1 shipment picked.")
    expect(page.locator(".stop", has_text="B-02")).to_contain_text("2 of 3")
    now = shop.call("shipping", "GET", f"/v1/shipments/{short['shipment_id']}")
    assert {line["sku"]: (line["units"], line["picked"]) for line in now["lines"]} == {
        tea_sku: (2, 2),
        cup_sku: (1, 1),
    }


@pytest.mark.requirement("C-24", "C-18")
def test_what_one_shipment_refuses_stays_ticked_with_its_reason(open_browser, send, shop, bay):
    place, tea, _ = bay
    good, other = (send("release", lines=((tea, 1),)) for _ in range(2))
    page = open_browser("peter")
    page.goto(f"/warehouse?step=to_pick&location={place}")
    tick(page, good, other)
    shop.call("shipping", "POST", f"/v1/shipments/{other['shipment_id']}/pick")

    page.locator(".bulk").get_by_role("button", name="Mark as picked").click()

    failed = page.locator("#result li")
    expect(page.locator("#result")).to_contain_text("1 done")
    expect(failed).to_contain_text("Not possible at this stage. It is: Packing.")
    failed.get_by_role("link", name=f"Open the shipment: {other['number']}").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(other["number"])


@pytest.mark.requirement("S2-01", "S2-03", "C-01", "C-05")
def test_each_step_is_an_address_with_its_count_and_what_the_api_refuses_is_said(open_browser, send, bay):
    page = open_browser("helen")
    place, tea, _ = bay
    on_it = send("release", lines=((tea, 1),))
    page.goto(f"/warehouse?step=to_pick&location={place}&method=delivery")

    expect(page.get_by_role("link", name=on_it["number"])).to_be_visible()
    tab = page.locator("#steps [aria-current]")
    expect(tab).to_contain_text("To pick")
    assert int(re.search(r"\d+", tab.inner_text())[0]) > 0
    page.get_by_role("link", name="To pack").click()
    assert f"location={place}" in page.url
    expect(page.get_by_role("link", name=on_it["number"])).to_have_count(0)
    answer = page.goto("/warehouse?step=finalised&method=delivery")
    assert answer.status == 422
    expect(page.locator(".fault")).to_contain_text("too many shipments")
    assert page.goto("/warehouse?step=nowhere").status == 404
    assert page.goto("/warehouse/find?code=NONE-1").status == 404
    expect(page.get_by_role("alert")).to_contain_text("No shipment of yours has this number.")


@pytest.mark.requirement("C-34", "C-35")
@pytest.mark.parametrize(("scheme", "language"), [("light", "en"), ("dark", "es")])
def test_the_warehouse_is_for_everybody(table, shop, scheme, language):
    page, on_it = table(scheme=scheme, language=language)
    made = shop.call("shipping", "GET", "/v1/pick-lists")["items"]
    own = f"/warehouse/shipments/{on_it['shipment_id']}"
    lists = [f"/warehouse/pick-lists/{one['pick_list_id']}" for one in made[:1]]

    steps = [f"/warehouse?step={step}" for step in ("to_release", "to_pack", "in_transit")]
    for address in (
        *steps,
        "/warehouse/pick-lists",
        *lists,
        own,
        f"{own}?parcels=3",
        "/warehouse/find?code=GB-0",
    ):
        page.goto(address)
        is_within(page, address, (320, 360, 768, 1280))
        axe_finds_nothing(page)
    page.goto(own)
    scan(page, "WRONG-1")
    page.get_by_role("alert").wait_for()
    axe_finds_nothing(page)
