"""Customers who wait, answered one after the other in the console."""

import pytest
from playwright.sync_api import expect

from tests.browser.everybody import is_for_everybody

pytestmark = pytest.mark.slow


@pytest.fixture
def waiting(shop, write):
    """The only customers who wait, as many as asked for, by their orders."""

    def wait(count, text="Where is it?"):
        for talk in shop.call("notifications", "GET", "/v1/conversations/unanswered?limit=100")["items"]:
            path = f"/v1/orders/{talk['order_id']}/conversation/no-answer-needed"
            shop.call("notifications", "POST", path)
        orders = [shop.place(("TEA-250", 1)) for _ in range(count)]
        for order in orders:
            write(order, f"{text} {order['number']}")
        return orders

    return wait


def said_on(shop, order):
    messages = shop.call("notifications", "GET", f"/v1/orders/{order['order_id']}/messages")["items"]
    return [(one["text"], one["internal"]) for one in messages if one["author"] == "seller"]


@pytest.mark.requirement("S2-09", "S4-01")
@pytest.mark.parametrize("script", [True, False])
def test_customer_service_answers_whoever_waits_longest_and_goes_on_to_the_next(
    open_browser, shop, waiting, script
):
    first, second, third = waiting(3)
    page = open_browser("carla", script=script)
    page.get_by_role("link", name="Messages").click()
    rows = page.locator("#queue tbody tr")
    assert [text.split()[0] for text in rows.all_inner_texts()] == [
        order["number"] for order in (first, second, third)
    ]
    expect(rows.first).to_contain_text("ago")

    page.locator("#queue").get_by_role("link", name=first["number"]).click()
    talk = page.locator("#talk")
    expect(talk).to_contain_text(f"Where is it? {first['number']}")
    expect(talk).to_contain_text("Ann Archer")
    talk.get_by_role("button", name="Mark as read").click()
    expect(talk.get_by_role("button", name="Mark as read")).to_have_count(0)
    talk.get_by_label("Write").fill("Ask the courier")
    talk.get_by_label("Only for colleagues").check()
    talk.get_by_role("button", name="Send").click()
    expect(page.locator("#said")).to_contain_text("Note added.")
    expect(talk).to_contain_text(first["number"])
    expect(rows).to_have_count(3)

    talk.get_by_label("Write").fill("It comes on Monday.")
    talk.get_by_role("button", name="Send").click()
    expect(page.locator("#said")).to_contain_text("Message sent.")
    expect(talk).to_contain_text(f"Where is it? {second['number']}")
    assert said_on(shop, first) == [("It comes on Monday.", False), ("Ask the courier", True)]

    talk.get_by_role("button", name="No answer needed").click()
    expect(talk).to_contain_text(f"Where is it? {third['number']}")
    talk.get_by_role("link", name="Close").click()
    page.get_by_role("checkbox", name=f"Choose {third['number']}").check()
    page.get_by_role("button", name="No answer needed").click()
    expect(page.locator("#result")).to_contain_text("No answer needed: 1 done")
    expect(page.get_by_text("Nobody waits for an answer.")).to_be_visible()
    assert said_on(shop, second) == said_on(shop, third) == []


@pytest.mark.requirement("S2-09", "C-20")
def test_what_was_typed_is_kept_where_it_is_refused(open_browser, shop, waiting):
    [order] = waiting(1)
    page = open_browser("carla")
    page.goto(f"/messages?order={order['order_id']}")
    draft = "Very long. " * 500
    page.get_by_label("Write").fill(draft)
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".fault")).to_contain_text("Text")
    expect(page.get_by_label("Write")).to_have_value(draft)
    expect(page.locator("#queue")).to_contain_text(order["number"])
    assert said_on(shop, order) == []


@pytest.mark.requirement("S2-09")
def test_who_was_answered_meanwhile_is_said_of_each(open_browser, shop, waiting):
    first, second = waiting(2)
    page = open_browser("carla")
    page.goto("/messages")
    for order in (first, second):
        page.get_by_role("checkbox", name=f"Choose {order['number']}").check()
    answer = {"text": "On its way."}
    shop.call("notifications", "POST", f"/v1/orders/{first['order_id']}/messages", json=answer)
    page.locator("#bulk").get_by_role("button", name="No answer needed").click()
    expect(page.locator("#result")).to_contain_text("1 done · 1 not done")
    expect(page.locator("#result li")).to_contain_text(first["number"])


@pytest.mark.requirement("S2-09")
def test_a_new_message_comes_by_itself_while_an_answer_is_typed(open_browser, waiting, write):
    [order] = waiting(1)
    page = open_browser("carla")
    page.goto(f"/messages?order={order['order_id']}")
    page.get_by_label("Write").fill("Half an ans")
    write(order, "And another thing")
    page.locator("#to-answer").get_by_text("And another thing").wait_for()
    expect(page.get_by_label("Write")).to_have_value("Half an ans")


@pytest.mark.requirement("C-31")
def test_who_may_not_read_messages_has_no_page_of_them(open_browser):
    page = open_browser("barbara")
    expect(page.get_by_role("link", name="Messages")).to_have_count(0)
    assert page.goto("/messages").status == 403


@pytest.mark.requirement("C-34", "C-35", "C-36")
@pytest.mark.parametrize(("scheme", "language"), [("light", "en"), ("dark", "es")])
def test_messages_are_for_everybody(open_browser, waiting, scheme, language):
    order, _ = waiting(2, "averylongwordthatnobodybreaks" * 8)
    page = open_browser("carla", scheme=scheme, language=language)
    for address in ("/messages", f"/messages?order={order['order_id']}"):
        page.goto(address)
        is_for_everybody(page, address)
