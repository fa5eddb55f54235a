"""A cart through the real processes: paid for by its customer, it is an order, and its stock is promised."""

import json
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook

from tests.shop import ADDRESS

pytestmark = pytest.mark.slow


def pay(shop, stack, order_id, amount_minor):
    """What the payment gateway does when a customer has paid by a link that carries the draft's id."""
    reference = f"pi_{order_id}"
    paid = {"order_id": order_id, "amount_minor": amount_minor, "currency": "GBP", "reference": reference}
    now = datetime.now(UTC)
    body = json.dumps({"type": "payment.succeeded", "timestamp": now.isoformat(), "data": paid})
    headers = {
        "Content-Type": "application/json",
        "webhook-id": f"msg_{order_id}",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(stack.addresses.gateway_secret).sign(f"msg_{order_id}", now, body),
    }
    return shop.clients["orders"].post("/v1/gateway/payments", content=body, headers=headers)


@pytest.mark.requirement("S0-06", "S3-01", "P-07")
def test_a_cart_that_is_paid_for_becomes_an_order_whose_cases_are_reserved_unit_by_unit(shop, stack):
    product = {"name": "Case of 6", "sales_coefficient": 6, "prices": {"gb": 2400}}
    shop.call("orders", "PUT", "/v1/sellers/acme/products/CUP-1", json=product)
    before = shop.call("shipping", "GET", "/v1/stock/main/CUP-1")["reserved"]
    draft = shop.call(
        "orders",
        "POST",
        "/v1/drafts",
        json={
            "seller": "acme",
            "market": "gb",
            "customer": {"name": "Ann Archer", "email": "ann@customers.example"},
            "delivery_groups": [{"method": "delivery", "shipping_minor": 395, "address": ADDRESS}],
            "lines": [{"sku": "CUP-1", "quantity": 2}],
        },
    )

    answer = pay(shop, stack, draft["draft_id"], draft["totals"]["total_minor"])

    # It lacks only a way to pay, and paying is one.
    assert [lack["field"] for lack in draft["lacks"]] == ["payment_method"]
    assert answer.status_code == 200, answer.text
    order = shop.call("orders", "GET", f"/v1/orders/{draft['draft_id']}")
    assert (order["status"], order["csr_status"], order["payment"]["state"]) == (
        "placed",
        "In Progress",
        "paid",
    )
    shop.eventually(
        lambda: shop.call("shipping", "GET", "/v1/stock/main/CUP-1")["reserved"],
        lambda reserved: reserved == before + 12,
    )
