"""Sellers and markets bound what is seen: another's things are not there, on every route."""

import pytest

from services.orders.commands.payments import record_payment
from tests.unit.orders.sample_shop import placing_body, seller_details

MINE = {"sellers": ["quay"], "markets": ["gb"]}
STRANGERS = [
    {"sellers": ["dock"], "markets": ["*"]},
    {"sellers": ["quay"], "markets": ["eu"]},
    {"sellers": [], "markets": ["*"]},
    {"sellers": ["*"], "markets": []},
]


@pytest.fixture
def order(session, place_order):
    order = place_order()
    record_payment(session, order.id, reference="TRF 1")
    return order


ROUTES = [
    ("get", "", None),
    ("get", "/history", None),
    ("get", "/notes", None),
    ("post", "/notes", {"text": "called"}),
    ("post", "/tags", {"add": ["gift"]}),
    ("get", "/payments", None),
    ("post", "/accept", None),
    ("post", "/cancel", {"reason": "twice", "confirm": True}),
    ("post", "/payments", {"reference": "TRF 1", "amount_minor": 1}),
    ("get", "/transactions", None),
    ("get", "/refunds", None),
    ("get", "/returns", None),
]
NOBODY = "01a1fffb-98da-746f-822c-ee408a753bc2"
LATER = [  # possible later in an order's life, or with a thing of its own
    ("post", "/refunds", {"reason": "chipped", "amount_minor": 1}),
    ("post", f"/refunds/{NOBODY}/settle", {"reference": "BACK 1"}),
    ("post", f"/refunds/{NOBODY}/withdraw", {"reason": "oh"}),
    ("post", f"/payments/{NOBODY}/void", {"reason": "oh"}),
    ("post", "/returns", {"reason": "other", "lines": [{"line_id": NOBODY, "quantity": 1}]}),
    ("post", f"/returns/{NOBODY}/approve", {}),
    ("post", f"/returns/{NOBODY}/reject", {"answer": "no"}),
    ("post", f"/returns/{NOBODY}/withdraw", None),
    ("post", f"/returns/{NOBODY}/dismiss", {"reason": "worn"}),
    ("post", f"/returns/{NOBODY}/refund", {}),
    ("post", f"/returns/{NOBODY}/exchange", {"lines": [{"sku": "MUG-1", "quantity": 1}]}),
]


@pytest.mark.parametrize("stranger", STRANGERS, ids=str)
@pytest.mark.parametrize(("method", "path", "body"), ROUTES + LATER)
def test_another_sellers_or_markets_order_is_not_there(client, bearer, order, stranger, method, path, body):
    answer = client.open(f"/v1/orders/{order.id}{path}", method=method, json=body, headers=bearer(**stranger))

    assert answer.status_code == 404
    assert order.number not in answer.text


@pytest.mark.parametrize(("method", "path", "body"), ROUTES)
def test_ones_own_order_is(client, bearer, order, method, path, body):
    answer = client.open(f"/v1/orders/{order.id}{path}", method=method, json=body, headers=bearer(**MINE))

    assert answer.status_code in {200, 201}


@pytest.mark.parametrize(
    ("claims", "seen"),
    [
        ({"sellers": ["*"], "markets": ["*"]}, 3),
        ({"sellers": ["quay", "dock"], "markets": ["gb", "eu"]}, 3),
        ({"sellers": ["quay"], "markets": ["*"]}, 2),
        ({"sellers": ["*"], "markets": ["gb"]}, 2),
        ({"sellers": ["quay"], "markets": ["gb"]}, 1),
        ({"sellers": ["dock"], "markets": ["eu"]}, 0),
        ({"sellers": [], "markets": ["*"]}, 0),
        ({"sellers": ["*"], "markets": []}, 0),
    ],
    ids=str,
)
def test_the_list_shows_what_the_claims_allow(client, bearer, place_order, claims, seen):
    for wanted in ({}, {"market": "eu"}, {"seller": "dock"}):
        place_order(**wanted)

    listed = client.get("/v1/orders", headers=bearer(**claims)).json["items"]

    assert len(listed) == seen


@pytest.mark.parametrize(("field", "claims"), [("seller", STRANGERS[0]), ("market", STRANGERS[1])])
def test_nobody_orders_from_anothers_seller_or_market(client, bearer, field, claims):
    others = client.post("/v1/orders", json=placing_body(), headers=bearer(**claims))
    unknown = client.post("/v1/orders", json=placing_body(**{field: "nobody"}), headers=bearer())

    assert others.status_code == unknown.status_code == 422
    assert others.json["errors"] == unknown.json["errors"]
    assert others.json["errors"][0]["field"] == field


DOCK = {"sellers": ["dock"], "markets": ["eu"]}


@pytest.mark.parametrize(
    "path",
    ["/v1/sellers/quay", "/v1/sellers/quay/products", "/v1/sellers/quay/products/TEA-250", "/v1/markets/gb"],
)
def test_another_sellers_masters_are_not_there(client, bearer, path):
    assert client.get(path, headers=bearer(**DOCK)).status_code == 404
    assert client.get(path, headers=bearer(**MINE)).status_code == 200


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/sellers/quay/products/TEA-250", {"name": "Mine now"}),
        (
            "/v1/sellers/quay",
            seller_details() | {"address": {"name": "a", "line1": "b", "city": "c", "country": "GB"}},
        ),
    ],
)
def test_nobody_changes_another_sellers_masters(client, bearer, path, body):
    assert client.put(path, json=body, headers=bearer(**DOCK)).status_code == 404
    assert client.put(path, json=body, headers=bearer(**MINE)).status_code == 200


def test_lists_of_masters_show_what_the_claims_allow(client, bearer):
    markets = client.get("/v1/markets", headers=bearer(**DOCK)).json["items"]
    sellers = client.get("/v1/sellers", headers=bearer(**DOCK)).json["items"]

    assert ([market["market"] for market in markets], [seller["seller"] for seller in sellers]) == (
        ["eu"],
        ["dock"],
    )


def test_another_sellers_customer_is_not_there(client, bearer, order):
    path = f"/v1/customers/{order.customer_id}"
    person = {"name": "Mine now", "email": "me@example.com"}

    assert client.get(path, headers=bearer(**DOCK)).status_code == 404
    assert client.put(path, json=person | {"seller": "dock"}, headers=bearer(**DOCK)).status_code == 404
    assert client.put(path, json=person | {"seller": "quay"}, headers=bearer(**DOCK)).status_code == 422
    assert client.get("/v1/customers", headers=bearer(**DOCK)).json["items"] == []
    assert client.get(path, headers=bearer(**MINE)).json["name"] == "Ada Okafor"
