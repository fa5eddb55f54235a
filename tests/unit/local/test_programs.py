"""What programs are told can be heard and tried out from the command line, signed as webhooks are."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest
from click.testing import CliRunner
from standardwebhooks import Webhook

from deploy.local import programs
from deploy.local.__main__ import cli
from deploy.local.keys import Keys
from deploy.local.ports import free_port
from shared.db import new_id
from shared.events.codec import EVENTS
from shared.events.samples import made_up
from tests.contract import openapi
from tests.serving import serving

AT = "2026-01-02T09:00:00Z"
EVENT = {
    "id": "e-1",
    "position": 8,
    "type": "order.placed",
    "number": "GB-1",
    "occurred_at": AT,
}
GONE = (410, {}, {"detail": "after: is too old"})


class Server(ThreadingHTTPServer):
    """Answers what it was told to, one thing after the other, and keeps what it was asked."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers = []
        self.asked = []
        self.taken = []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(dict(parse_qsl(urlsplit(self.path).query)))
        status, headers, body = self.server.answers.pop(0) if self.server.answers else GONE
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        content = json.dumps(body).encode()
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.taken.append((dict(self.headers), body))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with serving(Server()) as server:
        yield server


def page(*items, following, **headers):
    return 200, headers, {"items": items, "next": following, "last": 9}


def heard(server, **options):
    """What is said until the feed ends."""
    said = []
    with (
        httpx2.Client(base_url=server.url) as feed,
        pytest.raises(SystemExit, match="410: after: is too old"),
    ):
        programs.listen(feed, said.append, **{"types": "", "to": "", "secret": "whsec_c2VjcmV0", **options})
    return said


def test_what_comes_is_said_from_now_on_and_each_once(server):
    server.answers = [
        page(following=1),
        page(EVENT, following=8),
        page(following=9, **{"Retry-After": "0"}),
        GONE,
    ]

    [line] = heard(server, types="order.placed")

    assert line.split() == [AT, "8", "order.placed", "GB-1"]
    assert [one.get("after") for one in server.asked] == [None, "9", "8", "9"]
    assert {one["types"] for one in server.asked} == {"order.placed"}


def test_a_service_that_is_away_is_asked_again(server, monkeypatch):
    monkeypatch.setattr(programs, "AGAIN_SECONDS", 0)
    server.answers = [page(following=1), (503, {}, {}), page(EVENT, following=8)]

    assert len(heard(server)) == 1
    assert [one.get("after") for one in server.asked] == [None, "9", "9", "8"]


def test_what_comes_is_posted_with_a_signature_that_holds(server, tmp_path):
    server.answers = [page(following=1), page(EVENT, following=8)]
    secret = Keys(tmp_path).webhook_secret

    [line] = heard(server, to=f"{server.url}/hook", secret=secret)

    assert line.endswith("→ 204 No Content")
    [(headers, body)] = server.taken
    assert Webhook(secret).verify(body, {name.lower(): value for name, value in headers.items()}) == EVENT


def test_an_address_that_takes_nothing_does_not_end_the_listening(server):
    server.answers = [page(following=1), page(EVENT, EVENT, following=8)]

    lines = heard(server, to=f"http://127.0.0.1:{free_port()}")

    assert [line.partition("→ ")[2] for line in lines] == ["not taken: ConnectError"] * 2


def test_the_sample_of_an_event_is_posted_and_says_that_it_is_a_test(server, tmp_path, monkeypatch):
    monkeypatch.setenv("WAYBILL_FOLDER", str(tmp_path))

    done = CliRunner().invoke(cli, ["trigger", "--type", "order.placed", "--to", f"{server.url}/hook"])

    assert done.exit_code == 0, done.output
    secret = done.output.split()[2]
    [(headers, body)] = server.taken
    event = Webhook(secret).verify(body, {name.lower(): value for name, value in headers.items()})
    assert event["test"] is True
    assert headers["webhook-test"] == "true"
    assert event["type"] == "order.placed"


@pytest.mark.parametrize("event_type", sorted(EVENTS))
def test_a_sample_has_all_that_an_event_of_the_feed_has(event_type):
    document = json.loads(openapi.path("notifications").read_text())
    members = document["components"]["schemas"]["FeedEvent"]["properties"]

    assert made_up(event_type, new_id(), with_people=True).keys() - {"test"} == members.keys()
