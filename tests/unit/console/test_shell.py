"""What every page of the console has, and what it does when something is away."""

import gzip
import re
from pathlib import Path

import httpx2
import pytest

from tests.unit.console.conftest import AWAY, answering


def test_every_page_allows_nothing_but_what_is_ours(helen):
    for address in ("/login", "/", "/nowhere", "/orders"):
        answer = helen.get(address)
        policy = answer.headers["Content-Security-Policy"]

        assert "default-src 'none'" in policy
        assert "script-src 'self';" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert not re.search(r"<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=|<style", answer.text), address


def test_scripts_and_sheets_are_kept_by_browsers_until_they_change(helen):
    page = helen.get("/login").text
    address = re.search(r'href="(/static/[^"]+\.css)"', page)[1]

    with helen.get(address) as kept, helen.get("/static/0123456789ab/console.css") as outdated:
        assert "immutable" in kept.headers["Cache-Control"]
        assert outdated.status_code == 200
        assert "immutable" not in outdated.headers["Cache-Control"]
    assert helen.get("/static/x/nothing.css").status_code == 404


@pytest.mark.parametrize(("language", "word"), [("en", "Sign out"), ("es", "Cerrar sesión")])
def test_pages_are_in_the_language_of_their_reader(helen, language, word):
    helen.post("/language", data={"language": language})

    page = helen.get("/").text

    assert f'<html lang="{language}">' in page
    assert word in page


def test_without_a_choice_the_browser_s_language_counts(console):
    page = console.get("/login", headers={"Accept-Language": "es-MX, en;q=0.5"}).text

    assert "¿Quién es usted?" in page


def test_a_service_that_is_away_costs_its_own_part_of_home(make_console):
    nothing = {"items": [], "next": None}
    read = ("/v1/orders/queues", "/v1/markets", "/v1/sellers", "/v1/returns")
    orders = answering("orders", {("GET", address): nothing for address in read})
    browser = make_console({"orders": orders})
    browser.post("/login", data={"person": "helen"})

    page = browser.get("/")

    assert page.status_code == 200
    assert "Shipping can&#39;t be reached now" in page.text
    assert "Orders can&#39;t be reached now" not in page.text


@pytest.mark.parametrize(
    ("count", "says", "says_not"),
    [(0, "Nothing waits for you", "GB-1"), (1, "GB-1", "Nothing waits for you")],
)
def test_empty_queues_say_that_nothing_waits(make_console, count, says, says_not):
    first = [
        {
            "order_id": "018f5d3e-0000-7000-8000-000000000001",
            "number": "GB-1",
            "customer_name": "Ann",
            "total_minor": 100,
            "currency": "GBP",
            "due_at": None,
            "placed_at": "2026-11-28T10:00:00+00:00",
            "on_hold": False,
        }
    ]
    queue = {"queue": "To accept", "count": count, "count_is_capped": False, "first": first[:count]}
    nothing = {"items": [], "next": None}
    answers = {("GET", address): nothing for address in ("/v1/markets", "/v1/sellers", "/v1/returns")}
    answers["GET", "/v1/payment-discrepancies"] = nothing
    orders = answering("orders", answers | {("GET", "/v1/orders/queues"): {"items": [queue]}})
    shipping = answering("shipping", {("GET", "/v1/queues/overdue"): nothing})
    notifications = answering("notifications", {("GET", "/v1/conversations/unanswered"): nothing})
    services = {"orders": orders, "shipping": shipping, "notifications": notifications}
    browser = make_console(services)
    browser.post("/login", data={"person": "helen"})

    page = browser.get("/").text

    assert says in page
    assert says_not not in page
    assert ("nothing waits</small>" in page) is (count == 0)


def test_whoever_may_see_nothing_gets_a_working_page(make_console, people):
    orders = answering("orders", {})
    browser = make_console({"orders": orders}, local_people=people(scopes=[]))
    browser.post("/login", data={"person": "helen"})

    page = browser.get("/")

    assert page.status_code == 200
    assert orders.asked == []
    assert 'href="/orders"' not in page.text


def test_an_error_page_says_what_finds_it_in_the_logs(helen):
    answer = helen.get("/nowhere", headers={"X-Correlation-Id": "look-for-me"})

    assert answer.status_code == 404
    assert "look-for-me" in answer.text


def test_long_texts_are_packed_for_whoever_can_unpack_them(helen):
    packed = helen.get("/", headers={"Accept-Encoding": "br, gzip"})
    plain = helen.get("/", headers={"Accept-Encoding": "identity"})

    assert packed.headers["Content-Encoding"] == "gzip"
    assert b"<!doctype html>" in gzip.decompress(packed.data)
    assert "Content-Encoding" not in plain.headers
    assert "Accept-Encoding" in packed.headers["Vary"]
    assert "Accept-Encoding" in plain.headers["Vary"]
    assert len(packed.data) < len(plain.data) / 2


def test_the_apis_are_under_the_same_address_on_one_machine(make_console):
    browser = make_console()

    passed_on = [
        browser.get(address) for address in ("/orders/v1/orders", "/shipping/docs", "/documents/openapi.json")
    ]
    shut = [browser.get(address) for address in ("/orders/internal/deliveries", "/orders/metrics")]

    assert [answer.status_code for answer in passed_on] == [502] * 3  # nobody listens there
    assert [answer.status_code for answer in shut] == [404, 404]


def test_where_a_provider_signs_people_in_the_gateway_has_the_apis(make_console):
    browser = make_console(oidc_issuer=AWAY, oidc_client_id="console")

    assert browser.get("/orders/v1/orders").status_code == 404


FORMS = {
    "/orders/{id}/do/hold?act=hold": "/orders/{id}?act=hold",
    "/orders/{id}/shipments/{id}/release": "/orders/{id}",
    "/messages/{id}/write": "/messages",
    "/money/lines/{id}/assign?seller=harbour": "/money?seller=harbour",
    "/money/refunds/{id}": "/money/refunds",
    "/warehouse/shipments/{id}/scan": "/warehouse/shipments/{id}",
    "/warehouse/counter/{id}/collect?location=main": "/warehouse/counter/{id}?location=main",
    "/warehouse/couriers/harbour/joe%3F/{id}/sign": "/warehouse/couriers/harbour/joe%3F",
    "/warehouse/agenda/{id}/delivery/move": "/warehouse/agenda",
    "/webhooks/{id}/deliveries/{id}/resend": "/webhooks/{id}",
    "/stock/main/A%2Fcount/count": "/stock/main/A/count",
    "/notices/read": "/notices",
}


@pytest.mark.requirement("C-18")
@pytest.mark.parametrize(("form", "page"), FORMS.items())
def test_the_address_of_a_form_leads_to_the_page_that_it_stands_on(helen, form, page):
    one = "018f5d3e-0000-7000-8000-000000000001"

    answer = helen.get(form.format(id=one))

    assert (answer.status_code, answer.location) == (302, page.format(id=one))


def test_an_address_that_leads_nowhere_leaves_its_reader_the_navigation(helen, console):
    page = helen.get("/nowhere/at-all")

    assert page.status_code == 404
    assert 'class="side"' in page.text
    assert 'value="/nowhere/at-all"' in page.text  # where the other language is shown


@pytest.mark.parametrize(
    "sent", [{"key": "\u043a"}, {"key": "a\r\nX: y"}, {"version": "9" * 5000}, {"version": "x"}]
)
def test_what_no_form_of_ours_is_shown_with_is_turned_away(helen, sent):
    form = {"key": "k", "version": "1"} | sent
    one = "018f5d3e-0000-7000-8000-000000000001"

    answer = helen.post(f"/warehouse/shipments/{one}/ship", data=form)

    assert answer.status_code == 400


@pytest.mark.requirement("C-31")
@pytest.mark.parametrize(
    ("scopes", "says", "leads_to"),
    [
        ({"webhooks:read"}, "You can work in:", ["/webhooks"]),
        (set(), "Nothing here is open to you yet.", []),
    ],
)
def test_who_sees_no_queue_is_led_from_home_to_what_they_do_see(make_console, people, scopes, says, leads_to):
    services = {name: answering(name, {}) for name in ("orders", "shipping", "documents", "notifications")}
    browser = make_console(services, local_people=people(scopes=scopes))
    browser.post("/login", data={"person": "helen"})

    page = browser.get("/").text

    assert says in page
    assert re.findall(r'class="tile" href="([^"]+)"', page) == leads_to


def test_every_address_that_a_template_makes_is_one_of_ours(console):
    templates = Path(console.application.root_path, console.application.template_folder).rglob("*.html")
    named = {
        (template.name, endpoint)
        for template in templates
        for endpoint in re.findall(r"url_for\('(\w+(?:\.\w+)?)'", template.read_text())
    }

    assert len(named) > 50
    assert {one for one in named if one[1] not in console.application.view_functions} == set()


def test_a_page_of_a_list_that_is_none_or_has_nothing_left_leads_to_its_beginning(make_console, people):
    known_cursors = ("", "last")

    def list_products(asked):
        cursor = asked.url.params.get("cursor", "")
        if cursor not in known_cursors:
            problem = {"errors": [{"field": "cursor", "reason": "is not a cursor from this list"}]}
            return httpx2.Response(422, json={"status": 422, "detail": "", **problem})
        return httpx2.Response(200, json={"items": [], "next": None})

    known = {"items": [{"seller": "harbour", "name": "Harbour"}], "next": None}
    masters = {("GET", "/v1/sellers"): known, ("GET", "/v1/markets"): {"items": [], "next": None}}
    orders = answering("orders", masters | {("GET", "/v1/sellers/{seller}/products"): list_products})
    browser = make_console({"orders": orders}, local_people=people(scopes={"catalogue:read"}))
    browser.post("/login", data={"person": "helen"})

    for cursor in ("wrong", "last", "%2e%2e"):
        led = browser.get(f"/catalogue?seller=harbour&search=tea&search=pot&cursor={cursor}")
        assert (led.status_code, led.location) == (303, "/catalogue?seller=harbour&search=tea&search=pot")
        assert "this is its beginning" in browser.get(led.location).text
    part = browser.get("/catalogue?seller=harbour&cursor=last", headers={"X-Fragment": "1"})
    assert part.status_code == 200  # who reads the page is not moved
