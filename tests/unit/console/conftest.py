"""The console over the real API of orders, in this process, with a Valkey for its sessions."""

import json
import re
import time
from pathlib import Path

import httpx2
import pytest
from flask.testing import FlaskClient

from deploy.local.keys import Keys
from deploy.local.valkey import temporary_valkey
from services.console.app import create_app
from services.console.settings import Settings
from shared.access import ROLES

ROOT = Path(__file__).parents[3]
OURS = {"Sec-Fetch-Site": "same-origin"}  # as browsers say it of a form on a page of ours
AWAY = "http://127.0.0.1:9"


class Browser(FlaskClient):
    """A browser, as far as it says where a form comes from."""

    def post(self, *arguments, **options):
        options["headers"] = OURS | dict(options.pop("headers", {}))
        return super().post(*arguments, **options)


@pytest.fixture(scope="session")
def valkey():
    with temporary_valkey() as server:
        yield server


@pytest.fixture(scope="session")
def keys(tmp_path_factory):
    return Keys(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def people(tmp_path, keys):
    """The file of who one may be; a token's end may be chosen."""

    def write(role="seller_staff", scopes=None, seconds=3600, sellers=("*",)):
        opened = sorted(ROLES[role] if scopes is None else scopes)
        person = {
            "id": "helen",
            "name": "Helen Marsh",
            "role": role,
            "place": "",
            "language": "en",
            "scopes": opened,
            "token": keys.token("helen@waybill.example", scopes=opened or ["none"], sellers=sellers),
            "expires_at": time.time() + seconds,
        }
        other = person | {"id": "peter", "name": "Peter Walsh"}
        file = tmp_path / "people.json"
        file.write_text(json.dumps([person, other]))
        return str(file)

    return write


@pytest.fixture
def make_console(valkey, people):
    """A browser at a console with these settings; services that nobody named are away."""

    def make(transports=None, **settings):
        urls = {f"{service}_url": AWAY for service in ("orders", "shipping", "documents", "notifications")}
        wanted = {"broker_url": valkey.url, "log_level": "WARNING", **urls, **settings}
        if not wanted.keys() & {"oidc_issuer", "local_people"}:
            wanted["local_people"] = people()
        app = create_app(Settings(**wanted), transports or {})
        app.test_client_class = Browser
        return app.test_client()

    return make


@pytest.fixture
def console(make_console):
    return make_console()


@pytest.fixture
def helen(console):
    """Signed in, with every service away."""
    console.post("/login", data={"person": "helen"})
    return console


def answering(service, answers):
    """A service that describes itself as it is, and answers by method and path with what is given."""
    asked = []
    document = (ROOT / "docs" / "openapi" / f"{service}.json").read_bytes()

    def answer(request):
        if request.url.path == "/openapi.json":
            return httpx2.Response(200, content=document)
        asked.append(request)
        for (method, path), body in answers.items():
            pattern = re.sub(r"\{\w+\}", "[^/]+", path)
            if method == request.method and re.fullmatch(pattern, request.url.path):
                return body(request) if callable(body) else httpx2.Response(200, json=body)
        problem = {"status": 404, "detail": "there is nothing here", "reason": "not_found"}
        return httpx2.Response(404, json=problem)

    transport = httpx2.MockTransport(answer)
    transport.asked = asked
    transport.answers = answers
    return transport
