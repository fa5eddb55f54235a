"""Bulk over all that match: what was counted and confirmed is what is done, up to what the API takes."""

import json
import re
from uuid import uuid4

import httpx2
import pytest

from tests.unit.console.conftest import answering

PAGE = {"items": [], "next": None}


@pytest.fixture
def shop(make_console):
    """A console before an orders service in which 501 orders match, with Helen signed in."""
    found = {"order_ids": [str(uuid4()) for _ in range(500)], "count": 501, "count_is_capped": False}

    def tag(request):
        ids = json.loads(request.content)["order_ids"]
        done = {"done": True, "status": "placed", "version": 2, "reason": None, "detail": None, "facts": {}}
        rows = [{"order_id": one, "number": "GB-1", **done} for one in ids]
        return httpx2.Response(200, json={"done": len(rows), "not_done": 0, "items": rows})

    orders = answering(
        "orders",
        {
            ("GET", "/v1/orders/matching"): found,
            ("POST", "/v1/orders/bulk/tag"): tag,
            ("GET", "/v1/orders"): PAGE,
            ("GET", "/v1/markets"): PAGE,
            ("GET", "/v1/sellers"): PAGE,
        },
    )
    browser = make_console({"orders": orders})
    browser.post("/login", data={"person": "helen"})
    browser.orders, browser.found = orders, found
    return browser


def named(page, name):
    return re.findall(rf'name="{name}" value="([^"]*)"', page.text)


@pytest.mark.requirement("C-25", "C-03")
def test_of_501_that_match_the_first_500_are_named_confirmed_and_done_once(shop):
    back = "/orders?status=placed&search=zora&sort=due_at"

    asked = shop.get("/orders/bulk", query_string={"act": "tag", "everything": "yes", "back": back})
    sent = {"key": named(asked, "key"), "order_id": named(asked, "order_id"), "back": back, "add": "gift"}
    answers = [shop.post("/orders/bulk/tag", data=sent) for _ in range(2)]

    matching = next(one for one in shop.orders.asked if one.url.path.endswith("/matching"))
    assert dict(matching.url.params) == {"status": "placed", "search": "zora", "sort": "due_at"}
    assert "501 match; these are the first 500" in asked.text
    bulks = [one for one in shop.orders.asked if one.url.path.endswith("/bulk/tag")]
    assert json.loads(bulks[0].content) == {
        "order_ids": shop.found["order_ids"],
        "add": ["gift"],
        "remove": [],
    }
    assert len({one.headers["Idempotency-Key"] for one in bulks}) == 1
    assert answers[0].status_code == 303
    assert answers[0].headers["Location"].startswith("/orders?status=placed&search=zora&sort=due_at&result=")
    assert "500 done" in shop.get(answers[0].headers["Location"]).text


def test_another_choice_of_orders_on_a_form_shown_once_is_another_request(shop):
    for ids in (["a1"], ["a1", "b2"]):
        shop.post("/orders/bulk/tag", data={"key": "shown", "order_id": ids, "add": "gift"})

    keys = [one.headers["Idempotency-Key"] for one in shop.orders.asked if "bulk" in one.url.path]
    assert len(set(keys)) == 2


def test_a_bulk_leads_to_no_other_site_and_shows_nobody_elses_result(shop):
    answer = shop.post(
        "/orders/bulk/tag", data={"key": "k", "order_id": ["a1"], "add": "x", "back": "//evil.example/orders"}
    )

    assert answer.headers["Location"].startswith("/orders?result=")
    shop.post("/logout")
    shop.post("/login", data={"person": "peter"})
    assert "1 done" not in shop.get(answer.headers["Location"]).text


def test_what_is_refused_as_a_whole_comes_back_with_what_was_typed(make_console):
    def refuse(_):
        problem = {"status": 422, "detail": "", "errors": [{"field": "reason", "reason": "is too long"}]}
        return httpx2.Response(422, json=problem)

    orders = answering("orders", {("POST", "/v1/orders/bulk/cancel"): refuse})
    browser = make_console({"orders": orders})
    browser.post("/login", data={"person": "helen"})

    answer = browser.post(
        "/orders/bulk/cancel", data={"key": "k", "order_id": ["a1", "b2"], "reason": "because"}
    )

    assert answer.status_code == 422
    assert "is too long" in answer.text
    assert "because" in answer.text
    assert named(answer, "order_id") == ["a1", "b2"]
