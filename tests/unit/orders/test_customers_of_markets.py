"""A customer is of the markets in which it bought: who sees none of them does not see the customer."""

from uuid import uuid4

import pytest

pytestmark = pytest.mark.requirement("V-09")

CARD = {"seller": "quay", "name": "Ada Okafor", "email": "ada@okafor.example"}
GB, EU = {"markets": ["gb"]}, {"markets": ["eu"]}


@pytest.fixture
def call(client, bearer):
    def called(method, path, body=None, **claims):
        return client.open(path, method=method, json=body, headers=bearer(**claims))

    return called


@pytest.fixture
def bought(place_order):
    """The address of a customer who bought in gb."""
    return f"/v1/customers/{place_order(method='cash_on_delivery').customer_id}"


def found(call, **claims):
    return [one["customer_id"] for one in call("GET", "/v1/customers", **claims).json["items"]]


def test_who_bought_elsewhere_is_neither_read_nor_found_nor_changed(call, bought):
    entry = {"address": {"name": "x", "line1": "y", "city": "z", "country": "GB"}}

    assert call("GET", bought, **GB).status_code == 200
    assert call("GET", bought, **EU).status_code == 404
    assert (len(found(call, **GB)), found(call, **EU)) == (1, [])
    assert call("PUT", bought, CARD, **EU).status_code == 404
    assert call("POST", f"{bought}/addresses", entry, **EU).status_code == 404
    assert call("POST", f"{bought}/erase", **EU).status_code == 404


def test_whoever_a_market_s_people_enter_is_theirs(call):
    path = f"/v1/customers/{uuid4()}"

    assert call("PUT", path, CARD, **EU).status_code == 200
    assert (call("GET", path, **EU).status_code, call("GET", path, **GB).status_code) == (200, 404)
    assert call("PUT", f"/v1/customers/{uuid4()}", CARD, markets=[]).status_code == 404


def test_whoever_buys_in_another_market_is_of_both(call, bought):
    customer_id = bought.rpartition("/")[2]
    assert call(
        "PUT", "/v1/sellers/quay/products/TEA-250", {"name": "Tea", "prices": {"gb": 4, "eu": 5}}
    ).json
    refused = {"customer": {"id": customer_id}, "market": "eu"}
    wanted = {
        "seller": "quay",
        "delivery_groups": [
            {
                "method": "delivery",
                "address": {"name": "x", "line1": "y", "city": "z", "postcode": "1", "country": "DE"},
            }
        ],
        "lines": [{"sku": "TEA-250", "quantity": 1}],
        "payment_method": "transfer",
    } | refused

    assert "customer.id" in call("POST", "/v1/orders", wanted, **EU).json["detail"]
    for _ in range(2):
        assert call("POST", "/v1/orders", wanted).status_code == 201
    assert (call("GET", bought, **EU).status_code, call("GET", bought, **GB).status_code) == (200, 200)
    assert found(call) == found(call, markets=["eu", "gb"]) == [customer_id]
    erased = call("POST", f"{bought}/erase", **GB)
    assert (erased.status_code, erased.json["reason"]) == (409, "other_markets")
    assert call("POST", f"{bought}/erase", markets=["eu", "gb"]).status_code == 202


def test_prices_show_in_the_token_s_markets_alone(call):
    path = "/v1/sellers/quay/products/TEA-250"
    prices = {"gb": 450, "eu": 500}

    assert call("PUT", path, {"name": "Tea", "prices": prices}).json["prices"] == prices
    changed = call("PUT", path, {"name": "Tea", "prices": {"eu": 510}}, **EU)

    assert changed.json["prices"] == {"eu": 510}
    assert call("GET", path, **GB).json["prices"] == {"gb": 450}
    listed = call("GET", "/v1/sellers/quay/products", **GB).json["items"]
    assert next(one["prices"] for one in listed if one["sku"] == "TEA-250") == {"gb": 450}
    assert call("GET", path).json["prices"] == {"gb": 450, "eu": 510}
