"""Money in the console: what is asked of the services for a page, and what becomes of many rows at once."""

import json
from urllib.parse import parse_qs
from uuid import uuid4

import httpx2
import pytest

from shared.access import ROLES
from tests.unit.console.conftest import answering

LINE, OTHER = str(uuid4()), str(uuid4())
SELLERS = {"items": [{"seller": "harbour", "name": "Harbour"}], "next": None}
MARKETS = {"items": [{"market": "gb", "name": "GB", "currency": "GBP", "time_zone": "Europe/London"}]}
REFUSED = {"status": 409, "detail": "it is matched", "reason": "already_decided"}
INVALID = {
    "status": 422,
    "detail": "the request is not valid",
    "errors": [{"field": "reason", "reason": "must not be empty"}],
}
BULK = "/money/lines/open?seller=harbour"


def line(line_id, **more):
    return {
        "line_id": line_id,
        "seller": "harbour",
        "booked_on": "2026-11-21",
        "amount_minor": 900,
        "currency": "GBP",
        "text": "<b>rent</b>",
        "payer": "A",
        "state": "open",
        "why": "no_order",
        "order_id": None,
        "number": None,
        "payment_id": None,
        "decided_by": None,
        "decided_at": None,
    } | more


@pytest.fixture
def orders():
    return {
        ("GET", "/v1/sellers"): SELLERS,
        ("GET", "/v1/markets"): MARKETS | {"next": None},
        ("GET", "/v1/bank-lines"): {"items": [line(LINE), line(OTHER)], "next": None},
        ("GET", "/v1/bank-lines/counts"): {
            "items": [{"state": "open", "count": 1000, "count_is_capped": True}]
        },
        ("GET", "/v1/orders"): {"items": [], "next": None},
        ("GET", "/v1/refunds"): {"items": [], "next": None},
    }


@pytest.fixture
def sign_in(make_console, people, orders):
    def make(scopes=ROLES["accounts"]):
        transport = answering("orders", orders)
        console = make_console({"orders": transport}, local_people=people("accounts", scopes))
        console.post("/login", data={"person": "helen"})
        return console, transport

    return make


def post(console, path, ids, key="k1", **more):
    form = [("key", key), *(("line_id", one) for one in ids), *more.items()]
    return console.post(path, data={name: [v for n, v in form if n == name] for name, _ in form})


@pytest.mark.requirement("P-21")
def test_a_tab_says_how_many_and_that_there_are_more(sign_in):
    console, _ = sign_in()

    page = console.get("/money").get_data(as_text=True)

    assert "1000+" in page
    assert "&lt;b&gt;rent&lt;/b&gt;" in page


@pytest.mark.requirement("P-21", "C-16")
def test_each_ticked_line_is_set_aside_by_itself_and_once(sign_in, orders):
    asked = []

    def answer(request):
        asked.append((request.headers["Idempotency-Key"], json.loads(request.content)))
        gone = OTHER in request.url.path
        return httpx2.Response(409, json=REFUSED) if gone else httpx2.Response(200, json=line(LINE))

    orders["POST", "/v1/bank-lines/{line_id}/ignore"] = answer
    console, _ = sign_in()

    first = post(console, BULK, [LINE, OTHER], reason="rent")
    again = post(console, BULK, [LINE, OTHER], reason="rent")
    other = post(console, BULK, [LINE], reason="interest")

    assert [answer.status_code for answer in (first, again, other)] == [303, 303, 303]
    keys = [key for key, _ in asked]
    assert (keys[:2], len(set(keys))) == (keys[2:4], 3)
    page = console.get(first.location.partition("#")[0]).get_data(as_text=True)
    assert "1 done" in page
    assert "This was decided already." in page
    assert page.count(" checked") == 1


@pytest.mark.requirement("C-20")
def test_what_is_missing_is_said_before_anything_is_done(sign_in, orders):
    orders["POST", "/v1/bank-lines/{line_id}/ignore"] = lambda _: httpx2.Response(422, json=INVALID)
    console, transport = sign_in()

    answer = post(console, BULK, [LINE, OTHER], reason="")

    page = answer.get_data(as_text=True)
    assert (answer.status_code, page.count(" checked")) == (422, 2)
    assert "must not be empty" in page
    assert len([one for one in transport.asked if one.method == "POST"]) == 1


def test_where_the_service_goes_away_in_the_midst_the_rest_is_not_tried(sign_in, orders):
    asked = []

    def answer(request):
        asked.append(request.url.path)
        if len(asked) > 1:
            raise httpx2.ConnectError("gone")
        return httpx2.Response(200, json=line(LINE))

    orders["POST", "/v1/bank-lines/{line_id}/ignore"] = answer
    console, _ = sign_in()

    sent = post(console, BULK, [LINE, OTHER, str(uuid4())], reason="rent")

    page = console.get(sent.location.partition("#")[0]).get_data(as_text=True)
    assert len(asked) == 2
    assert "2 not done" in page
    assert page.count("The service could not be reached") == 2


@pytest.mark.parametrize("is_still_listed", [True, False])
def test_why_a_line_was_not_assigned_is_said_also_where_another_has_decided(sign_in, orders, is_still_listed):
    orders["POST", "/v1/bank-lines/{line_id}/assign"] = lambda _: httpx2.Response(409, json=REFUSED)
    if not is_still_listed:
        orders["GET", "/v1/bank-lines"] = {"items": [line(OTHER)], "next": None}
    console, _ = sign_in()

    answer = console.post(f"/money/lines/{LINE}/assign?seller=harbour&line={LINE}", data={"order_id": LINE})

    page = answer.get_data(as_text=True)
    assert (answer.status_code, page.count("This was decided already.")) == (409, 1)


def test_why_a_refund_was_not_noted_is_said_also_where_another_has_noted_it(sign_in, orders):
    refused = {"status": 409, "detail": "already settled as TRF 1", "reason": "already_settled"}
    path = "/v1/orders/{order_id}/refunds/{refund_id}/settle"
    orders["POST", path] = lambda _: httpx2.Response(409, json=refused)
    console, _ = sign_in()

    answer = console.post(
        f"/money/refunds/{LINE}?refund={LINE}", data={"order_id": OTHER, "reference": "TRF 2"}
    )

    page = answer.get_data(as_text=True)
    assert (answer.status_code, page.count("This refund was paid out already.")) == (409, 1)


def test_who_chose_nothing_is_told_so(sign_in):
    console, _ = sign_in()

    sent = post(console, BULK, [], reason="rent")

    assert "Choose some rows first." in console.get(sent.location).get_data(as_text=True)


@pytest.mark.requirement("P-21")
def test_orders_are_suggested_that_are_named_or_cost_as_much_and_are_not_paid(sign_in, orders):
    orders["GET", "/v1/bank-lines"] = {
        "items": [line(LINE, order_id=str(uuid4()), number="GB-1")],
        "next": None,
    }
    console, transport = sign_in()

    console.get(f"/money?line={LINE}&find=archer")

    wanted = [parse_qs(one.url.query.decode()) for one in transport.asked if one.url.path == "/v1/orders"]
    assert {"number": ["GB-1"], "seller": ["harbour"], "limit": ["1"]} in wanted
    assert {"search": ["archer"], "seller": ["harbour"], "limit": ["5"]} in wanted
    [as_much] = [one for one in wanted if "min_total_minor" in one]
    assert as_much["min_total_minor"] == as_much["max_total_minor"] == ["900"]
    assert as_much["payment_state"] == ["unpaid", "partly_paid"]


@pytest.mark.requirement("C-31")
def test_who_only_reads_the_money_has_no_forms(sign_in):
    console, _ = sign_in({"catalogue:read", "orders:read", "statements:read"})

    for address in (f"/money?line={LINE}", "/money/statements", "/money/refunds"):
        page = console.get(address).get_data(as_text=True)
        assert 'method="post" action="/money' not in page
        assert 'id="bulk"' in page or "statements" in address or "No refund waits" in page


@pytest.mark.requirement("C-45")
def test_where_orders_is_away_its_pages_say_so(make_console, people):
    console = make_console(local_people=people("accounts"))
    console.post("/login", data={"person": "helen"})

    for address in ("/money/refunds", "/money/owed", "/money/told", "/money?seller=harbour"):
        answer = console.get(address)
        assert (answer.status_code, "be reached now" in answer.get_data(as_text=True)) == (200, True), address
