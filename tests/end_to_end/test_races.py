"""Two services decide about one order at the same moment, each by itself, and come to one end."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from uuid import uuid4

import pytest

from tests.chaos.databases import Databases
from tests.shop import ADDRESS, Shop

pytestmark = pytest.mark.slow

RACES = 200
# How goods leave, and what comes before. A parcel needs its papers first, so one race in four is about one.
PARCEL, DOWNLOAD = "delivery", "download"
STEPS = {PARCEL: ("release", "pick", "pack"), DOWNLOAD: ("release",)}
LEAVING = {PARCEL: ("ship", {}), DOWNLOAD: ("provide", {"download_url": "https://acme.example/tea.pdf"})}
LEFT = {PARCEL: "shipped", DOWNLOAD: "delivered"}
CANCELLATION = {"reason": "changed my mind", "confirm": True}
CLIENTS = 8
CUSTOMERS = 40
# How long the warehouse waits: sometimes too short for the cancellation and the event that tells of it.
HEAD_STARTS = [0, 0.01, 0.02, 0.03, 0.05, 0.08, 0.12, 0.2, 0.4, 1.0]


@pytest.fixture
def shop(stack):
    """A shop of its own, beside that of the other tests."""
    shop = Shop(stack, market="hand", seller="racing")
    yield shop
    shop.close()


def ask(shop, service, path, body=None):
    """Ask for a command; answers the reason of a refusal, or None."""
    answer = shop.clients[service].post(path, json=body, headers={"Idempotency-Key": str(uuid4())})
    assert answer.status_code in {200, 201, 409}, answer.text
    return answer.json().get("reason") if answer.status_code == 409 else None


def shipment_of(shop, order_id):
    def shipments():
        answer = shop.clients["shipping"].get(f"/v1/orders/{order_id}/shipments")
        return answer.json()["items"] if answer.is_success else []

    [shipment] = shop.eventually(shipments, bool, 60)
    return shipment


def made_ready(shop, method):
    """An order about to leave: on the warehouse's table, packed and labelled, or a file to be linked to."""
    group = {"method": method, "shipping_minor": 0, "address": ADDRESS}
    order_id = shop.place(("TEA", 1), delivery_groups=[group])["order_id"]
    shop.call("orders", "POST", f"/v1/orders/{order_id}/accept")
    path = f"/v1/shipments/{shipment_of(shop, order_id)['shipment_id']}"
    for action in STEPS[method]:
        shop.eventually(
            lambda: shop.call("shipping", "GET", path), lambda now, a=action: now["actions"][a] is None, 120
        )
        shop.call("shipping", "POST", f"{path}/{action}")
    return order_id, path, method


def test_two_hundred_orders_cancelled_while_they_leave_end_as_one_or_the_other(shop):
    methods = {method: {"en": method} for method in STEPS}
    shop.open({"TEA": 1_000}, invoice_on="hand", shipping_methods=methods)
    wanted = [PARCEL if place % 4 == 0 else DOWNLOAD for place in range(RACES)]
    with ThreadPoolExecutor(CLIENTS) as pool:
        ready = list(pool.map(lambda method: made_ready(shop, method), wanted))
    rounds = count()

    def race(order_id, path, method):
        action, body = LEAVING[method]
        head_start = HEAD_STARTS[next(rounds) % len(HEAD_STARTS)]
        start = threading.Barrier(2)

        def leave():
            start.wait()
            time.sleep(head_start)
            return ask(shop, "shipping", f"{path}/{action}", body)

        def cancel():
            start.wait()
            return ask(shop, "orders", f"/v1/orders/{order_id}/cancel", CANCELLATION)

        with ThreadPoolExecutor(2) as pair:
            return [task.result() for task in (pair.submit(leave), pair.submit(cancel))]

    with ThreadPoolExecutor(CLIENTS // 2) as pool:
        refusals = list(pool.map(lambda each: race(*each), ready))

    ends = []
    for (order_id, path, method), (not_left, not_cancelled) in zip(ready, refusals, strict=True):
        order = shop.eventually(
            lambda order_id=order_id: shop.call("orders", "GET", f"/v1/orders/{order_id}"),
            lambda now: now["status"] != "cancelling",
            60,
        )
        shipment = shop.call("shipping", "GET", path)
        if shipment["status"] == LEFT[method]:
            assert order["status"] == "accepted"
            assert not_left is None
            assert not_cancelled == "already_shipped" or order["cancellation"]["refusal"] == "already_shipped"
        else:
            assert (order["status"], shipment["status"]) == ("cancelled", "cancelled")
            assert not_left == "shipment_cancelled"
            assert not_cancelled is None
        ends.append((method, shipment["status"]))
    assert set(ends) == {(method, end) for method, left in LEFT.items() for end in ("cancelled", left)}


@pytest.mark.requirement("F-09")
def test_of_many_orders_for_the_last_unit_one_gets_it_and_the_next_one_after_it(shop):
    shop.open({"LAST": 1})

    with ThreadPoolExecutor(CLIENTS) as pool:
        orders = list(pool.map(lambda _: shop.place(("LAST", 1))["order_id"], range(CUSTOMERS)))

    shipments = {order_id: shipment_of(shop, order_id) for order_id in orders}
    [winner] = [order for order, shipment in shipments.items() if shipment["status"] == "inventory_assigned"]
    assert {shipments[order]["status"] for order in orders if order != winner} == {"awaiting_inventory"}

    shop.call("orders", "POST", f"/v1/orders/{winner}/cancel", json=CANCELLATION)

    longest_wait = min((shipments[order]["shipment_id"], order) for order in orders if order != winner)[1]
    shop.eventually(
        lambda: shipment_of(shop, longest_wait), lambda now: now["status"] == "inventory_assigned", 60
    )
    levels = Databases(shop.stack).rows("shipping", "select * from stock_levels where sku = 'LAST'")
    assert [(level["on_hand"], level["reserved"]) for level in levels] == [(1, 1)]
    assigned = [order for order in orders if shipment_of(shop, order)["status"] == "inventory_assigned"]
    assert assigned == [longest_wait]
