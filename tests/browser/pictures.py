"""Takes the pictures of the console for its documentation: `make pictures`.

A system of its own is started and filled with orders at each stage: a picture shows what a day looks like.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from deploy.local.environment import browser as installed_browser
from deploy.local.settings import ROOT, Settings, free_ports
from deploy.local.stack import Stack, remove
from deploy.main_job.catalogue import SELLERS
from tests.browser.conftest import FLAGS
from tests.shop import ADDRESS, Shop

FOLDER = ROOT / "docs" / "images" / "console"
GOODS = {
    "20711": ("Jumbo tote bag, toys", 208),
    "22423": ("Cake stand, three tiers", 1275),
    "84997B": ("Cutlery set, red retro, 3 pieces", 415),
}
LINES = (("22423", 1), ("20711", 4), ("84997B", 2))
BUYERS = ("Eleanor Whitcombe", "James Okafor", "Priya Raman", "Tom Baxter", "Grace Lindqvist", "Marcus Pell")
STEPS = ("release", "pick", "pack", "ship", "deliver")


class Day:
    """A shop in the middle of its day."""

    def __init__(self, stack: Stack) -> None:
        self.shop = Shop(stack, market="gb", seller="harbour")
        self.shop.open(dict.fromkeys(GOODS, 1000), payment_methods=["transfer", "cash_on_delivery"])
        self.shop.call("orders", "PUT", "/v1/sellers/harbour", json=SELLERS["harbour"])
        for sku, (name, price) in GOODS.items():
            product = {"name": name, "prices": {"gb": price}}
            self.shop.call("orders", "PUT", f"/v1/sellers/harbour/products/{sku}", json=product)

    def order(self, buyer: str, last: str | None = None, **more: Any) -> str:
        """An order of somebody that has come as far as a step of its shipment."""
        first, _, name = buyer.partition(" ")
        email = f"{first}.{name}@customers.example".lower()
        customer = {"name": buyer, "email": email, "phone": "+44 117 496 0108"}
        address = ADDRESS | {"name": buyer}
        groups = [{"method": "delivery", "shipping_minor": 395, "address": address}]
        wanted = {"customer": customer, "delivery_groups": groups, **more}
        order_id: str = self.shop.place(*LINES, **wanted)["order_id"]
        self._until(f"/v1/orders/{order_id}", lambda order: order["awaiting"] == [])
        if last:
            self.shop.call("orders", "POST", f"/v1/orders/{order_id}/accept")
            self._ship(order_id, last)
        return order_id

    def draft(self, buyer: str) -> str:
        """An order that is being taken down."""
        wanted = {
            "seller": "harbour",
            "market": "gb",
            "channel": "call",
            "customer": {"name": buyer, "phone": "+44 117 496 0108"},
            "lines": [{"sku": sku, "quantity": quantity} for sku, quantity in LINES],
            "delivery_groups": [{"method": "delivery", "address": ADDRESS | {"name": buyer}}],
        }
        draft_id: str = self.shop.call("orders", "POST", "/v1/drafts", json=wanted)["draft_id"]
        return draft_id

    def shipment(self, order_id: str) -> str:
        """The only shipment of an order."""
        [found] = self.shop.call("shipping", "GET", f"/v1/orders/{order_id}/shipments")["items"]
        shipment_id: str = found["shipment_id"]
        return shipment_id

    def _ship(self, order_id: str, last: str) -> None:
        path = f"/v1/orders/{order_id}/shipments"
        for step in STEPS[: STEPS.index(last) + 1]:
            [shipment] = self.shop.eventually(
                lambda: self.shop.call("shipping", "GET", path)["items"],
                lambda now, step=step: now[0]["actions"][step] is None,
            )
            body = {"json": {}} if step in {"ship", "deliver"} else {}
            self.shop.call("shipping", "POST", f"/v1/shipments/{shipment['shipment_id']}/{step}", **body)

    def _until(self, path: str, holds: Any) -> Any:
        return self.shop.eventually(lambda: self.shop.call("orders", "GET", path), holds)


@contextmanager
def _page(browser: Browser, stack: Stack, **options: Any) -> Iterator[Page]:
    language = options.pop("language", "en")
    width, height = options.pop("size", (1280, 800))
    context = browser.new_context(
        base_url=stack.console_url, viewport={"width": width, "height": height}, **options
    )
    context.add_cookies([{"name": "language", "value": language, "url": stack.console_url}])
    page = context.new_page()
    page.goto(stack.console_page)
    page.click("button[value=helen]")
    yield page
    context.close()


def _take(page: Page, address: str, name: str) -> None:
    page.goto(address, wait_until="networkidle")
    page.screenshot(path=FOLDER / f"{name}.png")


def main() -> None:
    """Start a system, fill it, and take every picture anew."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="pictures-")) / "data"
    with Stack(Settings(folder=folder, ports=free_ports())) as stack:
        day = Day(stack)
        for buyer, last in zip(BUYERS, (None, "release", "pick", "ship", "deliver", None), strict=True):
            order_id = day.order(buyer, last)
            if last == "ship":
                sent = order_id
            if last == "pick":
                picked = day.shipment(order_id)
        day.order("Harriet Stone", method="transfer")
        path = f"/v1/shipments/{picked}/scans"
        for code in ("22423", "20711", "20711"):
            day.shop.call("shipping", "POST", path, json={"code": code})
        taken_down = day.draft("Martin Ashby")
        day.shop.call("orders", "POST", f"/v1/orders/{order_id}/holds", json={"reason": "suspicious"})
        day.shop.call("orders", "POST", f"/v1/orders/{order_id}/tags", json={"add": ["gift"]})
        note = {"text": "Rang twice, nobody there. Try again on Monday."}
        day.shop.call("orders", "POST", f"/v1/orders/{order_id}/notes", json=note)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=installed_browser(), args=list(FLAGS))
            with _page(browser, stack) as page:
                _take(page, "/", "home")
                _take(page, "/orders", "orders")
                _take(page, f"/orders/{order_id}", "order")
                _take(page, f"/orders/{sent}/shipment", "shipment")
                _take(page, f"/drafts/{taken_down}", "new-order")
                _take(page, f"/warehouse/shipments/{picked}", "packing")
            with _page(browser, stack, size=(390, 800), color_scheme="dark", language="es") as page:
                _take(page, f"/orders/{sent}", "order-narrow")
            browser.close()
        day.shop.close()
    remove(folder)


if __name__ == "__main__":
    main()
