"""A whole order, from the telephone to the credit note: by mouse alone, and by keyboard alone."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.test_bulk import shipment
from tests.browser.test_drafts import SAVED, known  # noqa: F401 - a fixture
from tests.browser.test_warehouse import scan

pytestmark = pytest.mark.slow

MOST_TABS = 300  # more stops than any page has
# How many stops lie ahead of what has focus, as far as the page tells; 0 for what has it.
AHEAD = """to => {
    const from = document.activeElement;
    if (from === to) return 0;
    const stops = [...document.querySelectorAll("a[href], button, input, select, textarea, summary, iframe")]
        .filter(one => one.tabIndex >= 0 && !one.disabled && one.type !== "hidden" && one.checkVisibility());
    const isPast = one => one === from || from.compareDocumentPosition(one) & 2; // precedes it
    return stops.indexOf(to) - (from === document.body ? -1 : stops.findLastIndex(isPast));
}"""


class Mouse:
    """Points and clicks; letters alone are typed."""

    def __init__(self, page):
        self.page = page

    def press(self, what):
        what.click()

    def write(self, where, text):
        where.click(click_count=3)
        self.page.keyboard.type(text)

    def choose(self, where, value):
        where.select_option(value)

    def take_first(self, suggested):
        suggested.first.click()


class Keyboard:
    """Goes from one thing to the next by Tab, and presses Enter there."""

    def __init__(self, page):
        self.page = page

    def reach(self, what):
        what.wait_for()
        pressed = 0
        while pressed < MOST_TABS:
            ahead = what.evaluate(AHEAD)
            if not ahead:
                return
            for _ in range(max(1, ahead - 2)):  # the last ones by sight
                self.page.keyboard.press("Tab")
                pressed += 1
        raise AssertionError(f"Tab does not lead to {what}")

    def press(self, what):
        self.reach(what)
        self.page.keyboard.press("Enter")

    def write(self, where, text):
        self.reach(where)
        self.page.keyboard.press("Control+a")
        self.page.keyboard.type(text)

    def choose(self, where, value):
        self.reach(where)
        self.page.keyboard.press("Home")
        for _ in range(where.locator("option").count()):
            if where.input_value() == value:
                return
            self.page.keyboard.press("ArrowDown")
        raise AssertionError(f"{value} is not among the choices of {where}")

    def take_first(self, suggested):
        suggested.first.wait_for()
        self.page.keyboard.press("ArrowDown")
        self.page.keyboard.press("Enter")


class Person:
    """Somebody at a browser of their own, who works in one way."""

    def __init__(self, page, kind):
        self.page = page
        self.hand = kind(page)

    def open(self, section):
        """Go to a screen by the navigation."""
        self.hand.press(self.page.locator(f".side a[href='{section}']"))
        self.page.wait_for_url(f"**{section}*")

    def find(self, number):
        """Go to an order by the box at the head of every page."""
        self.hand.write(self.page.locator("header .find input"), number)
        option = self.page.locator("#suggest [role=option]")
        expect(option.first).to_contain_text(number)
        self.hand.take_first(option)
        self.page.locator("h1", has_text=number).wait_for()

    def send(self, tone="primary"):
        """Send the form that an act has opened."""
        self.hand.press(self.page.locator(f"#act form button.{tone}"))
        self.is_done()

    def is_done(self):
        self.page.locator("#said .said").first.wait_for()

    def take_step(self, action):
        """What comes next appears by itself: nothing is loaded again."""
        at_once = self.page.locator(f".steps > form[action$='/{action}'] button")
        step = at_once.or_(self.page.locator(f".steps > a[href*='act={action}']"))
        asks = step.evaluate("element => element.tagName") == "A"
        self.hand.press(step)
        if asks:
            self.send()
        else:
            self.is_done()


def take_down(clerk, phone, name):
    """An order by telephone: someone known, three of one thing, a transfer; answers number and id."""
    page, hand, suggested = clerk.page, clerk.hand, clerk.page.locator(".find.here [role=option]")
    clerk.open("/orders")
    hand.press(page.locator("main a[href='/drafts/new']"))
    hand.choose(page.locator("main select[name=seller]"), "harbour")
    hand.choose(page.locator("main select[name=market]"), "gb")
    hand.press(page.locator("main button.primary"))
    page.wait_for_url(re.compile("/drafts/[0-9a-f-]{36}"))
    hand.write(page.locator("#draft-customer-find"), phone[-6:])
    expect(page.locator("#found-customer")).to_contain_text(name)
    hand.take_first(suggested)
    expect(page.locator("#draft-group-0-line1")).to_have_value("8 Wharf Yard")
    hand.write(page.locator("#draft-product-find"), "tea-250")
    hand.take_first(suggested)
    hand.write(page.locator("#draft-line-0-quantity"), "3")
    hand.choose(page.locator("#draft-group-0-method"), "delivery")
    hand.choose(page.locator("#draft-payment_method"), "transfer")
    expect(page.locator("#draft-summary h3")).to_have_count(0)
    expect(page.locator("#kept")).to_have_text(SAVED)
    hand.press(page.locator("button[value=place]"))
    page.wait_for_url("**/orders/*")
    return page.locator("h1").inner_text(), page.url.rpartition("/")[2]


def pack(clerk, on_it):
    """The goods by scanner, the label, and away with the carrier."""
    page, hand = clerk.page, clerk.hand
    clerk.open("/warehouse")
    scan(page, on_it["number"])
    page.wait_for_url(f"**/warehouse/shipments/{on_it['shipment_id']}")
    for at in range(3):
        scan(page, "TEA-250")
        expect(page.locator("#counter")).to_have_text(re.compile(rf"^{at + 1} \w+ 3$"))
    with page.context.expect_page() as label:
        hand.press(page.locator("#steps form[target=_blank] button"))
    label.value.close()
    hand.press(page.locator("#steps form[action$='/ship'] button"))
    clerk.is_done()


def answer(clerk, order_id):
    """What the customer asked."""
    page, hand = clerk.page, clerk.hand
    clerk.open("/messages")
    hand.press(page.locator(f"main a[href*='{order_id}']").first)
    hand.write(page.locator("main textarea[name=text]").first, "It is.")
    hand.press(page.locator("main form:has(textarea[name=text]) button").first)
    clerk.is_done()


def ask_back(clerk, shop, order_id):
    """One of the three is to come back, and may; answers the return's id."""
    page, hand = clerk.page, clerk.hand
    hand.press(page.locator("#more > summary"))
    hand.press(page.locator("#more a[href*='act=return']"))
    hand.choose(page.locator("#return-reason"), "damaged")
    hand.write(page.locator("#act input[name^='line-']"), "1")
    clerk.send()
    hand.press(page.locator(".order-head .tabs a[href$='/shipment']"))
    hand.press(page.locator("form[action$='/approve'] button"))
    clerk.is_done()
    [asked] = shop.eventually(
        lambda: shop.call("shipping", "GET", f"/v1/orders/{order_id}/returns")["items"], len
    )
    return asked["return_id"]


def take_in(keeper, order_id, return_id):
    """The goods, as new, in a room of the seller's own."""
    page, hand = keeper.page, keeper.hand
    page.goto(f"/orders/{order_id}/shipment")
    hand.press(page.locator(f"a[href*='act=receive_return-{return_id}']"))
    hand.choose(page.locator("#act select[name=location]"), "back-room")
    hand.write(page.locator("#act input[name$='-sellable']"), "1")
    keeper.send()


def pay_back(accountant, number, return_id):
    """What came back was worth, by transfer."""
    page, hand = accountant.page, accountant.hand
    accountant.find(number)
    hand.press(page.locator(".order-head .tabs a[href$='/shipment']"))
    hand.press(page.locator(f"a[href*='act=refund_return-{return_id}']"))
    accountant.send("danger")
    accountant.open("/money")
    hand.press(page.locator(".tabs a[href*='/money/refunds']").first)
    hand.press(page.locator("tr", has_text=number).locator("a[href*='refund=']"))
    hand.write(page.locator("#refund [name=reference]"), "TRF 4712")
    hand.press(page.locator("#refund button.primary"))
    accountant.is_done()


@pytest.mark.requirement("S3-31", "S1-15", "C-13", "C-14")
@pytest.mark.parametrize(("kind", "languages"), [(Mouse, ("es", "en", "es")), (Keyboard, ("en", "es", "en"))])
def test_a_whole_order_goes_its_way(open_browser, shop, known, write, kind, languages):  # noqa: F811
    """Each part by mouse and by keyboard and in each language; each way of working meets both languages."""
    _, name, phone = known
    helen, barbara, simon = (
        Person(open_browser(worker, language=language), kind)
        for worker, language in zip(("helen", "barbara", "simon"), languages, strict=True)
    )
    room = {"name": "Back room", "country": "GB", "seller": "harbour"}
    shop.call("shipping", "PUT", "/v1/locations/back-room", json=room)

    number, order_id = take_down(helen, phone, name)
    barbara.find(number)
    barbara.hand.press(barbara.page.locator("#money a[href*='act=pay']"))
    barbara.hand.write(barbara.page.locator("#pay-reference"), "TRF 4711")
    barbara.send()
    for action in ("accept", "release", "pick"):
        helen.take_step(action)
    pack(helen, shipment(shop, {"order_id": order_id}))
    write({"order_id": order_id}, "Is it on its way?")
    answer(helen, order_id)
    helen.find(number)
    helen.take_step("deliver")
    expect(helen.page.locator(".order-head .marks")).to_contain_text(re.compile("Delivered|Entregado"))
    coming = ask_back(helen, shop, order_id)
    take_in(simon, order_id, coming)
    pay_back(barbara, number, coming)
    barbara.find(number)
    barbara.hand.press(barbara.page.locator(".order-head .tabs a[href$='/documents']"))

    paper = re.compile("credit note|rectificativa|abono", re.IGNORECASE)
    expect(barbara.page.locator("main")).to_contain_text(paper)
    path = f"/v1/orders/{order_id}"
    assert [one["status"] for one in shop.call("orders", "GET", path)["returns"]] == ["closed"]
    papers = shop.call("documents", "GET", f"{path}/documents")["items"]
    assert {"invoice", "credit_note"} <= {one["kind"] for one in papers}
    said = shop.call("notifications", "GET", f"{path}/messages")["items"]
    assert [one["text"] for one in said if one["author"] == "seller"] == ["It is."]
