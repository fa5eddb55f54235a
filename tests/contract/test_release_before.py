"""What the release before tells is read here, what this one tells there, and its clients are served."""

import json
import subprocess
import sys
from copy import deepcopy

import pytest

from deploy.local.databases import SERVICES
from shared.events import codec
from shared.events.routes import SUBSCRIBERS
from shared.events.samples import FOLDER
from tests.contract import openapi
from tests.contract.compatibility import breaches
from tests.samples import with_words_of_tomorrow

# What a client of the release before would stumble over, by its end, with why that is meant.
MEANT = {
    "POST /v1/orders/{order_id}/lifecycle is called lifecycle_set_lifecycle": (
        "the trade's word; what goes over the wire is the same, and generated clients learn it when made anew"
    ),
    "timeline[].step is never ready_to_collect, shipped": (
        "customers read one set of steps, of an order and of its shipments; a client shows what it is told"
    ),
}

# Reads what this release tells, in the release before; and says what it follows.
READ = """
import importlib, json, sys
from deploy.local.databases import SERVICES
from shared.events import codec
told = [(name, data) for name, data in json.load(sys.stdin) if name in codec.EVENTS]
for service in SERVICES:
    importlib.import_module(f"services.{service}.consumers")
print(json.dumps({
    "read": [[name, data, json.loads(codec.encode(codec.decode(name, data)))] for name, data in told],
    "follows": {
        service: sorted(importlib.import_module(f"services.{service}.messaging").messaging.consumers.kinds)
        for service in SERVICES
    },
}))
"""


def lost(told, kept, place=""):
    """What was told and is not kept, but for what stands where the reader has no name for it."""
    if isinstance(told, dict) and isinstance(kept, dict):
        for name in told.keys() & kept.keys():
            yield from lost(told[name], kept[name], f"{place}.{name}")
    elif isinstance(told, list) and isinstance(kept, list) and len(told) == len(kept):
        for number, pair in enumerate(zip(told, kept, strict=True)):
            yield from lost(*pair, f"{place}[{number}]")
    elif told != kept:
        yield f"{place}: {told!r} became {kept!r}"


@pytest.fixture(scope="module")
def there(previous_release):
    """How the release before reads the events of this one, with words that are new to both too."""
    samples = [json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))]
    samples += [with_words_of_tomorrow(sample["type"]) for sample in samples]
    told = json.dumps([[sample["type"], sample["data"]] for sample in samples])
    done = subprocess.run(
        [sys.executable, "-c", READ],
        cwd=previous_release,
        input=told.encode(),
        check=True,
        capture_output=True,
    )
    return json.loads(done.stdout)


@pytest.mark.requirement("K-12")
def test_the_release_before_reads_what_this_one_tells(there):
    names = {name for name, _, _ in there["read"]}

    assert names == codec.EVENTS.keys() & names
    assert len(names) > 40
    assert [found for name, told, kept in there["read"] for found in lost(told, kept, name)] == []


@pytest.mark.requirement("K-12")
def test_this_release_reads_what_the_one_before_tells(previous_release):
    samples = sorted((previous_release / "shared" / "events" / "samples").glob("*.json"))
    told = [json.loads(path.read_text()) for path in samples]

    kept = [json.loads(codec.encode(codec.decode(sample["type"], sample["data"]))) for sample in told]

    assert len(told) > 40
    assert [
        found
        for sample, each in zip(told, kept, strict=True)
        for found in lost(sample["data"], each, sample["type"])
    ] == []


@pytest.mark.requirement("K-12")
def test_nobody_of_the_release_before_is_sent_what_it_does_not_follow(there):
    # 0.2.0 gives such an event up at once. What is cut after it lets it wait for the release that follows it.
    sent = {(listener, event) for event, listeners in SUBSCRIBERS.items() for listener in listeners}

    assert {(listener, event) for listener, event in sent if event not in there["follows"][listener]} == set()


@pytest.fixture(scope="module")
def stumbled(previous_release):
    """All that a client of the release before would stumble over."""
    return {
        breach
        for service in SERVICES
        for breach in breaches(
            json.loads((previous_release / "docs" / "openapi" / f"{service}.json").read_text("utf-8")),
            json.loads(openapi.path(service).read_text("utf-8")),
        )
    }


@pytest.mark.requirement("K-12")
def test_clients_of_the_release_before_are_served_as_they_know_it(stumbled):
    assert {breach for breach in stumbled if not breach.endswith(tuple(MEANT))} == set()
    assert [end for end in MEANT if not any(breach.endswith(end) for breach in stumbled)] == []


def json_of(schema):
    return {"content": {"application/json": {"schema": schema}}}


ORDER = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "name": {"type": "string", "maxLength": 40},
        "status": {"type": "string", "enum": ["new", "sent"]},
        "note": {"type": ["string", "null"]},
    },
}
AN_ORDER = {"$ref": "#/components/schemas/Order"}
PAGE = {"type": "object", "properties": {"items": {"type": "array", "items": AN_ORDER}}}
LIMIT = {"in": "query", "name": "limit", "schema": {"type": "integer", "maximum": 100}}
KNOWN = {
    "components": {"schemas": {"Order": ORDER}},
    "paths": {
        "/orders": {
            "get": {
                "operationId": "list_orders",
                "parameters": [LIMIT],
                "responses": {"200": json_of(PAGE)},
            },
            "post": {
                "operationId": "place_order",
                "security": [{"bearer": ["orders:write"]}],
                "requestBody": json_of(AN_ORDER),
                "responses": {"201": {"description": "placed"}},
            },
        },
    },
}


def changed(*place, to=None, gone=False):
    document = deepcopy(KNOWN)
    *way, last = place
    thing = document
    for part in way:
        thing = thing[part]
    if gone:
        del thing[last]
    else:
        thing[last] = to
    return document


GET, POST = ("paths", "/orders", "get"), ("paths", "/orders", "post")
FIELDS = ("components", "schemas", "Order", "properties")
REQUIRED = ("components", "schemas", "Order", "required")


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (changed(*POST, gone=True), {"POST /orders is gone"}),
        (changed(*POST, "operationId", to="order"), {"POST /orders is called order"}),
        (changed(*POST, "security", to=[]), {"POST /orders is opened by []"}),
        (changed(*POST, "requestBody", "required", to=True), {"POST /orders demands a body"}),
        (changed(*POST, "requestBody", gone=True), {"POST /orders takes no body"}),
        (changed(*POST, "responses", to={"202": {}}), {"POST /orders answers no 201"}),
        (changed(*GET, "parameters", to=[]), {"GET /orders takes no query limit"}),
        (changed(*GET, "parameters", 0, "required", to=True), {"GET /orders demands query limit"}),
        (
            changed(*GET, "parameters", 0, "schema", "maximum", to=50),
            {"GET /orders query limit has maximum 50"},
        ),
        (
            changed(*FIELDS, "status", gone=True),
            {"POST /orders body.status is gone", "GET /orders 200.items[].status is gone"},
        ),
        (
            changed(*FIELDS, "status", "enum", to=["new"]),
            {"POST /orders body.status is not sent", "GET /orders 200.items[].status is never sent"},
        ),
        (
            changed(*FIELDS, "name", "type", to="integer"),
            {"POST /orders body.name is no string", "GET /orders 200.items[].name may be integer"},
        ),
        (
            changed(*FIELDS, "name", "type", to=["string", "null"]),
            {"GET /orders 200.items[].name may be null"},
        ),
        (changed(*FIELDS, "note", "type", to="string"), {"POST /orders body.note is no null"}),
        (changed(*FIELDS, "name", "maxLength", to=20), {"POST /orders body.name has maxLength 20"}),
        (changed(*FIELDS, "name", "pattern", to="^a"), {"POST /orders body.name has the pattern ^a"}),
        (changed(*REQUIRED, to=["name", "note"]), {"POST /orders body.note is demanded"}),
        (changed(*REQUIRED, gone=True), {"GET /orders 200.items[].name may be missing"}),
    ],
)
def test_what_a_client_would_stumble_over_is_seen(now, said):
    assert set(breaches(KNOWN, now)) == said


@pytest.mark.parametrize(
    "now",
    [
        KNOWN,
        changed("paths", "/orders", "put", to={"operationId": "put_orders", "responses": {}}),
        changed(*FIELDS, "name", "maxLength", to=60),
        changed(*FIELDS, "status", "enum", to=["new", "sent", "lost"]),
        changed(*FIELDS, "colour", to={"type": "string"}),
    ],
)
def test_what_is_more_than_before_is_no_matter(now):
    assert list(breaches(KNOWN, now)) == []
