"""A shop on a running system, driven over HTTP as its frontends would."""

import time
from collections.abc import Callable
from typing import Any, TypeVar
from uuid import uuid4

import httpx2

from deploy.local.databases import SERVICES
from deploy.local.stack import Stack
from tests.waiting import PATIENCE_SECONDS

T = TypeVar("T")

ADDRESS = {
    "name": "Ann Archer",
    "line1": "8 Wharf Yard",
    "city": "Bristol",
    "postcode": "BS1 4QA",
    "country": "GB",
    "phone": "+44 117 496 0108",
}
MARKET = {
    "name": "United Kingdom",
    "currency": "GBP",
    "locale": "en",
    "time_zone": "Europe/London",
    "tax_mode": "gross",
    "tax_rates": {"standard": 2000},
    "payment_methods": ["transfer", "cash_on_delivery", "online"],
    "shipping_methods": {"delivery": {"en": "Delivery", "es": "Envío"}},
    "backorders": True,
    "invoice_on": "acceptance",
}
SELLER = {
    "name": "Acme",
    "legal_name": "Acme Ltd",
    "email": "orders@acme.example",
    "phone": "+44 117 496 0100",
    "address": ADDRESS | {"name": "Acme Ltd"},
    "vat_number": "GB123456789",
}


class Shop:
    """One market, one seller and one location, and calls that fail loudly."""

    def __init__(self, stack: Stack, market: str = "gb", seller: str = "acme") -> None:
        self.stack = stack
        self.market = market
        self.seller = seller
        headers = {"Authorization": f"Bearer {stack.token()}"}
        self.clients = {
            service: httpx2.Client(base_url=stack.url(service), headers=headers, timeout=30)
            for service in SERVICES
        }

    def open(self, stock: dict[str, int], **market: Any) -> None:
        """Set up market, seller, location, and a product with stock for each SKU."""
        self.call("orders", "PUT", f"/v1/markets/{self.market}", json=MARKET | market)
        self.call("orders", "PUT", f"/v1/sellers/{self.seller}", json=SELLER)
        self.call("shipping", "PUT", "/v1/locations/main", json={"name": "Main", "country": "GB"})
        for sku, units in stock.items():
            product = {"name": f"Product {sku}", "prices": {self.market: 450}}
            self.call("orders", "PUT", f"/v1/sellers/{self.seller}/products/{sku}", json=product)
            count = {"on_hand": units, "reason": "counted"}
            self.call("shipping", "PUT", f"/v1/stock/main/{sku}", json=count)

    def order_body(
        self, *lines: tuple[str, int], method: str = "cash_on_delivery", **more: Any
    ) -> dict[str, Any]:
        """What a frontend sends to place an order."""
        return {
            "seller": self.seller,
            "market": self.market,
            "customer": {"name": "Ann Archer", "email": "ann@customers.example", "phone": "+44 117 496 0108"},
            "delivery_groups": [{"method": "delivery", "shipping_minor": 395, "address": ADDRESS}],
            "lines": [{"sku": sku, "quantity": quantity} for sku, quantity in lines],
            "payment_method": method,
            "channel": "web",
            **more,
        }

    def place(self, *lines: tuple[str, int], **more: Any) -> dict[str, Any]:
        """A new order."""
        placed: dict[str, Any] = self.call(
            "orders", "POST", "/v1/orders", json=self.order_body(*lines, **more)
        )
        return placed

    def call(self, service: str, method: str, path: str, **request: Any) -> Any:
        """What a service answers; raises AssertionError with its problem otherwise."""
        headers = {"Idempotency-Key": str(uuid4())} if method == "POST" else {}
        answer = self.clients[service].request(method, path, headers=headers, **request)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def eventually(self, ask: Callable[[], T], holds: Callable[[T], Any]) -> T:
        """Ask until the answer is as wanted; raises AssertionError with the last one where it never is."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not holds(answer := ask()):
            assert time.monotonic() < deadline, f"after {PATIENCE_SECONDS} s still: {answer}"
            time.sleep(0.05)
        return answer

    def close(self) -> None:
        """End the connections."""
        for client in self.clients.values():
            client.close()
