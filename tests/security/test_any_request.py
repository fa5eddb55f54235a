"""Every operation, asked with what its description allows and with what it does not: never a 500, and never
an answer that its description does not have.

In `make test` the same few requests each time; `make fuzz` tries many more, new ones each time.
"""

import json
import time

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

from deploy.local.databases import SERVICES
from services.notifications.feed_waiting import Waiters
from tests.contract import openapi
from tests.security.requests import ask_for
from tests.security.shop import link
from tests.security.world import operations_of, signed

CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
FUZZING = settings.get_current_profile_name() == "fuzz"
PATIENT = settings(
    max_examples=settings().max_examples if FUZZING else 5,
    derandomize=not FUZZING,
    phases=[Phase.generate, Phase.shrink] if FUZZING else [Phase.generate],
    database=None,
    suppress_health_check=list(HealthCheck),
)
OPERATIONS = [
    (service, method, path)
    for service in SERVICES
    for method, path, _ in operations_of(json.loads(openapi.path(service).read_text()))
]
# In these tests no service can ask another one, which is what these do.
ASK_OTHERS = {"/v1/operations/reconciliation", "/v1/operations/resync"}

TEXTS = st.one_of(
    st.text(), st.sampled_from(["", " ", "\0", "\ud800", "%", "'", "=1+1", "x" * 5000, "2026-02-30"])
)
NUMBERS = st.one_of(st.integers(), st.sampled_from([-1, 0, 2**31, 2**63, 10**30, 1.5, -0.0, 1e308]))
JUNK = st.one_of(
    *(st.none(), st.booleans(), TEXTS, NUMBERS),
    *(st.lists(TEXTS, max_size=2), st.dictionaries(TEXTS, NUMBERS, max_size=2)),
)


@pytest.fixture(scope="module")
def described(world):
    return {
        service: schemathesis.openapi.from_wsgi("/openapi.json", world.doors[service].app)
        for service in SERVICES
    }


@pytest.fixture(autouse=True)
def no_long_wait(monkeypatch):
    """Whoever has the feed hold its answer back gets it soon: nothing is committed here to wake it."""
    wait = Waiters.wait
    monkeypatch.setattr(Waiters, "_listen", lambda self: None)
    monkeypatch.setattr(
        Waiters, "wait", lambda self, times, until: wait(self, times, min(until, time.monotonic() + 0.1))
    )


@st.composite
def one_changed(draw, value):
    """A JSON value with something in it that does not belong there, or something missing."""
    if isinstance(value, dict) and value and draw(st.integers(0, 3)):
        name = draw(st.sampled_from(sorted(value)))
        if draw(st.integers(0, 5)) == 0:
            return {key: one for key, one in value.items() if key != name}
        return value | {name: draw(one_changed(value[name]))}
    if isinstance(value, list) and value and draw(st.booleans()):
        return [draw(one_changed(value[0])), *value[draw(st.integers(0, 1)) :]]
    return draw(JUNK)


@pytest.mark.parametrize(("service", "method", "path"), OPERATIONS)
def test_every_answer_is_as_described(world, described, service, method, path):
    door, operation = world.doors[service], described[service][path][method]
    known = world.known | door.own
    good = ask_for(service, f"{method} {path}").filled(known)
    security = operation.definition.raw["security"][0]
    token = world.keys.token("ada", scopes=world.scopes)

    def ask(case, **request):
        if "customer" in security:
            request["query_string"] = dict(request.get("query_string") or {}) | {
                "token": link(known["order_id"])
            }
        if "signature" in security:
            request = signed(request)
        with door.undone():
            answer = door.ask(method, token=token if "bearer" in security else None, **request)
        _is_shielded(answer)
        if answer.status_code != 502 or path not in ASK_OTHERS:
            case.validate_response(answer, checks=CHECKS)

    def generated(mode):
        @PATIENT
        @given(case=operation.as_strategy(generation_mode=mode), there=st.integers(0, 4))
        def tried(case, there):
            if there or mode is GenerationMode.NEGATIVE:
                case.path_parameters.update(
                    {name: one for name, one in (known | good.path).items() if name in case.path_parameters}
                )
            request = case.as_transport_kwargs()
            del request["method"]
            ask(case, **request)

        return tried

    generated(GenerationMode.POSITIVE)()
    generated(GenerationMode.NEGATIVE)()
    case = operation.Case(path_parameters=known | good.path, query=good.query)
    address = case.formatted_path

    @PATIENT
    @given(body=one_changed(good.json))
    def changed(body):
        written = {"data": json.dumps(body).encode(), "content_type": "application/json"}
        ask(case, path=address, query_string=good.query, **written)

    if good.json is None:
        ask(case, path=address, query_string=good.query)
    else:
        ask(case, path=address, query_string=good.query, json=good.json)
        changed()


def _is_shielded(answer):
    headers = answer.headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "no-store" in headers["Cache-Control"] or "private" in headers["Cache-Control"]
    assert (
        "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        or "sandbox" in headers["Content-Security-Policy"]
    )
    assert "script-src" not in headers["Content-Security-Policy"]
    assert "Set-Cookie" not in headers
