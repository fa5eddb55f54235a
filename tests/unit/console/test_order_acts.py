"""Forms of the order's page for people whom the demo does not have; the four services are in this process."""

import json
import re
import time
from datetime import timedelta
from html import unescape
from uuid import UUID

import httpx2
import pytest

from deploy.local.databases import SERVICES
from shared import clock
from shared.customer_tokens import make_token
from tests.benchmarks.statements import four_services, open_shop
from tests.shop import ADDRESS

EDIT = '<form method="post" class="stack"'  # the edit page's
STEPS = ("release", "pick", "pack", "ship", "deliver")
SCOPES = (
    *("orders:read", "orders:write", "refunds:issue", "shipping:read", "catalogue:read"),
    *("notifications:read", "notifications:write"),
)


@pytest.fixture(scope="module")
def life():
    with four_services() as life:
        open_shop(life)
        yield life


def placed(life):
    """A new order that somebody has yet to accept."""
    wanted = {
        "seller": "acme",
        "market": "gb",
        "customer": {"name": "Ann Archer", "email": "ann@customers.example", "phone": ""},
        "delivery_groups": [{"method": "delivery", "shipping_minor": 395, "address": ADDRESS}],
        "lines": [{"sku": "TEA", "quantity": 2}],
        "payment_method": "cash_on_delivery",
    }
    return life.ask("orders", "POST", "/v1/orders", json=wanted)


def accepted(life):
    """A new order whose only shipment waits to be released."""
    order = placed(life)
    life.ask("orders", "POST", f"/v1/orders/{order['order_id']}/accept")
    return order


@pytest.fixture(scope="module")
def delivered(life):
    """An order with one return that was approved."""
    order = accepted(life)
    path = f"/v1/orders/{order['order_id']}"
    for step in STEPS:
        [shipment] = life.ask("shipping", "GET", f"{path}/shipments")["items"]
        body = {"json": {}} if step in {"ship", "deliver"} else {}
        life.ask("shipping", "POST", f"/v1/shipments/{shipment['shipment_id']}/{step}", **body)
    life.ask("orders", "POST", f"{path}/payments", json={"reference": "courier"})
    lines = [{"line_id": order["lines"][0]["line_id"], "quantity": 1}]
    asked = life.ask("orders", "POST", f"{path}/returns", json={"reason": "faulty", "lines": lines})
    life.ask("orders", "POST", f"{path}/returns/{asked['return_id']}/approve", json={})
    return order | {"return_id": asked["return_id"]}


@pytest.fixture
def sign_in(life, make_console):
    """A browser of somebody with these scopes; a service may be reached in another way."""

    def signed_in(scopes, **others):
        person = {
            "id": "nora",
            "name": "Nora",
            "role": "accounts",
            "place": "",
            "language": "en",
            "scopes": list(scopes),
            "token": life.keys.token("nora", scopes=list(scopes)),
            "expires_at": time.time() + 3600,
        }
        ways = {service: httpx2.WSGITransport(app=life.made[service].app) for service in SERVICES}
        found = make_console(ways | others, local_people=json.dumps([person]))
        found.post("/login", data={"person": "nora"})
        return found

    return signed_in


@pytest.fixture
def browser(sign_in):
    """Signed in as somebody who sells and gives money back."""
    return sign_in(SCOPES)


def editing(life):
    """The page of a new order, where its shipment's form is sent, and the shipment."""
    order = accepted(life)
    path = f"/v1/orders/{order['order_id']}/shipments"
    [shipment] = life.ask("shipping", "GET", path)["items"]
    own = f"/orders/{order['order_id']}"
    return (
        own,
        f"{own}/shipments/{shipment['shipment_id']}/edit_shipment",
        shipment["shipment_id"],
    )


def fields(page, form='id="act"'):
    """The fields of the open form, as they are filled."""
    form = page[page.index(form) :].partition("</form>")[0]
    inputs = [dict(re.findall(r'(\w+)="([^"]*)"', tag)) for tag in re.findall(r"<input[^>]*>", form)]
    return {one["name"]: unescape(one.get("value", "")) for one in inputs}


@pytest.mark.requirement("P-04", "S2-04", "C-20")
def test_goods_that_come_back_are_exchanged_for_the_same_or_others(browser, delivered):
    own = f"/orders/{delivered['order_id']}"
    form = f"{own}/shipment?act=exchange_return-{delivered['return_id']}"
    shown = fields(browser.get(form).text)
    assert (shown["wanted-0-sku"], shown["wanted-0-quantity"]) == ("TEA", "1")  # the same again
    action = f"{own}/do/exchange_return/{delivered['return_id']}"

    refused = browser.post(action, data=shown | {"wanted-0-sku": "NO-SUCH", "wanted-1-sku": "MUG"})
    assert refused.status_code == 422
    assert re.search(r'name="wanted-0-sku"[^>]*value="NO-SUCH"[^>]*aria-invalid="true"', refused.text)
    assert fields(refused.text)["wanted-1-sku"] == "MUG"
    done = browser.post(action, data=shown | {"wanted-0-sku": "MUG"})

    assert done.status_code == 303
    successor = browser.get(done.headers["Location"]).text
    assert "Product MUG" in successor
    assert own in successor  # it says for which order it is sent
    assert done.headers["Location"] in browser.get(f"{own}/shipment").text

    again = browser.post(action, data=fields(browser.get(form).text))
    assert again.status_code == 409
    assert "Something was sent in exchange already." in again.text


@pytest.mark.requirement("C-21")
def test_the_second_at_a_shipment_is_told_what_became_of_it_and_by_whom(life, sign_in):
    browser = sign_in((*SCOPES, "shipping:write"))
    own, change, shipment_id = editing(life)
    shown = fields(browser.get(f"{own}/shipment?act=edit_shipment-{shipment_id}").text)
    address = {"address": ADDRESS | {"city": "Bath"}}
    life.ask("shipping", "PATCH", f"/v1/shipments/{shipment_id}", json=address)

    refused = browser.post(change, data=shown | {"address.line1": "9 Wharf Yard"})

    assert refused.status_code == 412
    told = re.findall(r"<li><strong>(.+?)</strong> (.+?), .+</li>", refused.text)
    assert told == [("operator", "changed a shipment")]  # and not how it was planned
    assert fields(refused.text)["address.line1"] == "9 Wharf Yard"
    assert fields(refused.text)["address.city"] == "Bath"  # as the other has it: nobody typed anything there
    assert browser.post(change, data=fields(refused.text)).status_code == 303


@pytest.mark.requirement("C-19", "C-21")
def test_who_decides_about_a_return_second_is_told_so_though_its_form_is_gone(life, browser, delivered):
    own = f"/orders/{delivered['order_id']}"

    refused = browser.post(
        f"{own}/returns/{delivered['return_id']}/reject", data={"answer": "too late, by a week"}
    )

    assert refused.status_code == 409
    assert refused.text.count('class="fault"') == 1
    assert "Not possible at this stage." in refused.text
    assert "too late, by a week" in refused.text  # and what was written is not lost
    assert "What you had written" in refused.text


@pytest.mark.requirement("C-21")
def test_two_who_edit_an_order_undo_nothing_of_each_other_unseen(life, sign_in):
    browser = sign_in(("orders:read", "orders:write"))
    order = life.ask("orders", "GET", f"/v1/orders/{placed(life)['order_id']}")
    path, own = f"/v1/orders/{order['order_id']}", f"/orders/{order['order_id']}/edit"
    line = f"line-{order['lines'][0]['line_id']}-quantity"

    def change(**customer):
        edit = {"reason": "she rang", "customer": customer}
        life.ask("orders", "POST", f"{path}/edits", json=edit)

    mine = fields(browser.get(own).text, EDIT) | {"customer-phone": "0117 1", line: "3", "do": "save"}
    change(email="other@mail.example", phone="0117 2")
    invalid = browser.post(own, data=mine | {line: "x"})  # the reason is missing too
    assert invalid.status_code == 422
    stale = browser.post(
        own, data=fields(invalid.text, EDIT) | {line: "3", "reason": "rang too", "do": "save"}
    )

    assert stale.status_code == 412
    shown = fields(stale.text, EDIT)
    assert (shown["customer-phone"], shown[line], shown["reason"]) == ("0117 1", "3", "rang too")
    assert shown["customer-email"] == "other@mail.example"
    assert "Meanwhile it became: 0117 2" in stale.text
    assert stale.text.count("Meanwhile it became") == 1
    assert browser.post(own, data=shown | {"do": "save"}).status_code == 303
    now = life.ask("orders", "GET", path)
    assert (now["customer"]["email"], now["customer"]["phone"]) == ("other@mail.example", "0117 1")
    assert now["lines"][0]["quantity"] == 3


def test_what_our_own_services_did_stops_nobody_who_edits(life, sign_in):
    browser = sign_in(("orders:read", "orders:write"))
    order = placed(life)
    own = f"/orders/{order['order_id']}/edit"
    shown = fields(browser.get(own).text, EDIT)
    assert int(shown["version"]) > 1  # by what shipping made of it

    done = browser.post(
        own, data=shown | {"version": "1", "customer-phone": "1", "reason": "x", "do": "save"}
    )

    assert done.status_code == 303


@pytest.mark.requirement("C-21")
@pytest.mark.parametrize("sees_orders", [False, True])
def test_the_second_at_a_shipment_is_stopped_also_where_nobody_can_say_by_whom(life, sign_in, sees_orders):
    orders = httpx2.WSGITransport(app=life.made["orders"].app)

    def answer(request):
        is_history = request.url.path.endswith("/history")
        return httpx2.Response(503) if is_history else orders.handle_request(request)

    scopes = {"shipping:read", "shipping:write"} | ({"orders:read"} if sees_orders else set())
    browser = sign_in(scopes, orders=httpx2.MockTransport(answer))
    own, change, shipment_id = editing(life)
    shown = fields(browser.get(f"{own}/shipment?act=edit_shipment-{shipment_id}").text)
    life.ask("shipping", "POST", f"/v1/shipments/{shipment_id}/release")

    refused = browser.post(change, data=shown | {"address.line1": "9 Wharf Yard"})

    assert refused.status_code == 412
    assert "Nothing of yours was saved" in refused.text
    assert "9 Wharf Yard" in refused.text


@pytest.mark.requirement("C-45")
def test_shipments_show_while_orders_is_away(life, sign_in):
    orders = httpx2.WSGITransport(app=life.made["orders"].app)

    def answer(request):
        is_described = request.url.path == "/openapi.json"
        return orders.handle_request(request) if is_described else httpx2.Response(503)

    browser = sign_in((*SCOPES, "shipping:write"), orders=httpx2.MockTransport(answer))
    own, _, shipment_id = editing(life)

    page = browser.get(f"{own}/shipment")

    assert page.status_code == 200
    assert "Orders can't be reached now." in unescape(page.text)
    assert browser.post(f"{own}/shipments/{shipment_id}/release", data={"key": "r1"}).status_code == 303
    assert browser.get(own).status_code == 503


@pytest.mark.requirement("C-20")
@pytest.mark.parametrize("tab", ["details", "messages", "shipment"])
def test_a_refused_step_of_a_shipment_says_so_once_on_whichever_tab_it_was_taken(life, sign_in, tab):
    browser = sign_in((*SCOPES, "shipping:write"))
    own, _, shipment_id = editing(life)
    life.ask("shipping", "POST", f"/v1/shipments/{shipment_id}/release")

    refused = browser.post(f"{own}/shipments/{shipment_id}/release", data={"tab": tab, "version": "1"})

    assert refused.status_code == 412
    assert refused.text.count("Nothing of yours was saved") == 1
    # What is done from there leads back to the tab, which another address than the form's has.
    forms = set(re.findall(r'href="([^"?]*)\?(?:act=|")', refused.text))
    assert forms <= {own if tab == "details" else f"{own}/{tab}"}
    assert f'data-at="{own if tab == "details" else f"{own}/{tab}"}"' in refused.text


@pytest.mark.requirement("S4-01", "C-17")
def test_what_a_customer_wrote_is_marked_as_read_once(life, browser, delivered):
    settings = life.made["notifications"].app.extensions["settings"]
    token = make_token(
        settings.customer_link_keys, UUID(delivered["order_id"]), clock.now() + timedelta(days=1)
    )
    message = {"text": "Where is it?"}
    life.ask("notifications", "POST", f"/v1/customer/messages?token={token}", json=message)
    own = f"/orders/{delivered['order_id']}/messages"
    assert "Mark as read" in browser.get(own).text

    assert browser.post(f"{own}/read").status_code == 303

    shown = browser.get(own).text
    assert "Where is it?" in shown
    assert "Mark as read" not in shown
    assert "No answer needed" in shown  # whoever has read it still owes an answer
