"""Customers ask for returns by the link of their order, and for nothing else."""

from datetime import timedelta

import pytest

from services.orders.commands.returns import approve_return
from services.orders.models import Return
from shared import clock
from shared.customer_tokens import make_token
from tests.unit.orders.sample_shop import stored

PATH = "/v1/customer/orders/return"


@pytest.fixture
def link():
    def link(order, keys=("key",), days=1):
        return {"token": make_token(keys, order.id, clock.now() + timedelta(days=days))}

    return link


def wish(order, quantity=1):
    return {
        "reason": "not_wanted",
        "note": "too dark",
        "lines": [{"line_id": str(order.lines[0].id), "quantity": quantity}],
    }


@pytest.mark.requirement("S1-08", "P-03")
def test_a_customer_asks_and_sees_what_came_of_it(client, session, deliver, link, published):
    order = deliver()
    before = client.get(PATH, query_string=link(order)).json

    asked = client.post(PATH, query_string=link(order), json=wish(order))
    [one] = stored(session, order.id).returns
    approve_return(session, order.id, one.id, answer="to our workshop")
    after = client.get(PATH, query_string=link(order)).json

    assert [(line["sku"], line["quantity"]) for line in before["returnable"]] == [("TEA-250", 2)]
    assert (asked.status_code, asked.json["status"]) == (201, "requested")
    assert (one.by_customer, one.requested_by, one.note) == (True, f"customer:{order.id}", "too dark")
    assert [line["quantity"] for line in after["returnable"]] == [1]
    assert [(one["status"], one["answer"]) for one in after["returns"]] == [("approved", "to our workshop")]
    assert "requested_by" not in after["returns"][0]
    assert "too dark" not in str(published("return.requested"))


def test_after_the_markets_days_it_is_too_late_for_the_customer(
    client, session, deliver, link, change_market
):
    order = deliver()
    change_market(return_days=0)

    refused = client.post(PATH, query_string=link(order), json=wish(order))

    assert (refused.status_code, refused.json["reason"]) == (409, "return_period_over")
    assert client.get(PATH, query_string=link(order)).json["returnable"] == []


def test_nothing_is_returnable_before_it_was_delivered(client, accept_paid, link):
    order = accept_paid()

    refused = client.post(PATH, query_string=link(order), json=wish(order))

    assert (refused.status_code, refused.json["reason"]) == (409, "not_delivered")
    assert client.get(PATH, query_string=link(order)).json == {"returnable": [], "returns": []}


def test_without_a_link_of_ours_nothing_is_shown_or_taken(client, session, deliver, link, bearer):
    order = deliver()

    for query in ({}, {"token": "x"}, link(order, keys=("another",)), link(order, days=-1)):
        for method in ("GET", "POST"):
            answer = client.open(PATH, method=method, query_string=query, json=wish(order), headers=bearer())
            assert answer.status_code == 401

    assert session.query(Return).count() == 0


def test_a_link_takes_no_lines_of_another_order(client, deliver, link):
    mine, other = deliver(), deliver()

    answer = client.post(PATH, query_string=link(mine), json=wish(other))

    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "lines.0.line_id")
