"""The load: people who place, pay, accept, cancel and ship, over hot and new orders, at a steady pace."""

import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from tests.chaos.clients import Client, Ledger
from tests.shop import Shop

PLENTY = {f"TEA-{number}": 1_000_000 for number in range(8)}
SCARCE = {f"LAST-{number}": 40 for number in range(4)}
SHOPPERS = 12
HOT_ORDERS = 4
HOT_PAYMENTS = 150  # after which an order has cooled down and another one is hot
FULFILLED_AT_A_TIME = 60
WAREHOUSE_SECONDS = 60  # for how long the warehouse waits for a label or an acceptance


class Pace:
    """So many commands a second together, whoever gives them."""

    def __init__(self):
        self.per_second = 1.0
        self._next = time.monotonic()
        self._lock = threading.Lock()

    def wait(self):
        """Wait for the next command's turn; what could not be given in time is not made up for."""
        with self._lock:
            now = time.monotonic()
            self._next = max(self._next, now) + 1 / self.per_second
            due = self._next
        time.sleep(max(0, due - now))


class Load:
    """Shoppers with a few orders in hand each, and a warehouse that gets one order a second."""

    def __init__(self, stack, ledger: Ledger, seed: int):
        self.ledger = ledger
        self.pace = Pace()
        self.fulfilled_per_second = 1.0
        self._stack = stack
        self._seed = seed
        self._token = stack.token()
        self.shop = Shop(stack)
        self._hot: list[str] = []
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    def open_shop(self):
        """Market, seller, products and stock; of some products too little."""
        self.shop.open(PLENTY | SCARCE)

    def start(self):
        """Begin, or begin again."""
        self._stopping.clear()
        work = [self._shop_around] * SHOPPERS + [self._hand_to_warehouse]
        self._threads = [
            threading.Thread(target=each, args=(self._chance(number),), daemon=True)
            for number, each in enumerate(work)
        ]
        for thread in self._threads:
            thread.start()

    def stop(self):
        """Let everybody end what they are at; what was asked is asked on until it is answered."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def close(self):
        """End the connections of the shop; the clients end their own."""
        self.shop.close()

    def commands(self):
        """How many commands came to which outcome."""
        return Counter(entry["outcome"] for entry in self.ledger.entries)

    def _chance(self, number):
        return random.Random(f"{self._seed}:{number}:{len(self.ledger.entries)}")

    def _client(self, chance):
        addresses = {service: self._stack.url(service) for service in ("orders", "shipping")}
        return Client(addresses, self._token, self.ledger, chance)

    def _shop_around(self, chance):
        client = self._client(chance)
        while not self._stopping.is_set():
            if chance.random() < 0.5:
                self._pay_hot_order(client, chance)
            else:
                self._place_and_waver(client, chance)
        client.close()

    def _pay_hot_order(self, client, chance):
        """Small sums on few orders: many events about one order, close together."""
        if len(self._hot) < HOT_ORDERS:
            if order := self._place(client, chance, "transfer"):
                self._hot.append(order["order_id"])
            return
        place = chance.randrange(HOT_ORDERS)
        order_id = self._hot[place]
        self._pay(client, chance, order_id, amount_minor=1)
        if chance.random() < 1 / HOT_PAYMENTS and (order := self._place(client, chance, "transfer")):
            self._hot[place] = order["order_id"]

    def _place_and_waver(self, client, chance):
        order = self._place(client, chance, "transfer")
        for _ in range(chance.randrange(3)):
            if order and not self._stopping.is_set():
                self._pay(client, chance, order["order_id"], amount_minor=chance.randint(1, 300))
        if order and chance.random() < 0.4:
            self._cancel(client, chance, order["order_id"])

    def _hand_to_warehouse(self, chance):
        with ThreadPoolExecutor(FULFILLED_AT_A_TIME) as pool:
            at_work = []
            while not self._stopping.wait(1 / self.fulfilled_per_second):
                at_work = [task for task in at_work if not task.done()]
                if len(at_work) < FULFILLED_AT_A_TIME:
                    at_work.append(pool.submit(self._fulfil, random.Random(chance.random())))

    def _fulfil(self, chance):
        """An order's whole way out of the door; now and then somebody wants it cancelled meanwhile."""
        client = self._client(chance)
        order = self._place(client, chance, "cash_on_delivery")
        if order is None:
            client.close()
            return
        order_id = order["order_id"]
        self._command(client, "orders", "accept", f"/v1/orders/{order_id}/accept", order_id=order_id)
        change_of_mind = None
        if chance.random() < 0.35:
            twin = random.Random(chance.random())
            change_of_mind = threading.Timer(chance.uniform(0, 4), self._cancel_apart, (twin, order_id))
            change_of_mind.start()
        for shipment in self._shipments(client, order_id):
            for action in ("release", "pick", "pack", "ship", "deliver"):
                if not self._handle(client, chance, order_id, shipment["shipment_id"], action):
                    break
        if chance.random() < 0.5:
            self._pay(client, chance, order_id)
        if change_of_mind is not None:
            change_of_mind.join()
        client.close()

    def _handle(self, client, chance, order_id, shipment_id, action):
        path = f"/v1/shipments/{shipment_id}"
        deadline = time.monotonic() + WAREHOUSE_SECONDS
        while not self._stopping.is_set() and time.monotonic() < deadline:
            shipment = client.get("shipping", path)
            if shipment is None or (shipment["actions"][action] or {}).get("reason") in {
                "label_not_ready",
                "order_not_accepted",
                "awaiting_inventory",
            }:
                self._stopping.wait(chance.uniform(1, 2))
                continue
            body = {} if action == "ship" else None
            return self._command(
                client, "shipping", action, f"{path}/{action}", body, order_id=order_id, thing=shipment_id
            )
        return None

    def _shipments(self, client, order_id):
        deadline = time.monotonic() + WAREHOUSE_SECONDS
        while not self._stopping.wait(1) and time.monotonic() < deadline:
            if (found := client.get("shipping", f"/v1/orders/{order_id}/shipments")) and found["items"]:
                return found["items"]
        return []

    def _place(self, client, chance, method):
        skus = chance.sample(sorted(PLENTY), chance.randint(1, 3))
        if chance.random() < 0.1:
            skus.append(chance.choice(sorted(SCARCE)))
        reference = f"{chance.getrandbits(64):016x}"
        body = self.shop.order_body(
            *((sku, chance.randint(1, 3)) for sku in skus), method=method, external_reference=reference
        )
        return self._command(client, "orders", "place", "/v1/orders", body, thing=reference)

    def _pay(self, client, chance, order_id, **amount):
        reference = f"{chance.getrandbits(64):016x}"
        path = f"/v1/orders/{order_id}/payments"
        body = {"reference": reference, **amount}
        self._command(client, "orders", "pay", path, body, order_id=order_id, thing=reference)

    def _cancel(self, client, chance, order_id):
        reason = f"{chance.getrandbits(64):016x}"
        path = f"/v1/orders/{order_id}/cancel"
        body = {"reason": reason, "confirm": True}
        self._command(client, "orders", "cancel", path, body, order_id=order_id, thing=reason)

    def _cancel_apart(self, chance, order_id):
        client = self._client(chance)
        self._cancel(client, chance, order_id)
        client.close()

    def _command(self, client, service, command, path, body=None, **noted):
        self.pace.wait()
        return client.command(service, command, path, body, **noted)
