"""Where an order goes, and that its figures are the same wherever they are shown."""

import pytest

from tests.unit.orders.sample_shop import placing_body

PICKUP = {"method": "pickup", "shipping_minor": 0, "pickup_point": "quay"}
BILLING = {"name": "Ada Okafor", "line1": "3 Quay Row", "city": "Hull", "country": "GB"}


@pytest.mark.requirement("S4-11")
def test_the_dispatch_block_is_an_address_or_a_pickup_point_by_the_method(client, bearer):
    brought = placing_body()["delivery_groups"][0]
    body = placing_body(
        delivery_groups=[brought, PICKUP],
        lines=[{"sku": "TEA-250", "quantity": 1}, {"sku": "MUG-1", "quantity": 1, "delivery_group": 1}],
    )

    order = client.post("/v1/orders", json=body, headers=bearer()).json

    first, second = order["delivery_groups"]
    assert (first["method_name"], first["address"]["city"], first["pickup_point"]) == (
        "Delivery",
        "Hull",
        None,
    )
    assert (second["method_name"], second["address"], second["pickup_point"]) == ("Pickup", None, "quay")


@pytest.mark.requirement("P-37")
@pytest.mark.parametrize(("market", "currency"), [("gb", "GBP"), ("eu", "EUR")])
def test_list_detail_preview_and_event_agree_on_what_an_order_costs(
    client, bearer, published, market, currency
):
    body = placing_body(
        market=market,
        lines=[{"sku": "TEA-250", "quantity": 3, "unit_price_minor": 333}, {"sku": "BOOK-1", "quantity": 1}],
        discounts=[{"name": "Spring", "amount_minor": 101}],
    )
    order = client.post("/v1/orders", json=body, headers=bearer()).json
    address = f"/v1/orders/{order['order_id']}"
    edit = {"reason": "fewer", "lines": [{"line_id": order["lines"][0]["line_id"], "quantity": 2}]}

    edited = client.post(f"{address}/edits", json=edit, headers=bearer()).json
    detail = client.get(address, headers=bearer()).json
    [listed] = client.get("/v1/orders", headers=bearer()).json["items"]
    [told] = published("order.updated")

    assert detail["totals"] == edited["after"] == told["order"]["totals"]
    assert listed["total_minor"] == detail["totals"]["total_minor"] == detail["payment"]["owed_minor"]
    assert (listed["currency"], detail["currency"], told["order"]["currency"]) == (currency,) * 3
    assert (detail["totals"]["tax_added_minor"] > 0) is (market == "eu")
