"""Every route against every scope and against strangers; the routes are read from the API's own documents."""

import json
import re
from contextlib import ExitStack

import pytest

from deploy.local.databases import SERVICES
from shared.web.problems import MEDIA_TYPE
from shared.web.rate_limits import Kind
from tests.contract import openapi
from tests.security.requests import ask_for
from tests.security.shop import link
from tests.security.world import operations_of, scopes_of

DOCUMENTS = {service: json.loads(openapi.path(service).read_text()) for service in SERVICES}
EACH = [
    (service, f"{method} {path}", operation["security"])
    for service, document in DOCUMENTS.items()
    for method, path, operation in operations_of(document)
]
ALL = [(service, name, options[0]) for service, name, options in EACH]
# What may do instead of the scopes that are named first.
INSTEAD = {
    (service, name): {scope for option in options[1:] for scope in option["bearer"]}
    for service, name, options in EACH
}
BEARER = [(service, name, option["bearer"]) for service, name, option in ALL if "bearer" in option]
CUSTOMERS = [(service, name) for service, name, option in ALL if "customer" in option]
SIGNED = [(service, name) for service, name, option in ALL if "signature" in option]
SCOPES = scopes_of(*DOCUMENTS.values())

# Open to everyone, and in no API document.
PUBLIC = {"/openapi.json", "/docs", "/docs/{name}", "/health/live", "/health/ready", "/metrics"}
CONVERTER = re.compile(r"<(?:[^:<>]+:)?([^<>]+)>")
NO_ORDER = "00000000-0000-4000-8000-000000000000"
INTERNAL = {
    "GET /internal/deliveries": {},
    "POST /internal/deliveries/ack": {"json": {"ids": ["00000000-0000-4000-8000-000000000000"]}},
    "GET /internal/deliveries/log": {},
    "GET /internal/deliveries/heard": {
        "query_string": {"since": "2020-01-01T00:00:00Z", "types": "invoice.issued"}
    },
    "POST /internal/deliveries/again": {"json": {"since": "2099-01-01T00:00:00Z"}},
}
BOUND_BY = {
    address: "" if claims == "nothing" else claims
    for addresses, claims in re.findall(
        r"^\|[^|]*\|([^|]*)\| (seller and market|seller|market|nothing) \|$",
        (openapi.FOLDER.parent / "security.md").read_text(),
        re.MULTILINE,
    )
    for address in re.findall(r"`(/v1/[^`]*)`", addresses)
}
STRANGERS = {
    "seller": {"sellers": ["dock"]},
    "market": {"markets": ["eu"]},
}
NOBODY = {"sellers": [], "markets": []}


def each(operations):
    ids = [f"{service} {name}" for service, name, _ in operations]
    return pytest.mark.parametrize(("service", "name", "scopes"), operations, ids=ids)


@pytest.mark.requirement("P-36")
@each(BEARER)
def test_only_a_token_with_all_its_scopes_opens_it(send, service, name, scopes):
    assert send(service, name).status == 401
    for lacking in scopes:
        refused = send(service, name, scopes=sorted(SCOPES - {lacking} - INSTEAD[service, name]))

        assert (refused.status, refused.answer.mimetype, refused.told) == (403, MEDIA_TYPE, 0)
        assert f'scope="{" ".join(scopes)}"' in refused.answer.headers["WWW-Authenticate"]


@pytest.mark.requirement("P-36")
@each(BEARER)
def test_no_other_scope_opens_it(send, service, name, scopes):
    others = SCOPES - set(scopes) - INSTEAD[service, name]

    assert {scope: send(service, name, scopes=[scope]).status for scope in others} == dict.fromkeys(
        others, 403
    )


@pytest.mark.requirement("S0-02")
@each(BEARER)
def test_it_shows_and_does_nothing_to_strangers(world, send, service, name, scopes):
    ask = ask_for(service, name)
    owner = send(service, name, scopes=scopes)
    # Otherwise what strangers are answered would prove nothing. 502: no other service can be asked here.
    assert owner.status < 400 or owner.status in {409, 502}, owner.text

    for claim in ask.bounded_by:
        stranger = send(service, name, scopes=scopes, **STRANGERS[claim])
        if claim in ask.everybodys:
            assert (stranger.status, stranger.told) == (403, 0)
        else:
            _see_nothing(world, ask, name, stranger)
    if ask.bounded_by and not ask.everybodys:
        nobody = send(service, name, scopes=scopes, **NOBODY)
        _see_nothing(world, ask, name, nobody)
        if name.startswith("GET"):
            assert nobody.status == 404 or not any(nobody.figures), nobody.text
            assert nobody.status == 404 or owner.leaks(world) or any(owner.figures), "shows its owner nothing"


@pytest.mark.requirement("V-04")
@each([one for one in BEARER if not one[1].startswith("GET")])
def test_no_stranger_is_told_a_kept_answer(world, send, service, name, scopes):
    ask, key = ask_for(service, name), {"Idempotency-Key": "again"}
    reach = {claim: STRANGERS[claim] for claim in ask.bounded_by} | {"nobody": NOBODY}
    with world.doors[service].undone():
        owner = send(service, name, scopes=scopes, headers=key, undo=False)

        for claims in reach.values():
            stranger = send(service, name, scopes=scopes, headers=key, **claims)
            assert stranger.leaks(world) == set()
            assert stranger.status in {403, 404, 409} if owner.status < 400 else stranger.status >= 400
            assert stranger.told == 0


@pytest.mark.requirement("V-04")
@pytest.mark.parametrize(("service", "name"), [one for one in CUSTOMERS if one[1].startswith("POST")])
def test_no_other_customer_is_told_a_kept_answer(world, send, service, name):
    key = {"Idempotency-Key": "again"}
    with world.doors[service].undone():
        send(service, name, link=link(world.known["order_id"]), headers=key, undo=False)

        other = send(service, name, link=link(world.known["other_order_id"]), headers=key)

        assert "Idempotency-Replayed" not in other.answer.headers
        assert other.leaks(world) == set()


def _see_nothing(world, ask, name, stranger):
    assert stranger.told == 0
    assert stranger.leaks(world) == set()
    if stranger.status == 422:  # the body names a seller or market that is not there, for them
        assert {error["field"] for error in stranger.answer.json["errors"]} <= {
            *("seller", "market", "sellers", "markets")
        }
    elif stranger.status != 404:
        assert stranger.status < 300, stranger.text
        if ask.each:
            assert {row["reason"] for row in stranger.answer.json["items"]} == {"not_found"}
        else:
            assert name.startswith("GET") or ask.only_own, stranger.text


@pytest.mark.requirement("V-09")
@each(BEARER)
def test_it_is_bound_by_what_the_threat_model_says(service, name, scopes):
    ask = ask_for(service, name)
    if ask.everybodys:
        return  # its change wants more than its sight
    path = name.split(" ")[1]
    fitting = [address for address in BOUND_BY if f"{path}/".startswith(f"{address}/")]

    assert BOUND_BY[max(fitting, key=len)] == " and ".join(ask.bounded_by)


def test_every_operation_says_by_which_one_way_it_is_opened():
    assert len(BEARER) + len(CUSTOMERS) + len(SIGNED) == len(ALL)


@pytest.mark.parametrize("service", SERVICES)
def test_no_route_is_left_out(world, service):
    described = set(DOCUMENTS[service]["paths"])
    internal = {name.split(" ")[1] for name in INTERNAL}

    routes = {CONVERTER.sub(r"{\1}", rule.rule) for rule in world.doors[service].app.url_map.iter_rules()}

    assert routes - described == PUBLIC | internal


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("name", INTERNAL)
def test_only_another_service_is_told_what_happened(world, service, name):
    method, path = name.split(" ")
    door, request = world.doors[service], INTERNAL[name]
    token = world.keys.token

    assert door.try_out(method, path, **request)[0].status_code == 401
    for claims in ({"scopes": sorted(SCOPES)}, {"scopes": ["events:read"]}):  # a scope too few, no subscriber
        answer, _ = door.try_out(method, path, token=token("mallory", **claims), **request)
        assert answer.status_code == 403
    as_nobody = token("mallory", scopes=["events:read"], subscriber="nobody")
    answer, _ = door.try_out(method, path, token=as_nobody, **request)
    assert answer.status_code == 200
    assert not any(answer.json.values())


@pytest.mark.parametrize(("service", "name"), CUSTOMERS)
def test_only_an_orders_own_link_opens_it_to_a_customer(world, send, service, name):
    order, other = world.known["order_id"], world.known["other_order_id"]
    opened = send(service, name, link=link(order))
    assert opened.status < 400 or opened.status in {409, 422}, opened.text

    assert send(service, name).status == 401
    assert send(service, name, scopes=sorted(SCOPES)).status == 401
    assert send(service, name, link=link(order, days=-1)).status == 401
    assert send(service, name, link=link(order, key="another key")).status == 401
    assert send(service, name, link=link(order)[:-1]).status == 401
    assert send(service, name, link=link(other)).leaks(world) == set()
    assert send(service, name, link=link(NO_ORDER)).leaks(world) == set()


@pytest.mark.requirement("V-20")
def test_once_an_orders_links_are_revoked_only_later_ones_open_it(world, send):
    order = world.known["order_id"]
    with ExitStack() as stack:
        for door in world.doors.values():
            stack.enter_context(door.undone())
        world.do("orders", "POST", f"/v1/orders/{order}/revoke-links")
        world.settle()

        for service, name in CUSTOMERS:
            opened = send(service, name, link=link(order, serial=1))
            assert send(service, name, link=link(order)).status == 401
            assert opened.status < 400 or opened.status in {409, 422}, opened.text


@pytest.mark.parametrize(("service", "name"), SIGNED)
def test_only_a_signature_opens_it(send, service, name):
    assert send(service, name).status == 401
    assert send(service, name, scopes=sorted(SCOPES)).status == 401


@pytest.mark.parametrize("service", SERVICES)
def test_every_way_to_send_files_in_has_the_limit_of_uploads(world, service):
    app = world.doors[service].app
    files = {
        path
        for method, path, operation in operations_of(DOCUMENTS[service])
        if "multipart/form-data" in operation.get("requestBody", {}).get("content", {})
    }

    counted = {
        CONVERTER.sub(r"{\1}", rule.rule)
        for rule in app.url_map.iter_rules()
        if getattr(app.view_functions[rule.endpoint], "counted_as", None) is Kind.UPLOADS
    }

    assert counted == files
