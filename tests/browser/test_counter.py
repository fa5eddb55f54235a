"""The counter, couriers, the agenda and what comes back, as those who work there use them."""

from datetime import timedelta
from uuid import UUID

import pytest
from playwright.sync_api import expect

from shared import clock
from shared.collect_codes import collect_code
from tests.browser.everybody import BESIDE, axe_finds_nothing, is_within
from tests.browser.test_bulk import shipment
from tests.shop import ADDRESS, MARKET

pytestmark = pytest.mark.slow

PAYMENT = {"payment_methods": ["transfer", "cash_on_delivery"]}
PLACE = "harbour.leeds"  # its own: no other test's shipments are on its lists
FETCHED = {
    "delivery_groups": [{"method": "pickup", "pickup_point": PLACE, "shipping_minor": 0}],
    "billing_address": {name: part for name, part in ADDRESS.items() if name != "phone"},
}
PACKED = ("release", "pick", "pack")
BODIES = {"ship": {}, "deliver": {}, "fail": {"reason": "nobody_there"}}


@pytest.fixture(scope="module")
def yard(shop):
    """The shop with a counter, two couriers, and a location of the seller's own."""
    methods = MARKET["shipping_methods"] | {"pickup": {"en": "Fetched", "es": "Recogida"}}
    shop.call(
        "orders", "PUT", f"/v1/markets/{shop.market}", json=MARKET | PAYMENT | {"shipping_methods": methods}
    )
    own = {"name": "Leeds", "country": "GB", "seller": "harbour", "priority": 900}
    shop.call("shipping", "PUT", f"/v1/locations/{PLACE}", json=own)
    product = {"name": "Product SCARF-1", "prices": {shop.market: 450}}
    shop.call("orders", "PUT", "/v1/sellers/harbour/products/SCARF-1", json=product)
    count = {"on_hand": 1000, "reason": "counted"}
    shop.call("shipping", "PUT", f"/v1/stock/{PLACE}/SCARF-1", json=count)
    for code, name in (("ana", "Ana Blythe"), ("rui", "Rui Costa")):
        shop.call("shipping", "PUT", f"/v1/couriers/harbour/{code}", json={"name": name, "phone": "+44 1"})
    yield shop
    shop.call("orders", "PUT", f"/v1/markets/{shop.market}", json=MARKET | PAYMENT)


@pytest.fixture
def send(yard, place):
    """An order that has come as far as a step of its shipment; answers its shipment."""

    def sent(*steps, lines=(("SCARF-1", 2),), **more):
        order = place(*lines, **more)
        yard.call("orders", "POST", f"/v1/orders/{order['order_id']}/accept")
        path = f"/v1/shipments/{shipment(yard, order)['shipment_id']}"
        for step in steps:
            yard.eventually(
                lambda: yard.call("shipping", "GET", path),
                lambda now, step=step: now["actions"][step] is None,
            )
            body = {"json": BODIES[step]} if step in BODIES else {}
            yard.call("shipping", "POST", f"{path}/{step}", **body)
        return yard.call("shipping", "GET", path)

    return sent


def now(yard, one):
    return yard.call("shipping", "GET", f"/v1/shipments/{one['shipment_id']}")


def code_of(stack, one):
    """The code that the customer was sent."""
    return collect_code(stack.keys.customer_link_keys.split(","), UUID(one["shipment_id"]), 1)


@pytest.mark.requirement("P-16", "C-20")
@pytest.mark.parametrize("script", [True, False])
def test_whoever_shows_the_code_at_the_counter_gets_the_goods(open_browser, send, stack, yard, script):
    waits = send(*PACKED, **FETCHED)
    right = code_of(stack, waits)
    wrong = "000000" if right != "000000" else "000001"
    page = open_browser("peter", script=script)
    page.get_by_role("link", name="Warehouse").click()
    page.get_by_role("link", name="Pickup counter").click()

    page.get_by_label("Who comes?").fill(waits["number"].rpartition("-")[0])
    page.keyboard.press("Enter")
    code, name = page.get_by_label("Code of the customer"), page.get_by_label("Who fetches it and signs")
    if script:
        expect(code).to_be_focused()
    code.fill(wrong)
    name.fill("Ann Archer")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("This is not the code.")
    expect(code).to_have_value("")
    if script:
        expect(code).to_be_focused()
    expect(name).to_have_value("Ann Archer")
    expect(page.locator("#opened")).to_contain_text("1 wrong code")
    code.fill(right)
    page.keyboard.press("Enter")

    expect(page.locator("#said")).to_contain_text("Collected.")
    given = now(yard, waits)
    assert (given["status"], given["sign_off"]["name"]) == ("delivered", "Ann Archer")
    expect(page.locator("#waits").get_by_role("link", name=waits["number"])).to_have_count(0)
    page.goto(f"/warehouse/counter/{waits['shipment_id']}")
    expect(page.locator("#opened .missing")).to_contain_text("Ann Archer")
    assert page.goto("/warehouse/counter?number=NONE-1").status == 404
    expect(page.get_by_role("alert")).to_contain_text("Nothing that waits to be fetched goes by this.")


@pytest.mark.requirement("P-16")
def test_what_nobody_fetched_goes_back_to_stock_and_a_lost_code_is_sent_anew(
    open_browser, send, yard, somebody
):
    waits = send(
        *PACKED, **FETCHED, customer={"name": somebody, "email": "z@customers.example", "phone": "+44 1"}
    )
    page = open_browser("helen")
    page.goto(f"/warehouse/counter?location={PLACE}")
    # Who reads orders finds by the customer's name too, once orders has heard that it is ready.
    yard.eventually(
        lambda: yard.call("orders", "GET", f"/v1/orders/{waits['order_id']}"),
        lambda order: order["fulfilment"] == "ready",
    )
    page.get_by_label("Who comes?").fill(somebody)
    page.keyboard.press("Enter")
    expect(page.locator("#opened-title")).to_contain_text(waits["number"])

    page.get_by_role("button", name="Send new code").click()
    expect(page.locator("#said")).to_contain_text("New code sent.")
    expect(page.locator("#opened-title")).to_contain_text(waits["number"])
    page.locator("summary", has_text="Back on the shelf").click()
    page.get_by_role("button", name="Back on the shelf").click()

    expect(page.locator("#said")).to_contain_text("Back in stock.")
    assert f"location={PLACE}" in page.url
    put_back = now(yard, waits)
    assert (put_back["status"], put_back["cancel_reason"]) == ("cancelled", "Not fetched")


@pytest.mark.requirement("S4-06", "C-24", "C-35")
@pytest.mark.parametrize("script", [True, False])
def test_shipments_are_given_to_a_courier_who_notes_at_the_door_what_became_of_them(
    open_browser, send, yard, script
):
    first, second = send(*PACKED), send(*PACKED)
    page = open_browser("peter", width=360, script=script)
    page.goto(f"/warehouse/couriers?location={PLACE}")
    for one in (first, second):
        page.get_by_role("checkbox", name=f"Choose {one['number']}", exact=True).check()
    page.get_by_label("Courier").select_option("rui" if script else "ana")
    page.get_by_label("Note").fill("Ring twice")
    page.get_by_role("button", name="Assign courier").click()
    expect(page.locator("#result")).to_contain_text("2 done")

    page.get_by_role("link", name="Rui Costa" if script else "Ana Blythe").click()
    cards = {one["number"]: page.locator(".delivery", has_text=one["number"]) for one in (first, second)}
    card = cards[first["number"]]
    for text in (
        ADDRESS["line1"],
        ADDRESS["phone"],
        "Ring twice",
        "Product SCARF-1",
        "To collect in cash:",
    ):
        expect(card).to_contain_text(text)
    page.get_by_role("button", name="Set off with 2 shipments").click()
    expect(page.locator("#result")).to_contain_text("2 done")
    card.locator("summary", has_text="Mark as delivered").click()
    card.get_by_label("Who signed").fill("Bo Larsen")
    card.get_by_role("button", name="Mark as delivered").click()
    expect(page.locator("#said")).to_contain_text("Delivered.")
    expect(card).to_have_count(0)
    other = cards[second["number"]]
    other.locator("summary", has_text="Mark as undeliverable").click()
    other.get_by_label("Reason").select_option("wrong_address")
    other.get_by_role("button", name="Mark as undeliverable").click()
    expect(other).to_contain_text("1 try failed: Wrong address")
    assert page.evaluate(BESIDE) <= 0

    delivered, failed = now(yard, first), now(yard, second)
    assert (delivered["status"], delivered["sign_off"]["name"]) == ("delivered", "Bo Larsen")
    assert (failed["status"], failed["failure"], failed["courier_note"]) == (
        "undeliverable",
        "wrong_address",
        "Ring twice",
    )
    page.emulate_media(media="print")
    expect(other).to_contain_text(ADDRESS["line1"])
    expect(other.get_by_role("button")).to_have_count(0)
    expect(other.locator(".on-paper")).to_be_visible()


@pytest.mark.requirement("S1-07", "C-20")
@pytest.mark.parametrize("script", [True, False])
def test_an_appointment_is_moved_and_signed_on_the_agenda(open_browser, send, yard, script):
    one = send("release")
    day = (clock.now() + timedelta(days=2)).date()
    path = f"/v1/shipments/{one['shipment_id']}/appointments/delivery"
    yard.call("shipping", "PUT", path, json={"starts": f"{day}T10:00", "ends": f"{day}T12:00"})
    page = open_browser("peter", script=script)
    page.goto(f"/warehouse/agenda?location={PLACE}")
    entry = page.locator(".entry", has_text=one["number"])
    expect(page.locator(f"#day-{day}").locator(entry)).to_contain_text("10:00–12:00")  # noqa: RUF001 - as it is written

    entry.locator("summary", has_text="Move").click()
    later = day + timedelta(days=1)
    entry.get_by_label("From").fill(f"{later}T14:00")
    entry.get_by_label("Until").fill(f"{later}T13:00")
    entry.get_by_role("button", name="Move").click()
    expect(entry.get_by_role("alert")).to_contain_text("must be after the start")
    expect(entry.get_by_label("From")).to_have_value(f"{later}T14:00")
    entry.get_by_label("Until").fill(f"{later}T16:00")
    entry.get_by_role("button", name="Move").click()
    expect(page.locator("#said")).to_contain_text("Moved; the customer is told.")
    expect(page.locator(f"#day-{later}").locator(entry)).to_contain_text("14:00–16:00")  # noqa: RUF001 - as it is written
    entry.locator("summary", has_text="Sign off").click()
    entry.get_by_label("Who signed").fill("Ann Archer")
    entry.get_by_role("button", name="Sign off").click()

    expect(entry).to_contain_text("Signed by Ann Archer")
    [kept] = now(yard, one)["appointments"]
    assert (kept["times_scheduled"], kept["signed_by"]) == (2, "Ann Archer")


def in_stock(yard, sku):
    """Units at the seller's own location."""
    found = yard.call("shipping", "GET", f"/v1/stock?sku={sku}&location={PLACE}")["items"]
    return found[0]["on_hand"] if found else 0


@pytest.mark.requirement("P-03", "C-20")
@pytest.mark.parametrize("script", [True, False])
def test_what_comes_back_is_counted_in_after_it_was_said_what_becomes_of_it(open_browser, send, yard, script):
    failed = send(*PACKED, "ship", "fail", lines=(("SCARF-1", 3),))
    before = in_stock(yard, "SCARF-1")
    page = open_browser("simon", script=script)
    page.goto("/warehouse/returns")
    page.get_by_label("Scan").fill(failed["parcels"][0]["tracking_number"])
    page.keyboard.press("Enter")
    page.locator("#undeliverable").get_by_role("link", name=failed["number"]).click()

    places = page.get_by_label("Location")  # of which shared ones are not a seller's to change
    expect(places.locator("option", has_text="Main")).to_have_count(0)
    places.select_option(PLACE)
    page.get_by_label("Sellable SCARF-1").fill("2")
    page.get_by_label("Damaged SCARF-1").fill("2")
    page.get_by_role("button", name="Count what came").click()
    if not script:
        expect(page.get_by_role("alert")).to_contain_text("more than expected: 3")
    page.get_by_label("Damaged SCARF-1").fill("1")
    page.get_by_role("button", name="Count what came").click()
    expect(page.locator("#summary li").nth(0)).to_contain_text("back to stock at Leeds")
    expect(page.locator("#summary li").nth(1)).to_contain_text("is scrapped (Damaged)")
    assert now(yard, failed)["status"] == "undeliverable"
    page.get_by_role("button", name="Take back in").click()

    expect(page.locator("#said")).to_contain_text("Back in.")
    assert now(yard, failed)["status"] == "returned"
    assert in_stock(yard, "SCARF-1") == before + 2


@pytest.mark.requirement("P-03")
def test_a_customers_return_is_found_by_its_order_and_taken_in_once(open_browser, send, yard):
    sold = send(*PACKED, "ship", "deliver")
    path = f"/v1/orders/{sold['order_id']}"
    order = yard.eventually(
        lambda: yard.call("orders", "GET", path), lambda order: order["fulfilment"] == "delivered"
    )
    lines = [{"line_id": line["line_id"], "quantity": 2} for line in order["lines"]]
    yard.call("orders", "POST", f"{path}/returns", json={"reason": "damaged", "lines": lines})
    [asked] = yard.call("orders", "GET", path)["returns"]
    yard.call("orders", "POST", f"{path}/returns/{asked['return_id']}/approve", json={})
    yard.eventually(
        lambda: yard.call("shipping", "GET", f"/v1/returns?number={order['number']}")["items"], bool
    )
    page = open_browser("peter")  # who picks sees what comes, and takes nothing in
    page.goto(f"/warehouse/returns?number={order['number']}")
    expect(page.locator("#expected")).to_contain_text(order["number"])
    expect(page.locator("#expected").get_by_role("link")).to_have_count(0)

    page = open_browser("simon")
    page.goto(f"/warehouse/returns?number={order['number']}")
    page.locator("#expected").get_by_role("link", name=order["number"]).click()
    page.get_by_label("Location").select_option(PLACE)
    page.get_by_label("Used SCARF-1").fill("1")
    page.get_by_role("button", name="Count what came").click()
    expect(page.locator("#summary")).to_contain_text("has not come")
    page.get_by_role("button", name="Take goods in").click()

    expect(page.locator("#said")).to_contain_text("Goods taken in.")
    came = yard.call("shipping", "GET", f"/v1/returns/{asked['return_id']}")
    assert (came["status"], came["lines"][0]["received"], came["lines"][0]["restocked"]) == ("received", 1, 0)
    page.goto(f"/warehouse/returns?open=receive_return-{asked['return_id']}")
    expect(page.locator("main")).to_contain_text("Nothing is to be counted in any more.")


@pytest.mark.requirement("C-34", "C-35")
@pytest.mark.parametrize(("scheme", "language"), [("light", "en"), ("dark", "es")])
def test_the_counter_the_run_the_agenda_and_the_returns_are_for_everybody(
    open_browser, send, yard, scheme, language
):
    waits, failed = send(*PACKED, **FETCHED), send(*PACKED, "ship", "fail")
    yard.call("shipping", "PUT", f"/v1/shipments/{failed['shipment_id']}/courier", json={"courier": "rui"})
    page = open_browser("peter", scheme=scheme, language=language)
    keeper = open_browser("simon", scheme=scheme, language=language)
    for who, address in (
        (page, "/warehouse/counter"),
        (page, f"/warehouse/counter/{waits['shipment_id']}"),
        (page, "/warehouse/couriers"),
        (page, "/warehouse/couriers/harbour/rui"),
        (page, "/warehouse/agenda"),
        (keeper, "/warehouse/returns"),
        (keeper, f"/warehouse/returns?open=take_back-{failed['shipment_id']}"),
    ):
        assert who.goto(address).status == 200
        for asks in who.locator("main details.asks > summary").all()[:2]:
            asks.click()
        is_within(who, address, (320, 360, 768, 1280))
        axe_finds_nothing(who)
