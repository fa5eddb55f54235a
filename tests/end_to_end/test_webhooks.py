"""A program is told of what really happens, by the real processes, also when one of them dies."""

import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx2
import pytest
from standardwebhooks import Webhook

from tests.serving import serving
from tests.waiting import until

pytestmark = pytest.mark.slow


class Program(ThreadingHTTPServer):
    """What a shop runs: checks, keeps, answers."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), ProgramHandler)
        self.came = []
        self.secret = ""
        self.answers_after = 0.0


class ProgramHandler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        event = Webhook(self.server.secret).verify(body, dict(self.headers.items()))
        self.server.came.append(event)
        time.sleep(self.server.answers_after)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def api(stack):
    headers = {"Authorization": f"Bearer {stack.token(sellers=['acme'], markets=['gb'])}"}
    with httpx2.Client(base_url=stack.url("notifications"), headers=headers, timeout=30) as client:
        yield client


@pytest.fixture
def program(api):
    with serving(Program()) as server:
        made = api.post(
            "/v1/webhooks",
            json={"address": f"http://127.0.0.1:{server.server_port}/", "email": "hooks@acme.example"},
        ).raise_for_status()
        server.secret = made.json()["secret"]
        server.webhook = f"/v1/webhooks/{made.json()['webhook_id']}"
        yield server
        api.delete(server.webhook).raise_for_status()


def types_of(program, order_id):
    return [event["type"] for event in program.came if event["order_id"] == order_id]


@pytest.mark.requirement("P-23")
def test_an_order_s_life_arrives_in_order_and_signed(shop, program):
    order_id = shop.place(("TEA-250", 1))["order_id"]
    shop.call("orders", "POST", f"/v1/orders/{order_id}/accept")

    until(lambda: "invoice.issued" in types_of(program, order_id))

    told = [event for event in program.came if event["order_id"] == order_id]
    assert [event["sequence"] for event in told] == sorted({event["sequence"] for event in told})
    assert told[0]["type"] == "order.placed"
    assert told[0]["data"]["order"]["people"] == {}


@pytest.mark.requirement("W-01", "W-09")
def test_whoever_sends_is_killed_and_nothing_is_lost(stack, shop, program, api):
    program.answers_after = 0.5
    placed = [shop.place(("TEA-250", 1))["order_id"] for _ in range(5)]
    until(lambda: program.came)
    stack.kill("notifications.webhooks")
    program.answers_after = 0.0
    more = shop.place(("TEA-250", 1))["order_id"]

    until(
        lambda: all("order.placed" in types_of(program, one) for one in (*placed, more)),
    )
    until(
        lambda: not api.get(f"{program.webhook}/deliveries?state=waiting").json()["items"],
    )
    ids = {event["id"] for event in program.came}
    log = api.get(f"{program.webhook}/deliveries?limit=100").json()["items"]
    assert {row["event_id"] for row in log} == ids
    assert {row["state"] for row in log} == {"taken"}
