"""Drafts over HTTP: begun, filled, placed, paid for, deleted."""

import json
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from services.orders.api.schemas.drafts import DraftSchema
from services.orders.commands.master_data import put_product
from services.orders.models import Draft
from tests.unit.orders.sample_shop import (
    GATEWAY_SECRET,
    placing_body,
    product_details,
    stored,
)
from tests.unit.orders.test_bad_input import changed, places, send, unhurried, values

STRANGERS = [{"sellers": ["dock"], "markets": ["*"]}, {"sellers": ["quay"], "markets": ["eu"]}]


@pytest.fixture
def begin(client, bearer):
    """Begin a draft over the API, and answer its representation."""

    def begin(**contents):
        body = {"seller": "quay", "market": "gb"} | contents
        answer = client.post("/v1/drafts", json=body, headers=bearer())
        assert answer.status_code == 201, answer.json
        return answer.json

    return begin


@pytest.fixture
def pay(client):
    """Tell of a payment as the gateway does."""

    def pay(order_id, amount_minor=1400, webhook_id="msg_1"):
        body = json.dumps(
            {
                "type": "payment.succeeded",
                "timestamp": "2026-11-21T10:00:00Z",
                "data": {
                    "order_id": order_id,
                    "amount_minor": amount_minor,
                    "currency": "GBP",
                    "reference": "pi_1",
                },
            }
        )
        at = datetime.now(UTC)
        headers = {
            "webhook-id": webhook_id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": Webhook(GATEWAY_SECRET).sign(webhook_id, at, body),
        }
        return client.post(
            "/v1/gateway/payments", data=body, headers=headers, content_type="application/json"
        )

    return pay


def contents(**changes):
    body = placing_body(**changes)
    return {name: value for name, value in body.items() if name not in {"seller", "market"}}


@pytest.mark.requirement("S1-10", "F-37")
def test_a_draft_is_begun_filled_found_and_placed(client, bearer):
    begun = client.post("/v1/drafts", json={"seller": "quay", "market": "gb"}, headers=bearer())
    address = begun.headers["Location"]
    filled = client.put(address, json=contents(), headers=bearer() | {"If-Match": begun.headers["ETag"]})
    found = client.get(address, headers=bearer())

    placed = client.post(f"{address}/place", json={"total_minor": 1400}, headers=bearer())

    assert {lack["field"] for lack in begun.json["lacks"]} == {
        "customer",
        "lines",
        "delivery_groups",
        "payment_method",
    }
    assert begun.json["actions"]["place"]["reason"] == "no_lines"
    assert (filled.status_code, filled.json["lacks"], filled.json["actions"]["place"]) == (200, [], None)
    assert found.json == filled.json
    assert found.headers["ETag"].startswith('"2.')
    assert (placed.status_code, placed.headers["Location"]) == (201, f"/v1/orders/{found.json['draft_id']}")
    assert client.get(placed.headers["Location"], headers=bearer()).json == placed.json
    after = client.get(address, headers=bearer()).json
    assert (after["status"], after["order_id"], after["lacks"]) == ("placed", placed.json["order_id"], [])
    assert after["actions"]["place"]["reason"] == "already_placed"


def test_every_field_of_the_answer_is_in_its_schema(begin):
    answer = begin(**contents(coupons=["spring"], fees=[{"name": "Wrapping", "amount_minor": 100}]))

    assert set(answer) == set(DraftSchema().fields)
    assert [coupon["code"] for coupon in answer["coupons"]] == ["SPRING"]
    assert [(charge["kind"], charge["amount_minor"]) for charge in answer["charges"]] == [
        ("shipping", 500),
        ("fee", 100),
    ]


@pytest.mark.requirement("S3-02")
def test_converted_by_hand_a_draft_takes_a_telephone_payment(client, bearer, begin):
    draft = begin(**contents(payment_method="card_on_phone"))

    order = client.post(f"/v1/drafts/{draft['draft_id']}/place", headers=bearer()).json
    paid = client.post(
        f"/v1/orders/{order['order_id']}/payments", json={"reference": "TERMINAL 7"}, headers=bearer()
    )

    assert (order["status"], order["payment"]["state"]) == ("placed", "unpaid")
    assert (paid.status_code, paid.json["method"], paid.json["amount_minor"]) == (201, "card_on_phone", 1400)


@pytest.mark.requirement("S3-01", "P-07")
def test_a_customer_who_pays_for_a_draft_makes_it_an_order_that_is_paid(session, pay, begin, published):
    body = contents()
    del body["payment_method"]
    draft = begin(**body)

    first, again = pay(draft["draft_id"]), pay(draft["draft_id"])

    order = stored(session, draft["draft_id"])
    assert (first.status_code, again.json) == (200, first.json)
    assert (order.status, order.payment_method, order.payment_state) == ("placed", "online", "paid")
    assert len(published("order.placed")) == len(published("payment.recorded")) == 1


def test_paying_for_a_draft_that_cannot_be_placed_is_to_be_told_again(client, bearer, pay, begin):
    draft = begin(lines=[{"sku": "TEA-250", "quantity": 2}])

    refused = pay(draft["draft_id"])
    client.put(f"/v1/drafts/{draft['draft_id']}", json=contents(), headers=bearer())
    told_again = pay(draft["draft_id"])

    assert (refused.status_code, refused.json["reason"]) == (409, "incomplete")
    assert told_again.status_code == 200


def test_paying_for_a_draft_that_was_given_up_places_it_all_the_same(session, client, bearer, pay, begin):
    draft_id = begin(**contents())["draft_id"]
    client.post(f"/v1/drafts/{draft_id}/abandon", headers=bearer())

    answer = pay(draft_id)

    assert (answer.status_code, stored(session, draft_id).payment_state) == (200, "paid")


def test_a_draft_changed_on_an_older_version_is_stale(client, bearer, begin):
    draft = begin()
    address = f"/v1/drafts/{draft['draft_id']}"
    client.put(address, json=contents(), headers=bearer())

    answer = client.put(address, json={}, headers=bearer() | {"If-Match": '"1"'})

    assert answer.status_code == 412


@pytest.mark.requirement("S3-24")
def test_drafts_are_deleted_with_a_result_for_each(client, bearer, begin):
    draft, unknown = begin()["draft_id"], str(uuid4())

    answer = client.post("/v1/drafts/delete", json={"draft_ids": [draft, unknown]}, headers=bearer())

    assert answer.json == {
        "items": [
            {"draft_id": draft, "deleted": True, "reason": None},
            {"draft_id": unknown, "deleted": False, "reason": "not_found"},
        ]
    }
    assert client.get(f"/v1/drafts/{draft}", headers=bearer()).status_code == 404


@pytest.mark.requirement("S3-02", "P-27")
def test_many_drafts_are_placed_each_with_its_result_and_once(committing_client, bearer):
    def begin(**wanted):
        body = {"seller": "quay", "market": "gb"} | wanted
        return committing_client.post("/v1/drafts", json=body, headers=bearer()).json["draft_id"]

    whole, empty, unknown = begin(**contents()), begin(), str(uuid4())
    body = {"draft_ids": [empty, whole, unknown]}
    headers = bearer() | {"Idempotency-Key": "place them"}

    answer, again = (committing_client.post("/v1/drafts/place", json=body, headers=headers) for _ in range(2))
    twice = committing_client.post("/v1/drafts/place", json={"draft_ids": [whole, whole]}, headers=bearer())
    later = committing_client.post("/v1/drafts/place", json={"draft_ids": [whole]}, headers=bearer())

    assert (answer.status_code, answer.json["done"], answer.json["not_done"]) == (200, 1, 2)
    assert again.json == answer.json
    first, second, third = answer.json["items"]
    assert [row["draft_id"] for row in (first, second, third)] == body["draft_ids"]
    assert (first["reason"], first["order_id"], third["reason"]) == ("no_lines", None, "not_found")
    assert {lack["field"] for lack in first["facts"]["lacks"]} >= {"customer", "lines"}
    order = committing_client.get(f"/v1/orders/{second['order_id']}", headers=bearer()).json
    assert (second["done"], order["order_id"], order["number"]) == (True, whole, second["number"])
    assert (twice.status_code, twice.json["errors"][0]["field"]) == (422, "draft_ids")
    assert later.json["items"][0]["reason"] == "already_placed"


@pytest.mark.requirement("S3-12")
def test_an_address_is_kept_as_far_as_it_is_known_and_the_rest_is_named(client, bearer, begin):
    wanted = contents()
    wanted["delivery_groups"][0]["address"] = {"line1": "8 Wharf Yard"}
    wanted["billing_address"] = {"name": "Ada Okafor", "line1": "1 Bill Street", "country": "GB"}
    draft = begin(**wanted)

    placed = client.post(f"/v1/drafts/{draft['draft_id']}/place", headers=bearer())

    assert draft["delivery_groups"][0]["address"]["line1"] == "8 Wharf Yard"
    assert {lack["field"] for lack in draft["lacks"]} == {
        "delivery_groups.0.address.name",
        "delivery_groups.0.address.city",
        "delivery_groups.0.address.country",
        "billing_address.city",
    }
    assert (draft["totals"]["total_minor"], draft["lines"][0]["total_minor"]) == (1400, 900)
    assert (placed.status_code, placed.json["reason"]) == (409, "incomplete")
    known = client.put(f"/v1/drafts/{draft['draft_id']}", json=contents(), headers=bearer()).json
    assert known["lacks"] == []


def test_a_line_says_whether_it_was_given_a_name_of_its_own(begin):
    wanted = [{"sku": "TEA-250", "quantity": 1}, {"sku": "TEA-250", "quantity": 1, "name": "Tea for Ada"}]

    lines = begin(lines=wanted)["lines"]

    assert [line["own_name"] for line in lines] == [None, "Tea for Ada"]
    assert lines[1]["name"] == "Tea for Ada"


def test_a_country_that_is_none_is_refused_in_a_draft_too(client, bearer):
    body = {"seller": "quay", "market": "gb", "delivery_groups": [{"address": {"country": "XX"}}]}

    answer = client.post("/v1/drafts", json=body, headers=bearer())

    assert answer.status_code == 422
    assert [error["field"] for error in answer.json["errors"]] == ["delivery_groups.0.address.country"]


@pytest.mark.requirement("C-21")
def test_a_draft_says_who_changed_it_last(client, bearer, begin):
    draft = begin()
    address = f"/v1/drafts/{draft['draft_id']}"

    changed = client.put(address, json=contents(), headers=bearer(subject="olu")).json
    [listed] = client.get("/v1/drafts", headers=bearer()).json["items"]

    assert (draft["updated_by"], changed["created_by"], changed["updated_by"]) == ("tess", "tess", "olu")
    assert listed["updated_by"] == "olu"
    given_up = client.post(f"{address}/abandon", headers=bearer(subject="ned")).json
    assert given_up["updated_by"] == "ned"


@pytest.mark.requirement("S3-16", "V-07")
def test_a_price_that_stands_in_a_draft_may_stay_but_not_become_another(client, bearer, begin):
    line = {"sku": "TEA-250", "quantity": 2, "unit_price_minor": 400, "discount_minor": 10}
    named = {
        "fees": [{"name": "Wrapping", "amount_minor": 100}],
        "discounts": [{"name": "Sorry", "amount_minor": 50}],
    }
    draft = begin(**contents(lines=[line], **named))
    address = f"/v1/drafts/{draft['draft_id']}"
    clerk = bearer(subject="cleo", scopes=["orders:read", "orders:write"])

    kept = client.put(address, json=contents(lines=[line | {"quantity": 3}], **named), headers=clerk)
    dropped = client.put(address, json=contents(lines=[line]), headers=clerk)

    assert (kept.status_code, dropped.status_code) == (200, 200)
    assert kept.json["lines"][0]["price_set_by"] == "tess"
    for other in (
        {"lines": [line | {"unit_price_minor": 399}]},
        {"lines": [line | {"discount_minor": 11}]},
        {"lines": [line, line]},
        {"lines": [line], "discounts": named["discounts"]},  # it was dropped
        {"lines": [line], "fees": named["fees"]},
    ):
        refused = client.put(address, json=contents(**other), headers=clerk)
        assert (refused.status_code, "prices:write" in refused.json["detail"]) == (403, True), other


def test_drafts_are_listed_newest_first_by_status_seller_market_and_customer(client, bearer, begin):
    first, second, given_up = begin(), begin(**contents()), begin()
    other = begin(seller="dock")
    client.post(f"/v1/drafts/{given_up['draft_id']}/abandon", headers=bearer())

    def listed(**wanted):
        page = client.get("/v1/drafts", query_string=wanted, headers=bearer()).json
        return [item["draft_id"] for item in page["items"]]

    assert listed() == [other["draft_id"], second["draft_id"], first["draft_id"]]
    assert listed(seller="quay", market="gb") == [second["draft_id"], first["draft_id"]]
    assert listed(status="abandoned") == [given_up["draft_id"]]
    assert listed(customer_id=str(UUID(int=5))) == []
    named = [first["draft_id"], other["draft_id"], given_up["draft_id"], str(uuid4())]
    assert listed(draft_id=named) == [other["draft_id"], first["draft_id"]]
    page = client.get("/v1/drafts?limit=1&seller=quay", headers=bearer()).json
    following = client.get(f"/v1/drafts?seller=quay&cursor={page['next']}", headers=bearer()).json
    assert [item["draft_id"] for item in following["items"]] == [first["draft_id"]]
    assert page["items"][0]["customer_name"] == "Ada Okafor"
    assert page["items"][0]["total_minor"] == 1400


@pytest.mark.parametrize("stranger", STRANGERS, ids=str)
def test_another_sellers_or_markets_draft_is_not_there(client, bearer, begin, stranger):
    draft_id = begin(**contents())["draft_id"]
    address, headers = f"/v1/drafts/{draft_id}", bearer(**stranger)

    answers = [
        client.get(address, headers=headers),
        client.put(address, json={}, headers=headers),
        client.post(f"{address}/place", headers=headers),
        client.post(f"{address}/abandon", headers=headers),
    ]

    assert {answer.status_code for answer in answers} == {404}
    assert client.get("/v1/drafts", headers=headers).json["items"] == []
    deleted = client.post("/v1/drafts/delete", json={"draft_ids": [draft_id]}, headers=headers).json
    assert deleted["items"][0]["reason"] == "not_found"
    assert client.get(address, headers=bearer()).status_code == 200


def test_an_order_is_ordered_again_over_the_api(client, bearer):
    order = client.post("/v1/orders", json=placing_body(), headers=bearer()).json

    draft = client.post(f"/v1/orders/{order['order_id']}/reorder", headers=bearer())
    stranger = client.post(
        f"/v1/orders/{order['order_id']}/reorder", headers=bearer(sellers=["dock"])
    ).status_code

    assert (draft.status_code, draft.json["reorder_of"], stranger) == (201, order["order_id"], 404)
    assert client.get(draft.headers["Location"], headers=bearer()).json == draft.json


@pytest.mark.requirement("S3-15")
def test_a_line_tells_where_its_product_is_shown(session, begin):
    put_product(
        session,
        *("quay", "TEA-250"),
        **product_details(page_url="https://quay.example/assam", prices={"gb": 450}),
    )

    draft = begin(lines=[{"sku": "TEA-250", "quantity": 1}])

    assert draft["lines"][0]["page_url"] == "https://quay.example/assam"


@pytest.mark.requirement("S0-06", "S2-06")
def test_the_order_shows_lines_coefficient_customer_requested_day_and_each_fee(client, bearer, session):
    put_product(
        session, *("quay", "CASE-6"), **product_details(name="Case", sales_coefficient=6, prices={"gb": 2400})
    )
    delivery = placing_body()["delivery_groups"][0] | {"requested_on": "2998-12-24"}
    body = placing_body(
        lines=[{"sku": "CASE-6", "quantity": 2}],
        delivery_groups=[delivery],
        fees=[{"name": "Gift wrapping", "amount_minor": 300}],
        discounts=[{"name": "Voucher", "amount_minor": 200}],
    )

    order_id = client.post("/v1/orders", json=body, headers=bearer()).json["order_id"]
    order = client.get(f"/v1/orders/{order_id}", headers=bearer()).json

    [line] = order["lines"]
    assert (line["quantity"], line["sales_coefficient"]) == (2, 6)
    assert order["delivery_groups"][0]["requested_on"] == "2998-12-24"
    assert order["customer"]["email"] == "ada@example.com"
    fees = {fee["name"]: fee["amount_minor"] for fee in order["fees"]}
    assert fees == {"Delivery": 500, "Gift wrapping": 300, "Voucher": -200}
    assert line["total_minor"] + sum(fees.values()) == order["totals"]["total_minor"]


@pytest.mark.requirement("S1-02")
@pytest.mark.parametrize("channel", ["web", "mobile", "call", "store", "marketplace", "other"])
def test_an_order_records_its_channel(client, bearer, begin, channel):
    placed = client.post("/v1/orders", json=placing_body(channel=channel), headers=bearer()).json
    draft = begin(**contents(channel=channel))
    drafted = client.post(f"/v1/drafts/{draft['draft_id']}/place", headers=bearer()).json

    assert (placed["channel"], drafted["channel"]) == (channel, channel)


FULL = {"seller": "quay", "market": "gb"} | contents(
    coupons=["SPRING"],
    channel="web",
    locale="es",
    fees=[{"name": "Fee", "amount_minor": 1, "tax_class": "standard"}],
    discounts=[{"name": "Voucher", "amount_minor": 1}],
)


@unhurried
@given(st.sampled_from(places(FULL)), values)
def test_a_draft_with_anything_anywhere_is_begun_or_refused(client, bearer, session, path, value):
    answer = send(client, "POST", "/v1/drafts", changed(FULL, path, value), bearer())

    assert answer is None or answer.status_code in {201, 400, 409, 422}, answer.text
    if answer is not None and answer.status_code == 201:
        address = answer.headers["Location"]
        assert client.get(address, headers=bearer()).status_code == 200
        assert client.post(f"{address}/place", headers=bearer()).status_code in {201, 409}
        session.query(Draft).delete()


@unhurried
@given(values)
def test_a_body_of_anything_does_not_trip_a_draft(client, bearer, session, begin, value):
    draft_id = (session.query(Draft).first() or session.get(Draft, UUID(begin()["draft_id"]))).id

    for method, path in (
        ("POST", "/v1/drafts"),
        ("POST", "/v1/drafts/delete"),
        ("PUT", f"/v1/drafts/{draft_id}"),
        ("POST", f"/v1/drafts/{draft_id}/place"),
        ("PUT", "/v1/sellers/quay/markets/gb/coupons/SPRING"),
    ):
        answer = send(client, method, path, value, bearer())
        assert answer is None or answer.status_code in {200, 400, 409, 415, 422}, (path, answer.text)
