"""Before a file is made the console says of how many orders, as far as anybody counts."""

import httpx2
import pytest

from shared.access import ROLES
from tests.unit.console.conftest import answering

PAGE = {"items": [], "next": None}


@pytest.fixture
def open_export(make_console, people):
    """The page before an export, of a list of so many orders."""

    def opened(answer, role="seller_staff", address="/orders/export?status=placed&tag=gift"):
        orders = answering(
            "orders",
            {("GET", "/v1/orders"): answer, ("GET", "/v1/markets"): PAGE, ("GET", "/v1/sellers"): PAGE},
        )
        browser = make_console({"orders": orders}, local_people=people(role))
        browser.post("/login", data={"person": "helen"})
        return browser.get(address), orders

    return opened


@pytest.mark.requirement("C-27")
@pytest.mark.parametrize(
    ("count", "capped", "title"),
    [
        (0, False, "Export 0 orders"),
        (1, False, "Export 1 order"),
        (1000, False, "Export 1000 orders"),
        (1000, True, "Export more than 1000 orders"),
    ],
)
def test_it_says_how_many_orders_it_will_give(open_export, count, capped, title):
    page, orders = open_export(PAGE | {"count": count, "count_is_capped": capped})

    assert f"<h1>{title}</h1>" in page.text
    assert ("/orders/export.csv?tag=gift&amp;status=placed" in page.text) is (count > 0)
    [asked] = [one for one in orders.asked if one.url.path == "/v1/orders"]
    assert asked.url.params.multi_items() == [
        ("tag", "gift"),
        ("status", "placed"),
        ("limit", "1"),
        ("count", "true"),
    ]


@pytest.mark.requirement("C-05", "C-27")
def test_what_the_list_refuses_leads_back_to_it(open_export):
    problem = {"status": 422, "detail": "", "errors": [{"field": "status.0", "reason": "no"}]}

    page, _ = open_export(lambda _: httpx2.Response(422, json=problem))

    assert (page.status_code, page.headers["Location"]) == (303, "/orders?tag=gift&status=placed")


@pytest.mark.requirement("C-17", "C-31")
@pytest.mark.parametrize("role", ["seller_staff", "customer_service"])
def test_it_is_offered_to_whoever_may(open_export, role):
    page, _ = open_export(PAGE, role, "/orders")

    assert ("/orders/export" in page.text) is ("exports:read" in ROLES[role])
