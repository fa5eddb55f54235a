"""Coupons, corrections and what the gateway tells, as they are seen and worked on in the console."""

import json
import re
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook

pytestmark = pytest.mark.slow


@pytest.mark.requirement("M-34")
def test_an_edit_says_why_a_coupon_takes_nothing_off_and_what_another_does(open_browser, place, shop):
    coupons = f"/v1/sellers/{shop.seller}/markets/{shop.market}/coupons"
    shop.call(
        "orders", "PUT", f"{coupons}/DEAR", json={"name": "Dear", "amount_minor": 5, "minimum_minor": 10**6}
    )
    shop.call("orders", "PUT", f"{coupons}/FREE", json={"name": "We bring it", "free_shipping": True})
    order = place(coupons=["DEAR"])
    page = open_browser("helen")
    page.goto(f"/orders/{order['order_id']}")
    assert "DEAR (the goods cost less than it asks for)" in page.locator("#order").inner_text()

    page.goto(f"/orders/{order['order_id']}/edit")
    page.get_by_label("Coupons").fill("DEAR, FREE")
    page.get_by_label("Reason").fill("asked for it")
    page.get_by_role("button", name="Preview").click()
    assert "the goods cost less than it asks for" in page.locator(".fault").inner_text()
    page.get_by_label("Coupons").fill("FREE")
    page.get_by_role("button", name="Preview").click()

    assert "Free shipping" in page.locator("#preview").inner_text()
    page.get_by_role("button", name="Save").click()
    page.wait_for_url(re.compile(f"{order['order_id']}$"))
    assert "We bring it" in page.locator("#order").inner_text()


@pytest.mark.requirement("M-35")
def test_an_email_is_put_right_in_the_console(open_browser, place, shop):
    order = place()
    page = open_browser("helen", language="es")
    page.goto(f"/orders/{order['order_id']}?act=correct_customer#act")
    shop.call("orders", "POST", f"/v1/orders/{order['order_id']}/tags", json={"add": ["gift"]})
    form = page.locator("#act")
    form.locator("[name=email]").fill("ann@right.example")
    form.locator("[name=reason]").fill("mal entendido")

    form.get_by_role("button", name="Corregir datos del cliente").click()
    assert "gift" not in page.locator(".fault").inner_text()
    page.locator("#act").get_by_role("button", name="Corregir datos del cliente").click()

    page.get_by_text("ann@right.example").first.wait_for()
    assert (
        shop.call("orders", "GET", f"/v1/orders/{order['order_id']}")["customer"]["email"]
        == "ann@right.example"
    )
    page.goto(f"/orders/{order['order_id']}/history")
    told = page.locator("#order").inner_text()
    assert "ann@customers.example" in told
    assert "ann@right.example" in told


@pytest.mark.requirement("M-37")
def test_a_chargeback_and_what_fits_nothing_are_on_home_and_on_the_order(open_browser, place, shop, stack):
    order = place()

    def tell(path, kind, **data):
        body = json.dumps(
            {
                "type": kind,
                "timestamp": "2026-11-21T10:00:00Z",
                "data": {"order_id": order["order_id"], "currency": "GBP", "amount_minor": 1295} | data,
            }
        )
        now = datetime.now(UTC)
        headers = {
            "content-type": "application/json",
            "webhook-id": f"msg_{data['reference']}",
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(stack.addresses.gateway_secret).sign(
                f"msg_{data['reference']}", now, body
            ),
        }
        answer = shop.clients["orders"].post(f"/v1/gateway/{path}", content=body, headers=headers)
        assert answer.is_success, answer.text

    paid = f"pi_{order['number']}"
    tell("payments", "payment.succeeded", reference=paid)
    tell("chargebacks", "chargeback.opened", reference=f"dp_{order['number']}", payment_reference=paid)
    tell(
        "refunds",
        "refund.succeeded",
        reference=f"re_{order['number']}",
        payment_reference=paid,
        currency="EUR",
        amount_minor=500,
    )
    page = open_browser("barbara")
    waiting = page.locator("section", has=page.get_by_text("What the payment service told"))
    waiting.get_by_text("in another currency than the order").first.wait_for()

    page.goto(f"/orders/{order['order_id']}")
    money = page.locator("#money")
    assert "counted; answer it at the payment service" in money.inner_text()
    kept = money.locator(".refund", has_text="in another currency than the order")
    kept.get_by_label("Reason").fill("a test of theirs")
    kept.get_by_role("button", name="Set aside").click()

    page.get_by_text("Decided.").wait_for()
    assert shop.call("orders", "GET", f"/v1/orders/{order['order_id']}")["to_decide"] == 1
