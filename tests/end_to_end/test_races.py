"""Two services decide about one order at the same moment, each by itself, and come to one end."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from tests.chaos.databases import Databases
from tests.shop import ADDRESS, Shop

pytestmark = pytest.mark.slow

# Of the ends only one may be left out by chance: there are more races until both were seen, but not for ever.
RACES_OF_A_ROUND, ROUNDS = 24, 8
# How goods leave, and what comes before. A parcel needs its papers first, so one race in four is about one.
PARCEL, DOWNLOAD = "delivery", "download"
STEPS = {PARCEL: ("release", "pick", "pack"), DOWNLOAD: ("release",)}
LEAVING = {PARCEL: ("ship", {}), DOWNLOAD: ("provide", {"download_url": "https://acme.example/tea.pdf"})}
LEFT = {PARCEL: "shipped", DOWNLOAD: "delivered"}
CANCELLATION = {"reason": "changed my mind", "confirm": True}
CLIENTS = 8
CUSTOMERS = 24
# By how many seconds the cancellation comes first, or below 0 the goods; no machine is slower than the ends.
HEAD_STARTS = [*(-0.01 * 2**step for step in range(10, -1, -1)), 0, *(0.01 * 2**step for step in range(14))]


class HeadStarts:
    """Head starts near the one at which either may win, wherever that is on this machine, under its load.

    Goods that left give the next cancellation a longer one; a cancellation in time, a shorter one.
    """

    def __init__(self):
        self._place = HEAD_STARTS.index(0)
        self._lock = threading.Lock()

    def next(self):
        """By how many seconds the next cancellation comes first."""
        return HEAD_STARTS[self._place]

    def learn(self, *, left):
        """Take in how a race ended."""
        with self._lock:
            self._place = min(max(self._place + (1 if left else -1), 0), len(HEAD_STARTS) - 1)


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

    [shipment] = shop.eventually(shipments, bool)
    return shipment


def made_ready(shop, method):
    """An order about to leave: on the warehouse's table, packed and labelled, or a file to be linked to."""
    group = {"method": method, "shipping_minor": 0, "address": ADDRESS}
    order_id = shop.place(("TEA", 1), delivery_groups=[group])["order_id"]
    shop.call("orders", "POST", f"/v1/orders/{order_id}/accept")
    path = f"/v1/shipments/{shipment_of(shop, order_id)['shipment_id']}"
    for action in STEPS[method]:
        shop.eventually(
            lambda: shop.call("shipping", "GET", path), lambda now, a=action: now["actions"][a] is None
        )
        shop.call("shipping", "POST", f"{path}/{action}")
    return order_id, path, method


def race(shop, head_starts, order_id, path, method):
    """Let goods leave while their order is cancelled; answers what was refused to the one and the other."""
    action, body = LEAVING[method]
    head_start = head_starts.next()
    start = threading.Barrier(2)

    def leave():
        start.wait()
        time.sleep(max(head_start, 0))
        return ask(shop, "shipping", f"{path}/{action}", body)

    def cancel():
        start.wait()
        time.sleep(max(-head_start, 0))
        return ask(shop, "orders", f"/v1/orders/{order_id}/cancel", CANCELLATION)

    with ThreadPoolExecutor(2) as pair:
        refusals = [task.result() for task in (pair.submit(leave), pair.submit(cancel))]
    head_starts.learn(left=refusals[0] is None)
    return refusals


def round_of_races(shop, head_starts):
    """Race as many orders as a round has; answers how each method ended, each end checked."""
    wanted = [PARCEL if place % 4 == 0 else DOWNLOAD for place in range(RACES_OF_A_ROUND)]
    with ThreadPoolExecutor(CLIENTS) as pool:
        ready = list(pool.map(lambda method: made_ready(shop, method), wanted))
    with ThreadPoolExecutor(CLIENTS // 2) as pool:
        refusals = list(pool.map(lambda each: race(shop, head_starts[each[-1]], *each), ready))
    for (order_id, path, method), (not_left, not_cancelled) in zip(ready, refusals, strict=True):
        order = shop.eventually(
            lambda order_id=order_id: shop.call("orders", "GET", f"/v1/orders/{order_id}"),
            lambda now: now["status"] != "cancelling",
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
        yield method, shipment["status"]


@pytest.mark.requirement("V-22")
def test_orders_cancelled_while_they_leave_end_as_one_or_the_other(shop):
    methods = {method: {"en": method} for method in STEPS}
    shop.open({"TEA": 1_000}, invoice_on="hand", shipping_methods=methods)
    head_starts = {method: HeadStarts() for method in STEPS}
    both_ends = {(method, end) for method, left in LEFT.items() for end in ("cancelled", left)}

    seen = set()
    for _ in range(ROUNDS):
        seen |= set(round_of_races(shop, head_starts))
        if seen == both_ends:
            break

    assert seen == both_ends


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
        lambda: shipment_of(shop, longest_wait), lambda now: now["status"] == "inventory_assigned"
    )
    levels = Databases(shop.stack).rows("shipping", "select * from stock_levels where sku = 'LAST'")
    assert [(level["on_hand"], level["reserved"]) for level in levels] == [(1, 1)]
    assigned = [order for order in orders if shipment_of(shop, order)["status"] == "inventory_assigned"]
    assert assigned == [longest_wait]
