"""No answer grows with what was sent in, and none sends anybody to an address that was typed."""

import json

import pytest

from deploy.local.databases import SERVICES
from tests.security.requests import ask_for
from tests.security.test_access import BEARER, each

pytestmark = pytest.mark.requirement("V-21")

LARGEST = 64 << 10
KEYS = {f"k{number}": 0 for number in range(20_000)}  # 200 KB, each of them wrong
LONG = "x" * 100_000
MANY = ["x"] * 20_000
WITH_A_BODY = [one for one in BEARER if ask_for(*one[:2]).json is not None]


def lengthened(value, text):
    """The same with another text in place of each."""
    if isinstance(value, dict):
        return {name: lengthened(one, text) for name, one in value.items()}
    if isinstance(value, list):
        return [lengthened(one, text) for one in value]
    return text if isinstance(value, str) else value


@each(WITH_A_BODY)
def test_what_is_wrong_with_a_large_body_is_told_in_few_words(world, service, name, scopes):
    door = world.doors[service]
    known = world.known | door.own
    ask = ask_for(service, name).filled(known)
    method, path = name.split(" ")
    for parameter, value in (known | ask.path).items():
        path = path.replace(f"{{{parameter}}}", value)
    token = world.keys.token("mallory", scopes=scopes)

    lists = {field: MANY if isinstance(value, list) else value for field, value in ask.json.items()}
    for body in (ask.json | KEYS, lengthened(ask.json, LONG), {LONG: 0}, lists, {"lines": [KEYS]}):
        answer, _ = door.try_out(method, path, token=token, query_string=ask.query, json=body)

        assert answer.status_code != 500
        assert len(answer.data) < LARGEST, (answer.status_code, answer.data[:200])


def test_what_is_left_off_is_counted(world):
    token = world.keys.token("mallory", scopes=["orders:write"])

    answer, _ = world.doors["orders"].try_out("POST", "/v1/orders", token=token, json=KEYS)

    assert answer.status_code == 422
    assert len(answer.json["errors"]) == 50
    assert answer.json["more_errors"] > 19_000
    assert len(json.dumps(answer.json)) < len(json.dumps(KEYS))


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize(
    "path",
    ["//x", "//evil.example/v1/orders", "/v1//orders", "/v1/orders//", "/docs//", "/docs//start.js"],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_address_leads_elsewhere(world, service, path, method):
    typed = {"PATH_INFO": path, "HTTP_HOST": "evil.example"}

    answer = world.doors[service].ask(method, "/", environ_overrides=typed)

    assert (answer.status_code, answer.headers.get("Location")) == (404, None)
