"""Forms of the catalogue: what they send, and what they would change shown before it is sent."""

import json
import re
from urllib.parse import quote

import httpx2
import pytest

from tests.unit.console.conftest import answering

MARKET = {
    "market": "gb",
    "name": "United Kingdom",
    "currency": "GBP",
    "time_zone": "Europe/London",
    "tax_mode": "gross",
    "tax_rates": {"standard": 2000, "zero": 0},
}
PRODUCT = {
    "seller": "quay",
    "sku": "TEA-250",
    "version": 7,
    "name": "Assam tea",
    "description": "",
    "page_url": "",
    "tax_class": "standard",
    "sales_coefficient": 1,
    "active": True,
    "prices": {"gb": 450, "moon": 9},  # of a market that this person's page has no name of
}
COUPON = {
    "seller": "quay",
    "market": "gb",
    "code": "SPRING",
    "version": 2,
    "name": "Spring sale",
    "percentage_basis_points": 1000,
    "amount_minor": None,
    "free_shipping": False,
    "minimum_minor": None,
    "most_uses": None,
    "most_uses_per_customer": None,
    "valid_from": None,
    "valid_until": "2999-06-30T23:00:00+00:00",
    "active": True,
}
OWN = "/catalogue/products/quay/TEA-250"
FILLED = {
    "name": "Assam tea",
    "prices.gb": "4.50",
    "kept_prices.moon": "9",
    "tax_class": "standard",
    "sales_coefficient": "1",
    "active": "yes",
    "key": "k1",
    "version": "7",
}


@pytest.fixture
def orders():
    written = []

    def write(request):
        written.append(request)
        return httpx2.Response(200, json=PRODUCT)

    service = answering(
        "orders",
        {
            ("GET", "/v1/markets"): {"items": [MARKET], "next": None},
            ("GET", "/v1/sellers"): {"items": [{"seller": "quay", "name": "Quay Tea"}], "next": None},
            ("GET", "/v1/sellers/quay/products/TEA-250"): PRODUCT,
            ("PUT", "/v1/sellers/quay/products/{sku}"): write,
            ("GET", "/v1/sellers/quay/markets/gb/coupons/SPRING"): COUPON,
            ("PUT", "/v1/sellers/quay/markets/gb/coupons/{coupon}"): write,
        },
    )
    service.written = written
    return service


@pytest.fixture
def console(make_console, orders):
    console = make_console({"orders": orders})
    console.post("/login", data={"person": "helen"})
    return console


def mark_in(page):
    return re.search(r'name="reviewed" value="(\w+)"', page.text)[1]


def test_a_change_is_shown_before_it_is_made(console, orders):
    changed = FILLED | {"prices.gb": "45.00", "name": "Assam"}

    look = console.post(f"{OWN}/change", data=changed)

    assert look.status_code == 200
    assert orders.written == []
    rows = re.findall(r"<tr><th scope=\"row\".*?</tr>", look.text)
    assert len(rows) == 2
    assert "£4.50" in rows[1]
    assert "£45.00" in rows[1]

    done = console.post(f"{OWN}/change", data=changed | {"reviewed": mark_in(look)})

    assert (done.status_code, done.location) == (303, OWN)
    [sent] = orders.written
    assert json.loads(sent.content)["prices"] == {"gb": 4500, "moon": 9}
    assert (sent.headers["If-Match"], sent.headers["Idempotency-Key"]) == ('"7"', "k1")


def test_what_is_changed_after_the_look_is_looked_at_again(console, orders):
    mark = mark_in(console.post(f"{OWN}/change", data=FILLED | {"prices.gb": "4.75"}))

    again = console.post(f"{OWN}/change", data=FILLED | {"prices.gb": "475", "reviewed": mark})

    assert again.status_code == 200
    assert "£475.00" in again.text
    assert orders.written == []


def test_a_new_product_that_is_there_already_is_not_overwritten_unseen(console, orders):
    look = console.post("/catalogue/new", data=FILLED | {"seller": "quay", "sku": "TEA-250", "name": "Other"})

    assert orders.written == []
    assert "There is one of this name already" in look.text
    assert "Assam tea" in look.text
    assert f'action="{OWN}/change"' in look.text
    assert 'name="version" value="7"' in look.text

    made = console.post("/catalogue/new", data=FILLED | {"seller": "quay", "sku": "NEW-1"})

    assert made.status_code == 303
    assert len(orders.written) == 1


@pytest.mark.requirement("C-20")
@pytest.mark.parametrize(("form", "code"), [("new", "sku"), ("coupons/new", "coupon")])
def test_a_code_of_blanks_is_named_and_all_else_that_was_typed_stays(console, orders, form, code):
    typed = FILLED | {"seller": "quay", "market": "gb", "name": "Typed with care", code: "  "}

    refused = console.post(f"/catalogue/{form}", data=typed)

    assert refused.status_code == 422
    assert f'href="#{"product" if code == "sku" else code}-{code}"' in refused.text
    assert "Typed with care" in refused.text
    assert orders.written == []


@pytest.mark.parametrize("sku", ["..", ".", "#?%"])
def test_a_sku_is_one_part_of_an_address_whatever_is_in_it(console, orders, sku):
    console.post("/catalogue/new", data=FILLED | {"seller": "quay", "sku": sku})

    [sent] = orders.written
    assert (
        sent.url.raw_path.decode() == f"/v1/sellers/quay/products/{quote(sku, safe='').replace('.', '%2E')}"
    )


def test_a_coupon_is_written_in_percent_and_by_the_markets_clock(console, orders):
    own = "/catalogue/coupons/quay/gb/SPRING"
    page = console.get(own).text
    assert 'value="10"' in page
    assert 'value="2999-07-01T00:00"' in page
    filled = {"name": "Spring sale", "percentage_basis_points": "12,5", "valid_until": "2999-07-02T00:00"}

    look = console.post(own, data=filled | {"active": "yes"})
    assert "12.5 %" in look.text
    console.post(own, data=filled | {"active": "yes", "reviewed": mark_in(look)})

    body = json.loads(orders.written[0].content)
    assert (body["percentage_basis_points"], body["valid_until"]) == (1250, "2999-07-01T23:00:00+00:00")
