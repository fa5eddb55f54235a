"""Orders over HTTP: strict about what comes in, whole in what goes out, the same when it is repeated."""

import json
from datetime import datetime

import pytest
from sqlalchemy import func, select

from deploy.local.keys import ALL_SCOPES
from services.orders.api.schemas.orders import ListedOrderSchema, OrderSchema
from services.orders.models import Order
from shared.web import payloads
from shared.web.paging import page_schema
from tests.unit.orders.sample_shop import placing_body, stored

CANCELLATION = {"reason": "twice", "confirm": True}
ADDRESS = {"name": "Ada", "line1": "3 Quay Row", "city": "Hull", "country": "GB"}


def without(body, name):
    return {key: value for key, value in body.items() if key != name}


@pytest.fixture
def place(client, bearer):
    """Place an order over the API, and answer its representation."""

    def place(**changes):
        answer = client.post("/v1/orders", json=placing_body(**changes), headers=bearer())
        assert answer.status_code == 201, answer.json
        return answer.json

    return place


def test_an_order_is_answered_whole_and_found_again(client, bearer):
    placed = client.post("/v1/orders", json=placing_body(), headers=bearer())

    found = client.get(placed.headers["Location"], headers=bearer())

    assert placed.status_code == 201
    assert found.json == placed.json
    assert (placed.headers["ETag"], found.headers["ETag"][:3]) == ('"1"', '"1.')
    assert placed.json["actions"]["accept"]["reason"] == "payment_not_recorded"
    assert placed.json["totals"]["total_minor"] == 1400
    assert placed.json["delivery_groups"][0]["address"]["line1"] == "3 Quay Row"


def test_every_field_of_the_answer_is_in_its_schema(client, bearer, place):
    order = place(fees=[{"name": "Wrapping", "amount_minor": 100}])
    client.post(f"/v1/orders/{order['order_id']}/cancel", json=CANCELLATION, headers=bearer())

    answer = client.get(f"/v1/orders/{order['order_id']}", headers=bearer()).json

    assert set(answer) == set(OrderSchema().fields)
    assert OrderSchema().validate(answer, partial=True) == {}


def test_the_order_lives_its_life_over_the_api(client, bearer, place):
    order = place()
    address = f"/v1/orders/{order['order_id']}"

    refused = client.post(f"{address}/accept", headers=bearer())
    paid = client.post(f"{address}/payments", json={"reference": "TRF 1"}, headers=bearer())
    listed = client.get(f"{address}/payments", headers=bearer()).json
    accepted = client.post(f"{address}/accept", headers=bearer())
    cancelling = client.post(f"{address}/cancel", json=CANCELLATION, headers=bearer())

    assert (refused.status_code, refused.json["reason"]) == (409, "payment_not_recorded")
    assert (paid.status_code, paid.json["amount_minor"], paid.json["recorded_by"]) == (201, 1400, "tess")
    assert [payment["payment_id"] for payment in listed["items"]] == [paid.json["payment_id"]]
    assert (listed["pending"], listed["payment"]["state"]) == (None, "paid")
    assert (accepted.status_code, accepted.json["status"]) == (200, "accepted")
    assert (cancelling.json["status"], cancelling.json["cancellation"]["reason"]) == ("cancelling", "twice")


def test_a_refund_is_settled_over_the_api(client, bearer, place):
    address = f"/v1/orders/{place()['order_id']}"
    client.post(f"{address}/payments", json={"reference": "TRF 1"}, headers=bearer())
    cancelled = client.post(f"{address}/cancel", json=CANCELLATION, headers=bearer()).json

    [refund] = cancelled["refunds"]
    settled = client.post(
        f"{address}/refunds/{refund['refund_id']}/settle", json={"reference": "BACK 1"}, headers=bearer()
    )

    assert (settled.status_code, settled.json["state"], settled.json["reference"]) == (
        200,
        "settled",
        "BACK 1",
    )
    assert client.get(address, headers=bearer()).json["payment"]["state"] == "refunded"


def test_what_is_still_to_come_is_listed_as_pending(client, bearer, place):
    order = place(payment_method="cash_on_delivery")

    listed = client.get(f"/v1/orders/{order['order_id']}/payments", headers=bearer()).json

    assert listed["pending"] == {"method": "cash_on_delivery", "amount_minor": 1400}


@pytest.mark.requirement("P-25")
def test_placing_twice_under_one_key_makes_one_order(committing_client, sessions, bearer):
    headers = bearer() | {"Idempotency-Key": "basket-7"}

    first, again = (committing_client.post("/v1/orders", json=placing_body(), headers=headers) for _ in "ab")
    other = committing_client.post("/v1/orders", json=placing_body(payment_method="online"), headers=headers)

    assert (first.status_code, again.status_code) == (201, 201)
    assert (first.data, first.headers["ETag"]) == (again.data, again.headers["ETag"])
    assert (other.status_code, other.json["reason"]) == (409, "idempotency_key_reused")
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(Order)) == 1


@pytest.mark.requirement("P-26")
def test_a_stale_decision_is_answered_with_the_newest_state(client, bearer, place):
    address = f"/v1/orders/{place()['order_id']}"
    client.post(f"{address}/payments", json={"reference": "TRF 1"}, headers=bearer())

    stale = client.post(f"{address}/accept", headers=bearer() | {"If-Match": '"1"'})
    current = client.post(f"{address}/accept", headers=bearer() | {"If-Match": '"2"'})

    assert (stale.status_code, stale.json["current_version"]) == (412, 2)
    assert stale.json["current"]["payment"]["state"] == "paid"
    assert (current.status_code, current.headers["ETag"]) == (200, '"3"')


WRONG = {
    "customer.email": {"customer": {"name": "Ada", "email": "ada at example.com"}},
    "customer.name": {"customer": {"email": "ada@example.com"}},
    "customer.phone": {"customer": {"name": "Ada", "email": "ada@example.com", "phone": "1" * 41}},
    "lines": {"lines": []},
    "lines.0.quantity": {"lines": [{"sku": "TEA-250", "quantity": 0}]},
    "lines.0.unit_price_minor": {
        "lines": [{"sku": "TEA-250", "quantity": 1, "unit_price_minor": 10**12 + 1}]
    },
    "lines.0.sku": {"lines": [{"sku": "TEA 250", "quantity": 1}]},
    "lines.0.colour": {"lines": [{"sku": "TEA-250", "quantity": 1, "colour": "red"}]},
    "delivery_groups": {"delivery_groups": []},
    "delivery_groups.0.address.country": {
        "delivery_groups": [{"method": "delivery", "address": ADDRESS | {"country": "UK"}}]
    },
    "delivery_groups.0.address.name": {
        "delivery_groups": [{"method": "delivery", "address": ADDRESS | {"name": "Ada\tOkafor"}}]
    },
    "delivery_groups.0.address.city": {
        "delivery_groups": [{"method": "delivery", "address": ADDRESS | {"city": " "}}]
    },
    "delivery_groups.0.shipping_minor": {
        "delivery_groups": [{"method": "delivery", "address": ADDRESS, "shipping_minor": -1}]
    },
    "delivery_groups.0.requested_on": {
        "delivery_groups": [{"method": "delivery", "address": ADDRESS, "requested_on": "tomorrow"}]
    },
    "payment_method": {"payment_method": "gold"},
    "channel": {"channel": "pigeon"},
    "locale": {"locale": "xx"},
    "external_reference": {"external_reference": ""},
    "fees.0.amount_minor": {"fees": [{"name": "Fee", "amount_minor": 1.5}]},
    "discounts.0.name": {"discounts": [{"amount_minor": 1}]},
    "seller": {"seller": "Quay Tea!"},
}


@pytest.mark.parametrize("field", WRONG)
def test_a_wrong_field_is_named(client, bearer, field):
    answer = client.post("/v1/orders", json=placing_body(**WRONG[field]), headers=bearer())

    assert answer.status_code == 422
    assert [error["field"] for error in answer.json["errors"]] == [field]


@pytest.mark.parametrize(
    "field", ["seller", "market", "customer", "delivery_groups", "lines", "payment_method"]
)
def test_what_is_missing_is_named(client, bearer, field):
    answer = client.post("/v1/orders", json=without(placing_body(), field), headers=bearer())

    assert [error["field"] for error in answer.json["errors"]] == [field]


def test_a_known_customer_is_given_by_the_id_alone(client, bearer, place):
    customer_id = place()["customer_id"]

    again = place(customer={"id": customer_id})
    both = client.post(
        "/v1/orders", json=placing_body(customer={"id": customer_id, "name": "Ada"}), headers=bearer()
    )

    assert (again["customer_id"], again["customer"]["name"]) == (customer_id, "Ada Okafor")
    assert [error["field"] for error in both.json["errors"]] == ["customer.id"]


def test_names_of_all_scripts_are_kept(place):
    name = "Nguyễn Thị Ánh 阮氏映 🫖"

    assert place(customer={"name": name, "email": "anh@example.com"})["customer"]["name"] == name


def test_a_reference_that_is_taken_answers_with_its_order(client, bearer, place):
    first = place(external_reference="WEB-1")

    again = client.post("/v1/orders", json=placing_body(external_reference="WEB-1"), headers=bearer())

    assert (again.status_code, again.json["reason"]) == (409, "already_placed")
    assert again.json["order_id"] == first["order_id"]


def test_an_order_that_is_over_says_so_to_who_would_pay_for_it(client, bearer, place):
    path = f"/v1/orders/{place()['order_id']}"
    client.post(f"{path}/cancel", json={"reason": "ordered twice", "confirm": True}, headers=bearer())

    refused = client.post(f"{path}/payments", json={"reference": "T-1"}, headers=bearer())

    assert (refused.status_code, refused.json["reason"]) == (409, "wrong_status")
    assert refused.json["order_status"] == "cancelled"


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("post", "/v1/orders", "orders:write"),
        ("get", "/v1/orders", "orders:read"),
        ("get", "/v1/orders/{order}", "orders:read"),
        ("get", "/v1/orders/{order}/history", "orders:read"),
        ("get", "/v1/orders/{order}/payments", "orders:read"),
        ("post", "/v1/orders/{order}/accept", "orders:accept"),
        ("post", "/v1/orders/{order}/cancel", "orders:write"),
        ("post", "/v1/orders/{order}/payments", "payments:record"),
        ("post", "/v1/orders/{order}/payments/{order}/void", "payments:record"),
        ("get", "/v1/orders/{order}/transactions", "orders:read"),
        ("get", "/v1/orders/{order}/refunds", "orders:read"),
        ("get", "/v1/returns", "orders:read"),
        ("get", "/v1/bank-statements/{order}", "statements:read"),
        ("get", "/v1/bank-lines", "statements:read"),
        ("post", "/v1/bank-statements", "payments:record"),
        ("post", "/v1/bank-lines/{order}/assign", "payments:record"),
        ("post", "/v1/bank-lines/{order}/ignore", "payments:record"),
        ("get", "/v1/orders/{order}/returns", "orders:read"),
        ("post", "/v1/orders/{order}/returns", "orders:write"),
        *(
            ("post", f"/v1/orders/{{order}}/returns/{{order}}/{action}", "orders:write")
            for action in ("approve", "reject", "withdraw", "dismiss")
        ),
        ("post", "/v1/orders/{order}/returns/{order}/refund", "refunds:issue"),
        ("post", "/v1/orders/{order}/refunds", "refunds:issue"),
        ("post", "/v1/orders/{order}/refunds/{order}/settle", "refunds:issue"),
        ("post", "/v1/orders/{order}/refunds/{order}/withdraw", "refunds:issue"),
        ("put", "/v1/markets/gb", "admin"),
        ("put", "/v1/sellers/quay", "admin"),
        ("put", "/v1/sellers/quay/products/TEA-250", "prices:write"),
        ("put", "/v1/customers/{order}", "customers:write"),
        ("get", "/v1/customers", "customers:read"),
        ("get", "/v1/customers/{order}/addresses", "customers:read"),
        ("post", "/v1/customers/{order}/addresses", "customers:write"),
        ("put", "/v1/customers/{order}/addresses/{order}", "customers:write"),
        ("delete", "/v1/customers/{order}/addresses/{order}", "customers:write"),
        ("post", "/v1/orders/{order}/addresses", "orders:write"),
        ("post", "/v1/customers/{order}/erase", "admin"),
        ("get", "/v1/customers/{order}/erasure", "customers:read"),
        ("get", "/v1/markets", "catalogue:read"),
    ],
)
def test_each_action_wants_its_scope(client, bearer, place, method, path, scope):
    path = path.format(order=place()["order_id"])
    others = [other for other in ALL_SCOPES if other != scope]

    lacking = client.open(path, method=method, headers=bearer(scopes=others))
    nobody = client.open(path, method=method)
    having = client.open(path, method=method, headers=bearer(scopes=[scope]))

    assert (lacking.status_code, nobody.status_code) == (403, 401)
    assert having.status_code not in {401, 403}


def test_the_list_is_what_its_schema_says(client, bearer, place):
    first, second = place(external_reference="WEB-1"), place(channel="call")

    answer = client.get("/v1/orders", headers=bearer()).json

    assert page_schema(ListedOrderSchema)().validate(answer) == {}
    for row, order in zip(answer["items"], (second, first), strict=True):
        assert set(row) == set(ListedOrderSchema().fields)
        assert {name: row[name] for name in row if name in order} == {
            name: order[name] for name in row if name in order
        }
        assert datetime.fromisoformat(row["placed_at"]).tzinfo is not None


def walk(client, headers, limit):
    cursor, pages = None, []
    while True:
        query = {"limit": limit} | ({"cursor": cursor} if cursor else {})
        page = client.get("/v1/orders", query_string=query, headers=headers).json
        pages.append([row["number"] for row in page["items"]])
        cursor = page["next"]
        if cursor is None:
            return pages


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 6, 100])
def test_pages_show_every_order_once_newest_first(client, bearer, place, limit):
    placed = [place()["number"] for _ in range(6)]

    pages = walk(client, bearer(), limit)

    assert [number for page in pages for number in page] == placed[::-1]
    assert all(len(page) == limit for page in pages[:-1])
    assert pages[-1]


def test_pages_stay_stable_while_orders_come_in(client, bearer, place):
    placed = [place()["number"] for _ in range(4)]
    first = client.get("/v1/orders?limit=2", headers=bearer()).json
    place()

    second = client.get(
        "/v1/orders", query_string={"limit": 2, "cursor": first["next"]}, headers=bearer()
    ).json

    assert [row["number"] for row in first["items"] + second["items"]] == placed[::-1]
    assert second["next"] is None


@pytest.mark.parametrize("cursor", ["nonsense", "WyJhIl0", ""])
def test_a_cursor_of_none_of_our_lists_is_refused(client, bearer, cursor):
    answer = client.get("/v1/orders", query_string={"cursor": cursor}, headers=bearer())

    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "cursor")


def test_the_quick_answer_is_the_schemas_own(client, bearer, place, session):
    order_id = place(fees=[{"name": "Wrapping", "amount_minor": 100}])["order_id"]
    client.post(f"/v1/orders/{order_id}/payments", json={"reference": "TRF 1"}, headers=bearer())
    cancelled = client.post(f"/v1/orders/{order_id}/cancel", json=CANCELLATION, headers=bearer())

    dumped = payloads.encode(OrderSchema().dump(stored(session, order_id)))

    assert cancelled.json == json.loads(dumped)
    assert cancelled.json["refunds"]


@pytest.mark.requirement("M-15")
@pytest.mark.parametrize("typed", ["10%OFF", "spring 10", "¡rebajas!", "X" * 64])
def test_a_coupon_that_can_be_none_takes_nothing_off_and_the_order_says_so(client, bearer, typed):
    answer = client.post("/v1/orders", json=placing_body(coupons=[f" {typed} "]), headers=bearer())

    assert answer.status_code == 201, answer.json
    order = client.get(f"/v1/orders/{answer.json['order_id']}", headers=bearer()).json
    assert (order["coupons"], order["unverified"]) == ([typed.upper()], ["coupons"])
    assert order["totals"]["discounts_minor"] == 0
