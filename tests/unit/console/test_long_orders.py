"""An order of 500 lines opens like one of two: the console and the four services, all in this process."""

import gzip
import json
import time

import httpx2
import pytest

from deploy.local.databases import SERVICES
from shared.access import ROLES
from tests.benchmarks.statements import four_services, open_shop
from tests.shop import ADDRESS

TABS = ("", "/shipment", "/messages", "/history", "/documents")
MANY = 500
# On a machine that others keep busy; what it takes on a quiet one is measured by make bench.
PATIENCE_SECONDS = 6
MOST_BYTES = 30_000


@pytest.fixture(scope="module")
def life():
    with four_services() as life:
        open_shop(life)
        yield life


@pytest.fixture(scope="module")
def orders(life):
    """The addresses of an order of two lines and of one of 500, each with all its events heard."""

    def place(lines):
        wanted = {
            "seller": "acme",
            "market": "gb",
            "customer": {"name": "Ann Archer", "email": "ann@customers.example", "phone": ""},
            "delivery_groups": [{"method": "delivery", "shipping_minor": 395, "address": ADDRESS}],
            "lines": [{"sku": "TEA", "quantity": 1} for _ in range(lines)],
            "payment_method": "transfer",
        }
        return life.ask("orders", "POST", "/v1/orders", json=wanted)["order_id"]

    return {lines: f"/orders/{place(lines)}" for lines in (2, MANY)}


class Counted(httpx2.BaseTransport):
    """The way to a service's application, and what was asked of it."""

    def __init__(self, app):
        self.way, self.asked = httpx2.WSGITransport(app=app), []

    def handle_request(self, request):
        self.asked.append(f"{request.method} {request.url.path}")
        return self.way.handle_request(request)


@pytest.fixture
def look(life, make_console):
    """A page as Helen's browser gets it, its size, and what was asked for it of services and databases."""
    scopes = sorted(ROLES["seller_staff"])
    person = {
        "id": "helen",
        "name": "Helen",
        "role": "seller_staff",
        "place": "",
        "language": "en",
        "scopes": scopes,
        "token": life.keys.token("helen", scopes=scopes),
        "expires_at": time.time() + 3600,
    }
    ways = {service: Counted(life.made[service].app) for service in SERVICES}
    browser = make_console(ways, local_people=json.dumps([person]))
    browser.post("/login", data={"person": "helen"})
    browser.get("/orders")  # markets, sellers and the services' descriptions are read now

    def look(address):
        for way in ways.values():
            way.asked.clear()
        life.log.new()
        begun = time.monotonic()
        page = browser.get(address, headers={"Accept-Encoding": "gzip"})
        taken = time.monotonic() - begun
        statements = life.log.new()
        del statements["DEALLOCATE"]  # of what the driver had prepared: by how often, not by what is asked
        asked = sum(len(way.asked) for way in ways.values())
        assert page.status_code == 200, address
        packed = page.get_data()
        text = gzip.decompress(packed) if page.headers.get("Content-Encoding") == "gzip" else packed
        return text.decode(), len(packed), asked, statements, taken

    return look


@pytest.mark.requirement("C-32")
@pytest.mark.parametrize("tab", TABS)
def test_500_lines_take_as_much_asking_as_two_and_little_to_send(look, orders, tab):
    _, _, asked_of_two, statements_of_two, _ = look(orders[2] + tab)

    page, size, asked, statements, _ = look(orders[MANY] + tab)

    assert 'class="missing"' not in page
    assert asked == asked_of_two <= 6
    assert statements == statements_of_two
    assert size < MOST_BYTES


@pytest.mark.requirement("C-32")
def test_every_line_is_shown_soon(look, orders):
    pages = [look(orders[MANY]) for _ in range(3)]
    shipment, *_ = look(f"{orders[MANY]}/shipment")

    shown, *_ = pages[0]
    assert shown.count("<small>TEA</small>") == shown.count("Product TEA") == MANY
    assert shipment.count("Product TEA") == MANY
    assert min(taken for *_, taken in pages) < PATIENCE_SECONDS
