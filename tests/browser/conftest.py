"""Chromium at the console of a whole running system; one of both for all browser tests."""

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID, uuid4

import httpx2
import pytest
from playwright.sync_api import expect, sync_playwright

from deploy.local.environment import browser as installed_browser
from deploy.local.settings import Settings, free_ports
from deploy.local.stack import Stack, remove
from shared import clock
from shared.customer_tokens import make_token
from tests.shop import Shop
from tests.waiting import PATIENCE_SECONDS

FLAGS = (
    "--headless",
    "--no-sandbox",  # in containers, where tests run as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE_MILLISECONDS = PATIENCE_SECONDS * 1000
expect.set_options(timeout=PATIENCE_MILLISECONDS)  # of itself it gives up after five seconds


@pytest.fixture(scope="package")
def chromium():
    """The browser; where there is none the tests are skipped, but never in CI."""
    program = installed_browser()
    if program is None:
        if os.environ.get("CI"):
            pytest.fail("CI has to have Chromium: apt-get install chromium")
        pytest.skip("no Chromium here: apt-get install chromium")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        yield running
        running.close()


@pytest.fixture(scope="package")
def stack(tmp_path_factory, chromium):
    folder = tmp_path_factory.mktemp("browser") / "data"
    with Stack(Settings(folder=folder, ports=free_ports())) as running:
        yield running
    remove(folder)


@pytest.fixture(scope="package")
def shop(stack):
    """The demo's seller `harbour`, whose people the console knows, with goods in stock."""
    shop = Shop(stack, market="gb", seller="harbour")
    shop.open({"TEA-250": 100_000, "CUP-1": 100_000}, payment_methods=["transfer", "cash_on_delivery"])
    yield shop
    shop.close()


@pytest.fixture
def open_browser(stack, chromium):
    """A browser of its own for a person, with its page already signed in."""
    contexts = []

    def open_as(person, *, language="en", width=1280, height=900, script=True, scheme="light"):
        context = chromium.new_context(
            viewport={"width": width, "height": height},
            java_script_enabled=script,
            color_scheme=scheme,
            base_url=stack.console_url,
            locale="en-GB",
        )
        context.set_default_timeout(PATIENCE_MILLISECONDS)
        context.add_cookies([{"name": "language", "value": language, "url": stack.console_url}])
        contexts.append(context)
        # What the login's page sends, without showing that page once more for each test.
        own = {"max_redirects": 0, "headers": {"Origin": stack.console_url}}
        context.request.get(stack.console_page, **own)  # with the key that make up prints
        context.request.post("/login", form={"person": person}, **own)
        page = context.new_page()
        page.goto("/")
        return page

    yield open_as
    for context in contexts:
        context.close()


@pytest.fixture
def place(shop):
    """A new order whose stock shipping has promised."""

    def placed(*lines, **more):
        order = shop.place(*(lines or (("TEA-250", 2),)), **more)
        return shop.eventually(
            lambda: shop.call("orders", "GET", f"/v1/orders/{order['order_id']}"),
            lambda now: now["awaiting"] == [],
        )

    return placed


@pytest.fixture
def many(shop):
    """As many orders of one customer as asked for, and that customer's name; what was made before counts."""

    def make(count):
        name = f"Quill Number{count}"
        found = shop.call("orders", "GET", f"/v1/orders/matching?name={name}")
        wanted = {"customer": {"name": name, "email": "quill@customers.example", "phone": ""}}
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _: shop.place(("TEA-250", 1), **wanted), range(count - found["count"])))
        return name

    return make


@pytest.fixture
def somebody():
    """A name that no other order has."""
    return f"Zora {uuid4().hex[:10]}"


@pytest.fixture
def write(shop, stack):
    """Have an order's customer write."""

    def said(order, text):
        keys = stack.keys.customer_link_keys.split(",")
        token = make_token(keys, UUID(order["order_id"]), clock.now() + timedelta(days=1))
        address = f"{stack.url('notifications')}/v1/customer/messages?token={token}"
        answer = shop.eventually(
            lambda: httpx2.post(address, json={"text": text}), lambda answer: answer.status_code != 404
        )
        assert answer.status_code == 201, answer.text

    return said
