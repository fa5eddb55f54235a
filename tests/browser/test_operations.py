"""An operator's work in the console: what died is decided about, a request followed, services looked at."""

from uuid import uuid4

import pytest
from playwright.sync_api import expect
from sqlalchemy import create_engine, text

from tests.browser.everybody import is_for_everybody

pytestmark = pytest.mark.slow

# An event of an order told once more, with a snapshot that no service can read: it dies where it is heard.
POISON = text("""
    with first as (
        select * from event_log where subject = :subject and type = 'order.placed'
    ), told as (
        insert into event_log (
            event_id, type, subject, reference, version, occurred_at, payload, correlation_id, causation_id,
            trace_parent, actor
        )
        select :event_id, type, subject, reference, version + 1000, now(),
               jsonb_set(jsonb_set(payload, '{order,number}', '7'), '{order,version}', '1000000'),
               :correlation_id, '', '', 'tests'
        from first
        returning event_id, seq
    )
    insert into outbox (event_id, subscriber, seq) select event_id, 'shipping', seq from told
""")
# The fault is mended: the event says what it should have said.
CURE = text("""
    update inbox set envelope = jsonb_set(envelope, '{data,order,number}', envelope -> 'reference')
    where event_id = :event_id
""")


@pytest.fixture
def database(stack):
    engines = {
        service: create_engine(stack.servers.database_url(service)) for service in ("orders", "shipping")
    }
    yield lambda service, statement, **named: run(engines[service], statement, named)
    for engine in engines.values():
        engine.dispose()


def run(engine, statement, named):
    with engine.begin() as connection:
        connection.execute(statement, named)


@pytest.fixture
def poisoned(shop, place, database):
    """An order of which an event died at shipping: the order, the event's id, and its request's."""

    def made():
        order = place()
        event_id, correlation_id = str(uuid4()), f"poison-{uuid4()}"
        named = {"subject": order["order_id"], "event_id": event_id, "correlation_id": correlation_id}
        database("orders", POISON, **named)
        database("orders", text("select pg_notify('outbox', '')"))
        shop.eventually(
            lambda: [one["id"] for one in shop.call("shipping", "GET", "/v1/operations/dead-letters")],
            lambda dead: event_id in dead,
        )
        return order, event_id, correlation_id

    yield made
    for letter in shop.call("shipping", "GET", "/v1/operations/dead-letters"):
        path = f"/v1/operations/dead-letters/{letter['id']}/skip"
        shop.call("shipping", "POST", path, json={"reason": "left by a test"})


def trace_of(shop, service, correlation_id):
    return shop.call(service, "GET", f"/v1/operations/traces/{correlation_id}")


@pytest.mark.parametrize("script", [True, False])
def test_an_operator_retries_what_died_once_its_cause_is_mended(
    open_browser, shop, poisoned, database, script
):
    order, event_id, correlation_id = poisoned()
    page = open_browser("olivia", script=script)
    page.get_by_role("link", name="Operations").click()
    row = page.get_by_role("row").filter(has_text=order["number"])
    expect(row).to_contain_text("Expected `str`, got `int`")
    row.get_by_role("link", name="order.placed").click()
    expect(page.locator("#letter")).to_contain_text(event_id)
    page.locator("#letter").get_by_role("link", name=correlation_id).click()
    expect(page.locator("#tree")).to_contain_text("given up")

    database("shipping", CURE, event_id=event_id)
    page.goto("/operations")
    row.get_by_role("checkbox").check()
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("heading", name="Try 1 again?")).to_be_visible()
    expect(page.locator("main")).to_contain_text(f"order.placed {order['number']}")
    page.get_by_role("button", name="Try again · 1").click()
    expect(page.locator("#result")).to_contain_text("Try again: 1 done")
    shop.eventually(
        lambda: [step["state"] for step in trace_of(shop, "shipping", correlation_id)],
        lambda states: states == ["done"],
    )
    page.goto("/operations")
    expect(row).to_have_count(0)


def test_many_are_skipped_with_a_reason_and_each_says_why_not(open_browser, shop, poisoned):
    (first, event_id, _), (second, _, request) = poisoned(), poisoned()
    page = open_browser("olivia")
    page.goto("/operations")
    for order in (first, second):
        page.get_by_role("row").filter(has_text=order["number"]).get_by_role("checkbox").check()
    expect(page.locator(".bulk .count")).to_have_text("2 selected")
    page.get_by_role("button", name="Skip").click()
    page.get_by_label("Reason").fill(" ")
    page.get_by_role("button", name="Skip · 2").click()
    expect(page.locator("#skip-reason-wrong")).to_be_visible()
    shop.call(
        "shipping", "POST", f"/v1/operations/dead-letters/{event_id}/skip", json={"reason": "by another"}
    )

    page.get_by_label("Reason").fill("told twice by mistake")
    page.get_by_role("button", name="Skip ·").click()

    expect(page.locator("#result")).to_contain_text("1 done")
    [step] = trace_of(shop, "shipping", request)
    assert (step["state"], step["last_error"]) == ("skipped", "skipped: told twice by mistake")


def test_a_request_is_followed_through_all_services(open_browser, shop, stack, place):
    order = place()
    [placed] = [
        one
        for one in shop.call("orders", "GET", "/v1/operations/events?type=order.placed&limit=500")
        if one["reference"] == order["number"]
    ]
    event = shop.call("orders", "GET", f"/v1/operations/events/{placed['event_id']}")
    request = event["envelope"]["correlationid"]
    page = open_browser("olivia")
    page.goto("/operations/trace")
    page.get_by_label("Number for the logs").fill(request)
    page.get_by_role("button", name="Follow").click()
    tree = page.locator("#tree")
    expect(tree).to_contain_text("order.placed")
    told = tree.locator(":scope > .tree > li").filter(has_text="told order.placed")
    heard = told.locator(":scope > .tree > li")
    assert {"Shipping", "Documents", "Messages and e-mails"} <= set(
        heard.locator(":scope > .step > .tag").all_inner_texts()
    )
    below = heard.filter(has_text="Shipping").first.locator(":scope > .tree > li")
    expect(below.filter(has_text="told shipment.created")).to_be_visible()

    page.get_by_label("Number for the logs").fill("nothing-like-it")
    page.get_by_role("button", name="Follow").click()
    expect(page.get_by_text("No service has anything of this request")).to_be_visible()


def test_the_number_beneath_an_error_leads_an_operator_to_its_trace(open_browser):
    page = open_browser("olivia")
    page.goto("/messages")
    page.locator(".number a").click()
    expect(page.get_by_label("Number for the logs")).not_to_have_value("")
    carla = open_browser("carla")
    carla.goto("/money")
    expect(carla.locator(".number a")).to_have_count(0)


def test_the_services_are_looked_at_side_by_side_with_what_waits_and_flower(open_browser, stack):
    page = open_browser("olivia")
    page.goto("/operations/health")
    for service in ("Orders", "Shipping", "Documents", "Messages and e-mails"):
        card = page.locator("section").filter(has=page.get_by_role("heading", name=service))
        expect(card).to_contain_text("Oldest event not sent")
        expect(card).to_contain_text(".events")
    flower = page.get_by_role("link", name="Flower").get_attribute("href")
    assert flower == f"http://127.0.0.1:{stack.settings.ports['flower']}"
    assert stack.keys.page_key not in page.content()


@pytest.mark.requirement("C-31")
def test_who_is_no_operator_has_no_page_of_operations(open_browser):
    for person in ("helen", "barbara"):
        page = open_browser(person)
        expect(page.get_by_role("link", name="Operations")).to_have_count(0)
        for address in ("/operations", "/operations/trace", "/operations/trace?id=x", "/operations/health"):
            assert page.goto(address).status == 403, (person, address)


@pytest.mark.requirement("C-34", "C-35", "C-36")
@pytest.mark.parametrize(("scheme", "language"), [("light", "en"), ("dark", "es")])
def test_operations_are_for_everybody(open_browser, poisoned, scheme, language):
    _, event_id, correlation_id = poisoned()
    page = open_browser("olivia", scheme=scheme, language=language)
    for address in (
        "/operations",
        f"/operations?open=shipping/{event_id}",
        f"/operations/decide?act=skip&letter=shipping/{event_id}",
        f"/operations/trace?id={correlation_id}",
        "/operations/health",
    ):
        page.goto(address)
        is_for_everybody(page, address)
