"""Whatever comes in is answered with what is wrong with it; nothing makes the service stumble."""

import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.orders.models import Order
from tests.unit.orders.sample_shop import placing_body

ADDRESS = {"name": "Ada", "line1": "3 Quay Row", "city": "Hull", "country": "GB"}
FULL = placing_body(
    billing_address=ADDRESS,
    channel="web",
    locale="es",
    external_reference="WEB-1",
    fees=[{"name": "Fee", "amount_minor": 1, "tax_class": "standard"}],
    discounts=[{"name": "Voucher", "amount_minor": 1}],
    lines=[
        {
            "sku": "TEA-250",
            "quantity": 1,
            "delivery_group": 0,
            "unit_price_minor": 5,
            "discount_minor": 1,
            "name": "Tea",
        }
    ],
)

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=30),
    st.sampled_from(["\0", "\ud800", "'; drop table orders", "9" * 400, "2026-02-30", "es_ES.UTF-8"]),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)
unhurried = settings(max_examples=60)


def places(value, path=()):
    """Every place in a document, by its path."""
    found = [path] if path else []
    if isinstance(value, dict):
        found += [place for key, part in value.items() for place in places(part, (*path, key))]
    if isinstance(value, list):
        found += [place for key, part in enumerate(value) for place in places(part, (*path, key))]
    return found


def changed(document, path, value):
    """The document with another value at a place."""
    document = copy.deepcopy(document)
    holder = document
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = value
    return document


def send(client, method, path, body, headers):
    """As a client would that is not careful with its text."""
    try:
        return client.open(path, method=method, json=body, headers=headers)
    except UnicodeEncodeError:
        return None  # no client can write that as UTF-8


@unhurried
@given(st.sampled_from(places(FULL)), values)
def test_an_order_with_anything_anywhere_is_placed_or_refused(client, bearer, path, value):
    answer = send(client, "POST", "/v1/orders", changed(FULL, path, value), bearer())

    assert answer is None or answer.status_code in {201, 400, 409, 422}, answer.text


@unhurried
@given(values)
def test_a_body_of_anything_is_refused(client, bearer, session, place_order, value):
    order = session.query(Order).first() or place_order()

    for method, path in (
        ("POST", "/v1/orders"),
        ("POST", f"/v1/orders/{order.id}/cancel"),
        ("POST", f"/v1/orders/{order.id}/payments"),
        ("PUT", "/v1/markets/gb"),
        ("PUT", "/v1/sellers/quay"),
        ("PUT", "/v1/sellers/quay/products/TEA-250"),
        ("PUT", f"/v1/customers/{order.customer_id}"),
    ):
        answer = send(client, method, path, value, bearer())
        assert answer is None or answer.status_code in {400, 415, 422}, (path, answer.text)


@unhurried
@given(st.text(max_size=40), st.text(max_size=10))
def test_a_list_asked_for_with_anything_answers_or_refuses(client, bearer, cursor, limit):
    try:
        answer = client.get("/v1/orders", query_string={"cursor": cursor, "limit": limit}, headers=bearer())
    except UnicodeEncodeError:
        return

    assert answer.status_code in {200, 422}


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"seller": "quay", "seller": 7}', b"[" * 100_000])
def test_a_body_that_is_no_json_is_refused(client, bearer, body):
    answer = client.post("/v1/orders", data=body, headers=bearer(), content_type="application/json")

    assert answer.status_code in {400, 422}


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_an_instant_at_the_end_of_the_calendar_is_named(client, bearer, at):
    path = "/v1/sellers/quay/markets/gb/coupons/SPRING"
    coupon = {"name": "Spring", "amount_minor": 1, "valid_from": at}

    answer = client.put(path, json=coupon, headers=bearer())

    assert answer.status_code == 422
    assert [error["field"] for error in answer.json["errors"]] == ["valid_from"]


@pytest.mark.parametrize("yes", ["yes", "true", "on", "1"])
def test_a_word_for_yes_gives_no_money_back(client, bearer, place_order, yes):
    body = {"reason": "goodwill", "everything": yes, "restock": False}

    answer = client.post(f"/v1/orders/{place_order().id}/refunds", json=body, headers=bearer())

    assert answer.status_code == 422
    assert [error["field"] for error in answer.json["errors"]] == ["everything"]
