"""A system's APIs as a small server that answers what it was told to."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from deploy.local.addresses import Addresses
from deploy.main_job.calls import Calls
from tests.serving import serving

SERVICES = ("orders", "shipping", "documents", "notifications")


class Api(ThreadingHTTPServer):
    """Answers by path; a list of answers is used up, its last stays."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers = {"/health/ready": (200, {"messaging": {"dead_events": 0, "dead_jobs": 0}})}
        self.asked = []

    def answer(self, path):
        given = self.answers.get(path, (404, {"title": "Not Found"}))
        if isinstance(given, list):
            return given.pop(0) if len(given) > 1 else given[0]
        return given


class Handler(BaseHTTPRequestHandler):
    def respond(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.asked.append((self.command, self.path, dict(self.headers), body))
        status, content = self.server.answer(self.path.partition("?")[0])
        encoded = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(encoded)))
        self.end_headers()
        self.wfile.write(encoded)

    do_GET = do_POST = do_PUT = respond  # noqa: N815 - the library's names

    def log_message(self, *_):
        pass


@pytest.fixture
def api():
    with serving(Api()) as server:
        yield server


@pytest.fixture
def mail_folder(tmp_path):
    folder = tmp_path / "mail"
    folder.mkdir()
    return folder


@pytest.fixture
def calls(api, mail_folder):
    addresses = Addresses(
        services=dict.fromkeys(SERVICES, f"http://127.0.0.1:{api.server_port}"),
        token="the-token",
        gateway_secret="whsec_c2VjcmV0",
        mail_page=lambda path: f"http://127.0.0.1:1{path}",
        mail_folder=mail_folder,
    )
    made = Calls(addresses, repeat_seconds=1, wait_seconds=0.3)
    yield made
    made.close()
