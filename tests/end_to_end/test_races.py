"""Two services decide about one order at the same moment, each by itself, and come to one end."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from uuid import uuid4

import pytest

from tests.chaos.databases import Databases
from tests.shop import Shop

pytestmark = pytest.mark.slow

RACES = 200
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


def made_ready(shop):
    """An order on the warehouse's table: packed, labelled, about to leave."""
    order_id = shop.place(("TEA", 1))["order_id"]
    shop.call("orders", "POST", f"/v1/orders/{order_id}/accept")
    path = f"/v1/shipments/{shipment_of(shop, order_id)['shipment_id']}"
    for action in ("release", "pick", "pack"):
        shop.eventually(
            lambda: shop.call("shipping", "GET", path), lambda now, a=action: now["actions"][a] is None, 120
        )
        shop.call("shipping", "POST", f"{path}/{action}")
    return order_id, path


def test_two_hundred_orders_cancelled_while_they_ship_end_as_one_or_the_other(shop):
    shop.open({"TEA": 1_000}, invoice_on="hand")
    with ThreadPoolExecutor(CLIENTS) as pool:
        ready = list(pool.map(lambda _: made_ready(shop), range(RACES)))
    rounds = count()

    def race(order_id, path):
        head_start = HEAD_STARTS[next(rounds) % len(HEAD_STARTS)]
        start = threading.Barrier(2)

        def ship():
            start.wait()
            time.sleep(head_start)
            return ask(shop, "shipping", f"{path}/ship", {})

        def cancel():
            start.wait()
            return ask(
                shop,
                "orders",
                f"/v1/orders/{order_id}/cancel",
                CANCELLATION,
            )

        with ThreadPoolExecutor(2) as pair:
            return [task.result() for task in (pair.submit(ship), pair.submit(cancel))]

    with ThreadPoolExecutor(CLIENTS // 2) as pool:
        refusals = list(pool.map(lambda each: race(*each), ready))

    ends = []
    for (order_id, path), (not_shipped, not_cancelled) in zip(ready, refusals, strict=True):
        order = shop.eventually(
            lambda order_id=order_id: shop.call("orders", "GET", f"/v1/orders/{order_id}"),
            lambda now: now["status"] != "cancelling",
            60,
        )
        shipment = shop.call("shipping", "GET", path)
        ends.append((order["status"], shipment["status"]))
        if shipment["status"] == "shipped":
            assert not_shipped is None
            assert not_cancelled == "already_shipped" or order["cancellation"]["refusal"] == "already_shipped"
        else:
            assert not_shipped == "shipment_cancelled"
            assert not_cancelled is None
    assert set(ends) == {("cancelled", "cancelled"), ("accepted", "shipped")}


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
