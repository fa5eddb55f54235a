"""Behind a gateway a service lives under a prefix, and is called by others than it seems."""

import re
from urllib.parse import urljoin

import pytest
from flask import Response, request

from shared.web.auth import public
from shared.web.blueprint import Blueprint

FORWARDED = {"X-Forwarded-Prefix": "/orders", "X-Forwarded-For": "203.0.113.9, 198.51.100.7"}

callers = Blueprint("callers", __name__, url_prefix="/v1/callers")


@callers.route("", methods=["GET"])
@public
def tell_caller() -> Response:
    """Say who asks, and under which prefix."""
    return Response(f"{request.remote_addr} {request.script_root}")


@pytest.fixture
def client_behind(make_things_app):
    """Calls the service as the last of so many proxies would."""

    def make(proxies):
        return make_things_app(blueprints=[callers], trusted_proxies=proxies).test_client()

    return make


@pytest.mark.parametrize(
    ("proxies", "told"),
    [
        (0, "127.0.0.1 "),
        (1, "198.51.100.7 /orders"),
        (2, "203.0.113.9 /orders"),
    ],
)
def test_what_proxies_say_is_believed_as_far_as_they_are_ours(client_behind, proxies, told):
    assert client_behind(proxies).get("/v1/callers", headers=FORWARDED).text == told


def test_what_a_caller_writes_before_the_gateway_is_not_believed(client_behind):
    answer = client_behind(1).get("/v1/callers", headers={"X-Forwarded-For": "127.0.0.1, 203.0.113.9"})

    assert answer.text == "203.0.113.9 "


def test_the_page_to_try_the_api_finds_all_it_needs_below_its_prefix(client_behind):
    client = client_behind(1)
    page = client.get("/docs", headers=FORWARDED)

    addresses = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert addresses
    for address in addresses:
        below = urljoin("/orders/docs", address)
        assert below.startswith("/orders/docs/")
        with client.get(below.removeprefix("/orders"), headers=FORWARDED) as answer:
            assert answer.status_code == 200


def test_the_document_says_where_the_gateway_has_the_service(client_behind):
    client = client_behind(1)

    assert client.get("/openapi.json", headers=FORWARDED).json["servers"] == [{"url": "/orders"}]
    assert "servers" not in client.get("/openapi.json").json
