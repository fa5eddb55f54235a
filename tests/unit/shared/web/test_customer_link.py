"""The customer's link opens one order, for a time."""

from datetime import timedelta
from uuid import uuid4

import pytest

from shared import clock
from shared.customer_tokens import LinkError, _serializer, make_token, read_token

KEYS = ("newest-key", "previous-key")  # those of the sample service


def hours(count):
    return clock.now() + timedelta(hours=count)


def test_a_link_opens_its_order():
    order_id = uuid4()

    assert read_token(KEYS, make_token(KEYS, order_id, hours(1))).order_id == order_id


def test_a_link_signed_with_the_previous_key_still_opens_it():
    order_id = uuid4()

    assert read_token(KEYS, make_token(KEYS[1:], order_id, hours(1))).order_id == order_id


def test_a_link_signed_with_a_forgotten_key_does_not():
    with pytest.raises(LinkError, match="not one of ours"):
        read_token(KEYS, make_token(["older-key"], uuid4(), hours(1)))


def test_a_link_expires():
    with pytest.raises(LinkError, match="expired"):
        read_token(KEYS, make_token(KEYS, uuid4(), hours(-1)))


@pytest.mark.parametrize("token", ["", ".", "a.b", "é", "\0", "WyJ4Il0.x"])
def test_what_is_no_link_is_refused(token):
    with pytest.raises(LinkError):
        read_token(KEYS, token)


def test_a_link_of_before_links_could_be_revoked_still_opens_its_order():
    order_id = uuid4()
    older = _serializer(KEYS).dumps([order_id.hex, int(hours(1).timestamp())])

    link = read_token(KEYS, older)

    assert (link.order_id, link.serial) == (order_id, 0)


def test_a_changed_link_is_refused():
    token = make_token(KEYS, uuid4(), hours(1))
    other = make_token(KEYS, uuid4(), hours(1))

    with pytest.raises(LinkError):
        read_token(KEYS, other.rpartition(".")[0] + "." + token.rpartition(".")[2])


def test_the_customer_s_route_is_handed_the_order_of_the_link(client):
    order_id = uuid4()

    answer = client.get(f"/v1/things/customer?limit=5&token={make_token(KEYS, order_id, hours(1))}")

    assert answer.status_code == 200
    assert answer.json == {"order_id": str(order_id), "actor": f"customer:{order_id}"}


@pytest.mark.parametrize("query", ["", "?token=", "?token=guess"])
def test_without_a_good_link_the_customer_is_told_to_ask_for_one(client, query):
    answer = client.get(f"/v1/things/customer{query}")

    assert answer.status_code == 401
    assert "link" in answer.json["detail"]


def test_the_customer_s_token_is_not_logged(client, caplog):
    token = make_token(KEYS, uuid4(), hours(1))

    client.get(f"/v1/things/customer?token={token}")

    assert token not in caplog.text


def test_a_bearer_s_token_does_not_open_the_customer_s_route(client, bearer):
    assert client.get("/v1/things/customer", headers=bearer()).status_code == 401
