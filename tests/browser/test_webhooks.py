"""Webhooks in the console: made, tried, looked at, sent again, switched off, deleted."""

import re
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import expect
from standardwebhooks import Webhook

from tests.browser.everybody import is_for_everybody
from tests.browser.waiting import comes
from tests.serving import serving

pytestmark = pytest.mark.slow

HOSTILE = "<script>document.title = 'taken'</script><b>no</b>"


class Program(ThreadingHTTPServer):
    """A receiver that keeps what came, and answers what it is told to."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), ProgramHandler)
        self.came = []
        self.status = 503


class ProgramHandler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.came.append((body, dict(self.headers.items())))
        answer = HOSTILE.encode()
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


@pytest.fixture
def program():
    with serving(Program()) as server:
        yield server


def make(page, address, description=""):
    """Make a webhook on the console's form; answers its secret."""
    page.goto("/webhooks/new")
    page.locator("[name=address]").fill(address)
    page.locator("[name=email]").fill("hooks@harbour.example")
    page.locator("[name=description]").fill(description)
    page.locator("form[data-guarded] button.primary").click()
    return page.locator("#secret code").inner_text()


def delete(page):
    page.get_by_role("link", name=re.compile("Delete webhook|Eliminar webhook")).click()
    page.get_by_role("button", name=re.compile("Delete webhook|Eliminar webhook")).click()
    page.locator("#said .said").wait_for()


@pytest.mark.requirement("W-06", "W-07", "W-11", "W-14", "C-20")
@pytest.mark.parametrize("script", [True, False])
def test_a_webhook_is_made_tried_sent_again_switched_off_and_deleted(open_browser, program, script):
    page = open_browser("ivan", script=script)
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Webhooks").click()
    page.get_by_role("link", name="New webhook").click()
    page.get_by_label("Address", exact=True).fill("http://shop.example/hooks")
    page.get_by_label("Told when it fails").fill("hooks@harbour.example")
    page.get_by_label("order.placed").check()
    page.get_by_role("button", name="Create webhook").click()
    expect(page.locator("#new-address-wrong")).to_have_text("should begin with https://")
    expect(page.get_by_label("Address", exact=True)).to_have_value("http://shop.example/hooks")
    expect(page.get_by_label("Told when it fails")).to_have_value("hooks@harbour.example")
    expect(page.get_by_label("order.placed")).to_be_checked()

    address = f"http://127.0.0.1:{program.server_port}/{'with' if script else 'without'}"
    page.get_by_label("Address", exact=True).fill(address)
    page.get_by_role("button", name="Create webhook").click()
    secret = page.locator("#secret code").inner_text()
    assert secret.startswith("whsec_")
    assert secret not in page.url
    assert secret not in str(page.context.cookies())
    page.reload()
    expect(page.locator("#secret")).to_have_count(0)
    assert secret not in page.content()
    expect(page.get_by_text("The secret was shown once")).to_be_visible()

    page.get_by_label("Event", exact=True).select_option("order.accepted")
    page.get_by_role("button", name="Send test").click()
    tried = page.locator("#deliveries li")
    comes(tried.get_by_text("503"), script=script)
    expect(tried).to_contain_text("order.accepted")
    expect(tried).to_contain_text(HOSTILE)
    expect(tried).to_contain_text("next try")
    assert page.title().startswith(address)
    body, headers = program.came[0]
    assert Webhook(secret).verify(body, headers)["test"] is True

    program.status = 204
    page.get_by_role("button", name="Send again: order.accepted").click()
    comes(tried.get_by_text("Accepted", exact=True), script=script)
    assert {one["webhook-id"] for _, one in program.came} == {headers["webhook-id"]}
    page.get_by_role("link", name="Given up").click()
    expect(page.get_by_text("Nothing here.")).to_be_visible()

    page.get_by_role("button", name="Switch off").click()
    expect(page.locator("#how .badge")).to_have_text("Switched off")
    expect(page.locator("#how")).to_contain_text("“Switch on” sends what still waits")
    expect(page.get_by_role("button", name="Send test")).to_have_count(0)
    page.get_by_role("button", name="Switch on").click()
    expect(page.locator("#how .badge")).to_have_text("Active")
    delete(page)
    assert page.url.endswith("/webhooks")
    expect(page.get_by_text(address)).to_have_count(0)


@pytest.mark.requirement("W-11", "W-07", "C-20")
def test_what_is_changed_is_changed_alone_and_a_new_secret_shows_once(open_browser, program):
    page, other = open_browser("ivan"), open_browser("ivan")
    first = make(page, f"http://127.0.0.1:{program.server_port}/change", "first")
    own = page.url.partition("?")[0]
    page.goto(f"{own}/change")
    other.goto(f"{own}/change")
    other.get_by_label("order.placed").check()
    other.get_by_role("button", name="Save").click()
    page.get_by_label("Description", exact=True).fill("second")
    page.get_by_label("Sellers").fill("harbour, olmo")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#change-sellers-wrong")).to_have_text("contains an unknown value")
    page.get_by_label("Sellers").fill("harbour")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#how")).to_contain_text("second")
    expect(page.locator("#how")).to_contain_text("order.placed")

    page.get_by_role("link", name="Change secret").click()
    page.get_by_label("Hours that the old secret still works").fill("999")
    page.get_by_role("button", name="Change secret").click()
    expect(page.locator("#secret-previous_hours-wrong")).to_be_visible()
    page.get_by_label("Hours that the old secret still works").fill("2")
    page.get_by_role("button", name="Change secret").click()
    assert page.locator("#secret code").inner_text() not in {"", first}
    expect(page.locator("#how")).to_contain_text("still signs too")
    shown = page.url
    other.goto(shown)
    expect(other.locator("#secret")).to_have_count(0)

    page.goto(own)
    page.get_by_label("Since (UTC)").fill("2020-01-01T10:00")
    page.get_by_role("button", name="Send what was missed").click()
    expect(page.locator("#since-since-wrong")).to_contain_text("within the last 90 days")
    delete(page)


@pytest.mark.requirement("C-31")
def test_who_has_no_scope_for_webhooks_sees_nothing_of_them(open_browser, program):
    ivan = open_browser("ivan")
    make(ivan, f"http://127.0.0.1:{program.server_port}/hidden")
    own = ivan.url.partition("?")[0]
    helen = open_browser("helen")

    expect(helen.get_by_role("link", name="Webhooks")).to_have_count(0)
    for address in ("/webhooks", "/webhooks/new", own, f"{own}/change"):
        answer = helen.goto(address)
        assert answer.status == 403, address
        assert "127.0.0.1:" not in helen.locator("main").inner_text()
    delete(ivan)


@pytest.mark.requirement("C-34", "C-35")
@pytest.mark.parametrize(("scheme", "language"), [("light", "en"), ("dark", "es")])
def test_webhooks_are_for_everybody(open_browser, program, scheme, language):
    page = open_browser("ivan", scheme=scheme, language=language)
    long = "a-long-name-in-the-address-" * 4
    make(page, f"http://127.0.0.1:{program.server_port}/{long}", "Keeps the accounts")
    own = page.url.partition("?")[0]
    page.locator("#try form").first.get_by_role("button").click()
    page.locator("#deliveries li code").wait_for()

    pages = [f"{own}/{form}" for form in ("change", "secret", "delete")]
    for address in ("/webhooks", "/webhooks/new", own, *pages):
        page.goto(address)
        is_for_everybody(page, address)
    page.goto(own)
    delete(page)
