"""Finding and working on orders, by clicks and keys."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.everybody import at_widths, axe_finds_nothing
from tests.waiting import until

pytestmark = pytest.mark.slow

# What of a table can't be seen, for it is wider than its box.
CUT_OFF = """[...document.querySelectorAll(".table")]
  .filter((box) => box.scrollWidth > box.clientWidth).map((box) => box.innerText)"""


def customer(name):
    return {"customer": {"name": name, "email": "zora@customers.example", "phone": "+44 117 496 0108"}}


def numbers(page):
    return page.locator("a.whole").all_inner_texts()


@pytest.mark.requirement("C-01", "C-02", "C-04")
def test_a_list_is_its_address(open_browser, place, somebody):
    mine = [place(**customer(somebody))["number"] for _ in range(2)]
    page = open_browser("helen")
    page.goto("/orders")

    page.locator(".sieve input[type=search]").fill(somebody)
    page.wait_for_url(re.compile("search="))
    expect(page.locator("a.whole")).to_have_count(2)
    page.locator("#tabs").get_by_role("link", name="To accept").click()
    page.wait_for_url(re.compile("status=placed"))
    assert "search=" in page.url
    assert "cursor=" not in page.url

    other = open_browser("helen")
    other.goto(page.url)
    assert sorted(numbers(other)) == sorted(mine)
    page.locator("a.whole").first.click()
    page.wait_for_url(re.compile("/orders/"))  # or going back would overtake it
    page.go_back()
    page.wait_for_url(re.compile("status=placed"))
    assert sorted(numbers(page)) == sorted(mine)


@pytest.mark.requirement("S3-06")
def test_a_customer_is_found_while_the_name_is_typed(open_browser, place, somebody):
    order = place(**customer(somebody))
    page = open_browser("helen")
    page.goto("/orders")

    page.locator(".sieve input[type=search]").press_sequentially(somebody[:-2])

    expect(page.locator("a.whole")).to_have_count(1)
    assert numbers(page) == [order["number"]]


@pytest.mark.requirement("S3-06", "C-12", "C-34")
def test_orders_are_suggested_while_somebody_types_on_any_page(open_browser, place, somebody):
    order = place(**customer(somebody))
    page = open_browser("helen")
    page.goto("/notices")
    box, options = page.locator(".find input"), page.get_by_role("option")
    box.press_sequentially(somebody[:2])
    page.wait_for_timeout(400)
    assert options.count() == 0  # two letters fit too much
    box.press_sequentially(somebody[2:-2])

    expect(options.first).to_contain_text(order["number"])
    expect(options).to_have_count(2)  # and the whole list
    axe_finds_nothing(page)
    page.keyboard.press("ArrowDown")
    expect(options.first).to_have_attribute("aria-selected", "true")
    assert box.get_attribute("aria-activedescendant") == options.first.get_attribute("id")
    page.keyboard.press("Escape")
    expect(page.locator("#suggest")).to_be_hidden()
    assert box.input_value() == somebody[:-2]
    box.press_sequentially(somebody[-2])
    expect(options).to_have_count(2)
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(order["order_id"]))

    page.locator(".find input").press_sequentially("nobody at all")
    expect(options).to_have_count(1)
    page.keyboard.press("Enter")  # nothing is chosen: as without script
    page.wait_for_url(re.compile(r"/orders\?search=nobody"))


@pytest.mark.requirement("C-12")
def test_the_search_of_any_page_works_without_script(open_browser, place, somebody):
    order = place(**customer(somebody))
    page = open_browser("helen", script=False)
    page.goto("/notices")

    page.locator(".find input").fill(somebody)
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("search="))

    assert numbers(page) == [order["number"]]


@pytest.mark.requirement("S3-10", "C-06")
def test_days_are_applied_together_and_one_day_is_enough(open_browser, place, shop):
    order = place()
    page = open_browser("helen")
    page.goto("/orders")
    today = order["placed_at"][:10]

    page.locator("#filters summary").click()
    page.get_by_label("From day").fill(today)
    page.get_by_label("To day, included").fill(today)
    assert "placed_from" not in page.url
    page.get_by_role("button", name="Apply").click()

    page.wait_for_url(re.compile(f"placed_from={today}&placed_to={today}"))
    assert order["number"] in numbers(page)


@pytest.mark.requirement("C-05")
def test_a_filter_that_is_refused_is_marked_and_can_be_cleared(open_browser, shop):
    page = open_browser("helen")

    page.goto("/orders?placed_from=2026-02-02&placed_to=2026-01-01")

    assert "is before placed_from" in page.locator(".chip.is-wrong").inner_text()
    page.locator("#chips").get_by_role("link", name="Clear all").click()
    page.wait_for_url(re.compile("/orders$"))
    assert page.locator(".fault").count() == 0


@pytest.mark.requirement("C-10")
def test_only_what_the_api_sorts_by_is_sortable(open_browser, place):
    place()
    page = open_browser("helen")
    page.goto("/orders")

    headings = page.locator("thead th a").all_inner_texts()
    for heading in headings:
        page.goto("/orders")
        page.locator("thead th a", has_text=heading.strip()).click()
        assert page.locator(".fault").count() == 0

    assert [heading.strip() for heading in headings] == ["Placed", "Due", "Total"]


@pytest.mark.requirement("C-11")
def test_lists_are_filtered_by_payment_and_by_goods(open_browser, place):
    order = place()
    page = open_browser("helen")

    page.goto("/orders?payment_state=unpaid&fulfilment=unfulfilled")
    both = numbers(page)
    page.goto("/orders?payment_state=refunded&fulfilment=unfulfilled")

    assert order["number"] in both
    assert order["number"] not in numbers(page)


@pytest.mark.requirement("C-12")
def test_one_box_finds_whatever_is_known_of_an_order(open_browser, place, somebody):
    order = place(**customer(somebody), external_reference=f"REF-{somebody[-6:]}")
    page = open_browser("helen")

    for known in (order["number"], somebody, f"REF-{somebody[-6:]}"):
        page.goto("/orders")
        page.locator(".sieve input[type=search]").fill(known)
        page.keyboard.press("Enter")
        page.wait_for_url(re.compile("search="))
        assert numbers(page) == [order["number"]], known


@pytest.mark.requirement("C-15")
def test_a_page_left_open_tells_of_new_orders_and_moves_nothing(open_browser, place):
    place()
    page = open_browser("helen")
    page.goto("/orders")
    before = numbers(page)

    place()

    page.get_by_role("link", name=re.compile("new order")).wait_for()
    assert numbers(page) == before


@pytest.mark.requirement("C-15")
def test_news_never_come_between_pressing_a_button_and_letting_go(open_browser, place):
    order = place()
    page = open_browser("helen")
    page.goto(f"/orders/{order['order_id']}")
    place_of_menu = page.locator("#more summary").bounding_box()
    page.mouse.move(place_of_menu["x"] + 9, place_of_menu["y"] + 9)
    page.mouse.down()

    with page.expect_response(lambda answer: answer.url.endswith(order["order_id"])):
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.wait_for_timeout(300)
    page.mouse.up()

    expect(page.locator("#more")).to_have_attribute("open", "")


@pytest.mark.requirement("C-16")
@pytest.mark.parametrize("script", [True, False])
def test_a_form_sent_twice_acts_once(open_browser, place, shop, stack, script):
    order = place(method="transfer")
    page = open_browser("barbara", script=script)
    page.goto(f"/orders/{order['order_id']}?act=pay")
    form = page.locator("#act form")
    form.get_by_label("Reference").fill("bank 7")
    fields = {
        field.get_attribute("name"): field.input_value()
        for field in form.locator("input:not([type=file])").all()
    }
    action = form.get_attribute("action")

    form.locator("button").first.dblclick()
    page.locator(".order-head .badge", has_text=re.compile("^Paid$")).wait_for()
    again = page.request.post(action, form=fields, headers={"Origin": stack.console_url})

    assert again.ok
    payments = shop.call("orders", "GET", f"/v1/orders/{order['order_id']}/payments")
    assert len(payments["items"]) == 1


@pytest.mark.requirement("C-16")
def test_back_and_again_acts_once_and_other_words_are_asked_about_first(open_browser, place, shop):
    order = place()
    page = open_browser("helen")
    page.goto(f"/orders/{order['order_id']}/messages")
    write, send = page.locator("#write-text"), page.get_by_role("button", name="Send", exact=True)
    write.fill("It leaves today")
    send.click()
    page.get_by_text("Message sent").wait_for()

    def said():
        items = shop.call("notifications", "GET", f"/v1/orders/{order['order_id']}/messages")["items"]
        return [one["text"] for one in items]

    page.go_back()
    expect(write).to_have_value("It leaves today")  # the browser's doing, on a page that it reads anew
    send.click()
    page.get_by_text("Message sent").wait_for()
    assert said() == ["It leaves today"]

    page.go_back()
    write.fill("It leaves tomorrow")
    send.click()
    expect(page.locator(".fault")).to_contain_text("sent already, with something else in it")
    assert said() == ["It leaves today"]
    send.click()
    page.get_by_text("Message sent").wait_for()
    assert said() == ["It leaves tomorrow", "It leaves today"]


@pytest.mark.requirement("C-17", "C-18", "S4-15")
def test_what_is_not_possible_is_not_offered_and_says_why(open_browser, place):
    order = place(method="transfer")
    page = open_browser("helen")
    page.goto(f"/orders/{order['order_id']}")

    assert page.locator(".steps").get_by_role("button", name="Accept order").count() == 0
    page.get_by_text("More", exact=True).click()
    assert "It is not paid yet." in page.locator("#more").inner_text()


@pytest.mark.requirement("C-19", "C-20")
def test_a_refused_form_keeps_what_was_typed_and_says_what_is_wrong(open_browser, place):
    order = place()
    page = open_browser("helen")
    page.goto(f"/orders/{order['order_id']}/edit")
    page.locator("[name=group-0-postcode]").fill("BS1 4QB")
    page.get_by_label("Add by SKU 1", exact=True).fill("NO-SUCH-THING")
    page.get_by_label("Reason").fill("asked by telephone")

    page.get_by_role("button", name="Save").click()

    fault = page.locator(".fault")
    fault.wait_for()
    assert "Number for the logs" in fault.inner_text()
    assert page.get_by_label("Add by SKU 1", exact=True).input_value() == "NO-SUCH-THING"
    assert page.locator("[name=group-0-postcode]").input_value() == "BS1 4QB"
    assert page.evaluate("document.activeElement.classList.contains('fault')")


@pytest.mark.requirement("C-21")
def test_the_second_of_two_people_is_stopped_and_told_who_changed_what(open_browser, place, shop):
    order = place()
    page = open_browser("helen")
    page.goto(f"/orders/{order['order_id']}/edit")
    page.locator("[name=group-0-postcode]").fill("BS1 4QB")
    page.get_by_label("Reason").fill("moved house")
    other = open_browser("carla")
    other.goto(f"/orders/{order['order_id']}/edit")
    other.locator("[name=group-0-city]").fill("Bath")
    other.get_by_label("Reason").fill("wrong town")
    other.get_by_role("button", name="Save").click()
    other.wait_for_url(re.compile(f"{order['order_id']}$"))

    page.get_by_role("button", name="Save").click()

    told = page.locator(".fault")
    told.wait_for()
    assert "carla@waybill.example edited the order" in told.inner_text()
    assert page.locator("[name=group-0-postcode]").input_value() == "BS1 4QB"
    now = shop.call("orders", "GET", f"/v1/orders/{order['order_id']}")
    assert now["delivery_groups"][0]["address"]["postcode"] == "BS1 4QA"

    page.get_by_role("button", name="Save").click()

    page.wait_for_url(re.compile(f"{order['order_id']}$"))
    now = shop.call("orders", "GET", f"/v1/orders/{order['order_id']}")["delivery_groups"][0]["address"]
    assert (now["postcode"], now["city"]) == ("BS1 4QB", "Bath")  # and neither undid what the other did


@pytest.mark.requirement("C-22", "C-23", "S2-07")
def test_cancelling_asks_once_more_with_number_amount_and_a_warning(open_browser, place, shop):
    order = place()
    page = open_browser("helen")
    page.goto(f"/orders/{order['order_id']}")
    page.get_by_text("More", exact=True).click()
    page.locator("#more").get_by_role("link", name="Cancel order").click()

    asked = page.locator("#act")
    assert order["number"] in asked.inner_text()
    assert "£12.95" in asked.inner_text()
    assert "was not written to" in asked.inner_text()
    asked.get_by_label("Reason").fill("ordered twice")
    asked.get_by_role("button", name=re.compile("Cancel order")).click()

    page.locator(".order-head .badge", has_text="Cancelled").wait_for()
    assert shop.call("orders", "GET", f"/v1/orders/{order['order_id']}")["refunds"] == []


@pytest.mark.requirement("C-31")
def test_who_may_little_has_a_working_page_without_the_rest(open_browser, place):
    """Accounts may neither write to customers nor accept; a picker sees the goods and no orders."""
    order = place()
    own = f"/orders/{order['order_id']}"
    accounts, picker = open_browser("barbara"), open_browser("peter")

    for address in (
        "/",
        "/orders",
        "/notices",
        own,
        f"{own}/shipment",
        f"{own}/messages",
        f"{own}/documents",
    ):
        assert accounts.goto(address).status == 200, address
        assert accounts.locator(".missing").count() == 0, address
    accounts.goto(own)
    assert accounts.get_by_role("button", name="Add note").count() == 0
    assert accounts.locator(".steps").get_by_role("button", name="Accept order").count() == 0
    assert picker.goto("/").status == 200
    assert picker.locator("nav.side a").all_inner_texts() == ["Home", "Warehouse", "Catalogue", "Stock"]
    assert picker.goto(own).status == 403
    assert picker.get_by_role("link", name="To the start").count() == 1


@pytest.mark.requirement("C-31")
def test_a_picker_finds_the_goods_that_are_due_and_takes_them_on_their_way(open_browser, place, shop):
    order = place()
    shop.call("orders", "POST", f"/v1/orders/{order['order_id']}/accept")
    path = f"/v1/orders/{order['order_id']}/shipments"
    shop.eventually(
        lambda: shop.call("shipping", "GET", path)["items"],
        lambda found: found[0]["actions"]["release"] is None,
    )
    page = open_browser("peter")
    expect(page.get_by_role("heading", name="To prepare")).to_be_visible()
    first = page.locator(".lines a").first
    number = first.locator("strong").inner_text()
    first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(number)

    page.goto(f"/orders/{order['order_id']}/shipment")
    for step in ("Release to warehouse", "Mark as picked", "Mark as packed"):
        page.get_by_role("button", name=step).click()
        page.locator("#said .said").wait_for()

    expect(page.get_by_role("link", name="Label")).to_be_visible()
    assert order["customer"]["email"] not in page.content()
    assert page.locator(".missing").count() == 0
    axe_finds_nothing(page)
    with page.expect_response(lambda answer: "/content" in answer.url) as label:
        page.evaluate("fetch(document.querySelector('.parcel a[href*=content]').href)")
    assert label.value.status == 200


@pytest.mark.requirement("C-31")
@pytest.mark.parametrize("person", ["peter", "simon", "carla", "barbara", "olivia", "marta"])
def test_each_role_has_pages_without_dead_ends(open_browser, place, person):
    """Every link of its home and of its navigation opens, and nothing on them is missing."""
    place()
    page = open_browser(person)
    links = {link.get_attribute("href") for link in page.locator("main a, nav.side a").all()}
    pages = {link.partition("#")[0] for link in links} - {""}

    for address in ["/", *sorted(pages)]:
        assert page.goto(address).status == 200, address
        # A part that could not be had; what an order is to be warned of looks alike.
        assert page.locator("div.missing:not(.row)").count() == 0, address


@pytest.mark.requirement("C-33", "S3-04")
def test_notes_and_history_name_their_writer(open_browser, place):
    order = place()
    page = open_browser("helen")
    page.goto(f"/orders/{order['order_id']}")

    page.get_by_label("For colleagues only").fill("Rings twice")
    page.get_by_role("button", name="Add note").click()

    page.locator("#notes .talk", has_text="Rings twice").wait_for()
    assert "helen@waybill.example" in page.locator("#notes .talk").inner_text()
    page.get_by_role("link", name="History").click()
    entries = page.locator(".lines > li")
    assert entries.count() > 1
    assert all(entry.locator("strong").first.inner_text().strip() for entry in entries.all())


@pytest.mark.requirement("C-33", "M-38")
def test_what_the_customer_wrote_is_in_sight_on_every_tab(open_browser, place):
    order = place(remark="Ring twice.\n<b>Mind the dog.</b>")
    page = open_browser("helen")

    for tab in ("", "/shipment", "/messages"):
        page.goto(f"/orders/{order['order_id']}{tab}")

        assert page.locator(".remark").inner_text() == "The customer wrote: Ring twice.\n<b>Mind the dog.</b>"
    page.goto(f"/orders/{place()['order_id']}")
    assert page.locator(".remark").count() == 0


@pytest.mark.requirement("C-41")
def test_leaving_a_changed_form_asks_first(open_browser, place):
    order = place()
    page = open_browser("helen")
    page.goto(f"/orders/{order['order_id']}/edit")
    page.locator("[name=group-0-city]").fill("Bath")
    asked = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))

    page.get_by_role("link", name="Orders").click()
    until(lambda: asked or page.wait_for_timeout(50))

    assert asked == ["beforeunload"]
    assert page.locator("[name=group-0-city]").input_value() == "Bath"


@pytest.mark.requirement("C-42")
def test_an_email_is_sent_again(open_browser, place, shop):
    order = place()
    address = f"/v1/orders/{order['order_id']}/notifications"
    shop.eventually(
        lambda: shop.call("notifications", "GET", address)["items"],
        lambda emails: any(email["status"] == "sent" for email in emails),
    )
    page = open_browser("helen")
    page.goto(f"/orders/{order['order_id']}/messages")
    before = page.locator(".lines li").count()

    page.get_by_role("button", name=re.compile("Send again")).first.click()

    page.get_by_text("E-mail on its way again.").wait_for()
    expect(page.locator(".lines li")).to_have_count(before + 1)


@pytest.mark.requirement("S0-05")
@pytest.mark.parametrize("script", [True, False])
def test_emails_and_papers_are_read_in_their_place(open_browser, place, shop, script):
    order = place()
    path = f"/v1/orders/{order['order_id']}"
    shop.call("orders", "POST", f"{path}/accept")
    shop.eventually(
        lambda: shop.call("notifications", "GET", f"{path}/notifications")["items"],
        lambda emails: any((email["step"], email["status"]) == ("confirmation", "sent") for email in emails),
    )
    shop.eventually(
        lambda: shop.call("documents", "GET", f"{path}/documents")["items"],
        lambda papers: any((one["kind"], one["status"]) == ("invoice", "stored") for one in papers),
    )
    page = open_browser("helen", script=script)
    page.goto(f"/orders/{order['order_id']}/messages")

    page.get_by_role("link", name=f"We have received your order {order['number']}").click()
    shown = page.frame_locator("iframe.look")
    expect(shown.get_by_text("Hello Ann Archer").first).to_be_visible()
    expect(shown.locator("body")).not_to_contain_text("token=")
    page.get_by_role("link", name="Close").click()
    assert page.locator("iframe").count() == 0

    page.get_by_role("link", name="Documents").click()
    page.get_by_role("link", name=re.compile("^Invoice")).click()
    paper = page.context.request.get(page.locator("iframe.look").get_attribute("src"))
    assert paper.headers["content-type"] == "application/pdf"
    assert paper.headers["content-security-policy"] == "frame-ancestors 'self'"
    assert paper.body().startswith(b"%PDF")


@pytest.mark.requirement("C-34", "C-35")
@pytest.mark.parametrize(("scheme", "language"), [("light", "en"), ("dark", "es")])
def test_pages_are_for_everybody(open_browser, place, shop, scheme, language):
    """Nothing that axe knows of, nothing beside the page or cut off, wide and on the narrowest screens."""
    order = place(method="transfer")
    paid = {"reference": "bank of Hull, 2026-11-28 0042", "amount_minor": 100}
    shop.call("orders", "POST", f"/v1/orders/{order['order_id']}/payments", json=paid)
    page = open_browser("helen", scheme=scheme, language=language)
    own = f"/orders/{order['order_id']}"
    tabs = [
        own + tab for tab in ("", "/shipment", "/messages", "/history", "/documents", "/edit", "?act=cancel")
    ]

    asked = f"/orders/bulk?act=cancel&order_id={order['order_id']}"
    for address in ("/", "/orders", "/notices", asked, *tabs):
        page.goto(address)
        for width in at_widths(page, address, (320, 360, 768, 1280)):
            assert page.evaluate(CUT_OFF) == [], f"{address} at {width}"
        axe_finds_nothing(page, address)


@pytest.mark.requirement("C-45")
def test_a_service_that_is_away_costs_its_own_tab(open_browser, place, stack):
    order = place()
    page = open_browser("helen")
    own = f"/orders/{order['order_id']}"
    stack.stop_process("documents.api")
    try:
        page.goto(f"{own}/documents")
        assert "can't be reached now" in page.locator(".missing").inner_text()
        for tab in ("", "/shipment", "/messages", "/history"):
            page.goto(own + tab)
            assert page.locator(".missing").count() == 0
        page.locator(".steps").get_by_role("button", name="Accept order").click()
        page.locator(".order-head .badge", has_text="Accepted").wait_for()
    finally:
        stack.start_process("documents.api")
        stack.wait_until_healthy()
