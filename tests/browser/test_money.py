"""The bookkeeper's day in the console: a statement read, its lines worked, a refund paid out."""

from uuid import uuid4

import pytest
from playwright.sync_api import expect

from tests.browser.everybody import is_for_everybody
from tests.browser.waiting import comes

pytestmark = pytest.mark.slow

STATEMENTS = "/money/statements?seller=harbour"


def statement(*rows):
    content = "\n".join(["date,amount,text,payer", *(",".join(row) for row in rows)])
    return {"name": "november.csv", "mimeType": "text/csv", "buffer": content.encode()}


def upload(page, file):
    page.goto(STATEMENTS)
    page.locator("#statement-file").set_input_files(file)
    page.get_by_role("button", name="Read a statement").click()


def state(page, name):
    return page.locator("#states").get_by_role("link", name=name)


@pytest.fixture
def pay(shop, somebody):
    """An order to be paid by transfer, of somebody whom no other order is of."""

    def placed(name=somebody):
        customer = {"name": name, "email": "payer@customers.example", "phone": ""}
        return shop.place(("TEA-250", 1), method="transfer", customer=customer)

    return placed


def money_of(shop, order):
    return shop.call("orders", "GET", f"/v1/orders/{order['order_id']}")["payment"]


@pytest.mark.requirement("S4-04", "P-21", "S4-18", "C-20")
@pytest.mark.parametrize("script", [True, False])
def test_a_bookkeeper_does_the_whole_day(open_browser, shop, pay, somebody, script):
    exact, part, over = pay(), pay(), pay()
    page = open_browser("barbara", script=script)
    page.get_by_role("link", name="Money").click()
    upload(page, {"name": "letter.txt", "mimeType": "text/plain", "buffer": b"Dear bank"})
    expect(page.locator("#statement-file-wrong")).to_contain_text("has no heading with a column")

    upload(
        page,
        statement(
            ("2026-11-21", "8.45", f"{exact['number']} thank you", "A ARCHER"),
            ("2026-11-21", "5.00", f"{part['number']} first half", "B BAKER"),
            ("2026-11-21", "9.45", f"tea {uuid4()}", somebody),
            ("2026-11-22", "0.12", f"interest {uuid4()}", "THE BANK"),
            ("2026-11-22", "-7.00", "charges", "THE BANK"),
            ("soon", "1.00", "no day", "NOBODY"),
        ),
    )
    expect(page.locator("#statement")).to_contain_text("4 new lines · 1 of money that went out")
    expect(page.locator("#statement")).to_contain_text("Row 7: Date must be written as")
    comes(state(page, "Matched by itself 1"), script=script)
    comes(state(page, "To be worked on 3"), script=script)
    assert money_of(shop, exact)["state"] == "paid"

    work_the_lines(page, shop, part, over, somebody)
    take_back(page, part)
    assert money_of(shop, part)["state"] == "unpaid"
    pay_out(page, part, over)
    assert money_of(shop, over)["refunded_minor"] == 100


def work_the_lines(page, shop, part, over, somebody):
    """What is to be worked: one by its suggestion, one by looking for it, one set aside by its tick."""
    page.locator("#bulk").get_by_role("link", name="B BAKER").click()
    line = page.locator("#line")
    expect(line).to_contain_text("amount differs")
    line.get_by_role("button", name=f"Record £5.00 for {part['number']}").click()
    expect(page.locator("#said")).to_contain_text("Recorded as a payment.")
    assert money_of(shop, part)["state"] == "partly_paid"

    expect(line).to_contain_text(somebody)  # the next one is open already
    line.get_by_label("Find the order").fill(over["number"])
    line.get_by_role("button", name="Find", exact=True).click()
    line.get_by_role("button", name=f"Record £9.45 for {over['number']}").click()
    assert money_of(shop, over)["state"] == "overpaid"

    expect(line).to_contain_text("THE BANK")
    line.get_by_role("link", name="Close").click()
    page.locator("#bulk").get_by_role("checkbox", name="Choose £0.12 THE BANK").check()
    page.locator("#bulk").get_by_role("button", name="Set aside").click()
    expect(page.locator(".fault")).to_contain_text("Reason")
    expect(page.locator("#bulk").get_by_role("checkbox", name="Choose £0.12 THE BANK")).to_be_checked()
    page.locator("#bulk").get_by_label("Reason").fill("interest")
    page.locator("#bulk").get_by_role("button", name="Set aside").click()
    expect(page.locator("#result")).to_contain_text("Set aside: 1 done")
    expect(page.get_by_text("No line waits here.")).to_be_visible()


def take_back(page, part):
    """Put back what was set aside, and what was assigned to a wrong order."""
    line = page.locator("#line")
    state(page, "Set aside 1").click()
    page.locator("#bulk").get_by_role("link", name="THE BANK").click()
    line.get_by_role("button", name="Work on it again").click()
    state(page, "Assigned by hand 2").click()
    page.locator("#bulk").get_by_role("link", name="B BAKER").click()
    line.get_by_label("Why it was not this order").fill("another Baker's")
    line.get_by_role("button", name=f"Take back · {part['number']} · £5.00").click()
    expect(line).to_contain_text("its payment was struck out")
    expect(state(page, "To be worked on 2")).to_be_visible()


def pay_out(page, part, over):
    """What was paid is looked at, and what was too much goes back."""
    page.goto("/money/payments")
    payments = page.get_by_role("row")
    expect(payments.filter(has_text=part["number"])).to_contain_text("another Baker's")
    expect(payments.filter(has_text=over["number"])).to_contain_text("£9.45")
    page.goto("/money/owed")
    owes = page.get_by_role("row").filter(has_text=part["number"])
    while not owes.count():  # the oldest come first, and other tests have orders too
        with page.expect_navigation():
            page.get_by_role("link", name="Next page").click()
    expect(owes).to_contain_text("£8.45")
    page.goto("/money/overpaid")
    owed_back = page.get_by_role("row").filter(has_text=over["number"])
    expect(owed_back).to_contain_text("£1.00")
    owed_back.get_by_role("link").click()
    page.goto(f"/orders/{over['order_id']}?act=refund#act")
    page.locator("#act").get_by_label("Reason").fill("paid too much")
    page.locator("#act").get_by_label("What").select_option("overpayment")
    page.locator("#act").get_by_role("button", name="Refund").click()
    expect(page.locator("#said")).to_contain_text("Refund requested.")
    page.goto("/money/refunds?method=transfer")
    page.get_by_role("link", name=f"Mark as paid out: {over['number']}").click()
    page.locator("#refund").get_by_label("Reference").fill("TRF 4711")
    page.locator("#refund").get_by_role("button", name=f"Mark as paid out · {over['number']} · £1.00").click()
    expect(page.locator("#said")).to_contain_text("Refund paid out.")
    expect(page.get_by_role("row").filter(has_text=over["number"])).to_have_count(0)


@pytest.mark.requirement("P-05")
def test_many_refunds_are_noted_at_once_and_each_says_why_not(open_browser, shop, pay):
    orders = [pay() for _ in range(3)]
    for order in orders:
        path = f"/v1/orders/{order['order_id']}"
        shop.call("orders", "POST", f"{path}/payments", json={"reference": "TRF", "amount_minor": 945})
        shop.call("orders", "POST", f"{path}/refunds", json={"reason": "too much", "overpayment": True})
    page = open_browser("barbara")
    page.goto("/money/refunds")
    for order in orders:
        page.get_by_role("checkbox", name=f"Choose {order['number']}").check()
    expect(page.locator(".bulk .count")).to_have_text("3 selected")
    [refund] = shop.call("orders", "GET", f"/v1/orders/{orders[0]['order_id']}/refunds")["items"]
    path = f"/v1/orders/{orders[0]['order_id']}/refunds/{refund['refund_id']}"
    shop.call("orders", "POST", f"{path}/settle", json={"reference": "by another"})

    page.locator(".bulk").get_by_label("Reference").fill("SEPA 12")
    page.locator(".bulk").get_by_role("button", name="Mark as paid out").click()

    expect(page.locator("#result")).to_contain_text("2 done · 1 not done")
    failed = page.locator("#result li")
    expect(failed).to_contain_text(f"{orders[0]['number']} £1.00")
    expect(failed).to_contain_text("paid out already")
    assert [money_of(shop, order)["refunded_minor"] for order in orders] == [100, 100, 100]


@pytest.mark.requirement("P-21")
def test_a_thousand_lines_are_paged_through(open_browser):
    marks = [uuid4().hex for _ in range(120)]
    page = open_browser("barbara")
    upload(page, statement(*(("2026-11-21", "3.00", mark, "RENT") for mark in marks)))
    comes(state(page, "To be worked on 120"))
    seen = []
    while True:
        seen += page.locator("#bulk tbody small").all_inner_texts()
        if not page.get_by_role("link", name="Next page").count():
            break
        page.get_by_role("link", name="Next page").click()
    assert seen == marks
    page.locator("#bulk [data-all]").check()
    page.locator("#bulk").get_by_label("Reason").fill("rent")
    page.locator("#bulk").get_by_role("button", name="Set aside").click()
    expect(page.locator("#result")).to_contain_text("Set aside: 20 done")


@pytest.mark.requirement("C-31")
def test_who_may_not_read_statements_has_no_page_of_money(open_browser):
    page = open_browser("carla")
    expect(page.get_by_role("link", name="Money")).to_have_count(0)
    for address in ("/money", "/money/statements", "/money/told"):
        assert page.goto(address).status == 403, address


@pytest.mark.requirement("C-34", "C-35", "C-36")
@pytest.mark.parametrize(("scheme", "language"), [("light", "en"), ("dark", "es")])
def test_the_pages_of_money_are_for_everybody(open_browser, shop, pay, scheme, language):
    order = pay()
    path = f"/v1/orders/{order['order_id']}"
    shop.call("orders", "POST", f"{path}/payments", json={"reference": "TRF", "amount_minor": 945})
    shop.call("orders", "POST", f"{path}/refunds", json={"reason": "too much", "overpayment": True})
    open_order = pay()
    page = open_browser("barbara", scheme=scheme, language=language)
    page.goto(STATEMENTS)
    page.locator("#statement-file").set_input_files(
        statement(
            ("2026-11-21", "1.00", open_order["number"] + "-long" * 30, "NAME" * 20), ("x", "1", "y", "z")
        )
    )
    page.locator("form[data-guarded] button.primary").click()
    comes(page.locator("#bulk tbody a"))
    page.locator("#bulk tbody a").first.click()
    worked = page.url
    for address in (
        worked,
        STATEMENTS,
        "/money",
        "/money/refunds",
        "/money/payments",
        "/money/owed",
        "/money/overpaid",
        "/money/told",
    ):
        page.goto(address)
        is_for_everybody(page, address)
