"""Operations in the console: a request's steps as a tree, and what is decided about each dead letter."""

from uuid import uuid4

import httpx2
import pytest

from deploy.local.databases import SERVICES
from services.console.pages.operations import tree_of
from services.console.settings import Settings
from shared.access import ROLES
from tests.unit.console.conftest import answering

EVENT, JOB = str(uuid4()), str(uuid4())
AT = "2026-11-20T10:00:00.{:03}000+00:00"
HOSTILE = "<script>alert(1)</script>"


def told(service, event_id, at, caused_by=""):
    return {
        "service": service,
        "step": "told",
        "at": AT.format(at),
        "event_id": event_id,
        "caused_by": caused_by,
    }


def heard(service, event_id, at):
    return {"service": service, "step": "heard", "at": AT.format(at), "event_id": event_id}


def job(service, kind, at, caused_by):
    return {"service": service, "step": "job", "at": AT.format(at), "kind": kind, "caused_by": caused_by}


def drawn(steps):
    """A tree in a form that can be read."""
    return [
        (step["service"], step["step"], step.get("event_id") or step["kind"], drawn(step["below"]))
        for step in steps
    ]


def test_each_step_stands_under_what_caused_it_and_all_of_them_once():
    steps = [
        told("shipping", "B", 30, caused_by="A"),
        heard("orders", "B", 50),
        job("documents", "paper", 40, "A"),
        heard("documents", "A", 20),
        told("orders", "A", 0),
        heard("shipping", "A", 10),
        told("orders", "C", 5),
    ]

    assert drawn(tree_of(steps)) == [
        (
            "orders",
            "told",
            "A",
            [
                (
                    "shipping",
                    "heard",
                    "A",
                    [("shipping", "told", "B", [("orders", "heard", "B", [])])],
                ),
                ("documents", "heard", "A", [("documents", "job", "paper", [])]),
            ],
        ),
        ("orders", "told", "C", []),
    ]


def test_where_a_service_is_away_what_it_told_leaves_the_rest_at_the_roots():
    steps = [
        heard("shipping", "A", 10),
        told("shipping", "B", 30, caused_by="A"),
        job("orders", "x", 40, "Z"),
    ]

    assert drawn(tree_of(steps)) == [
        ("shipping", "heard", "A", [("shipping", "told", "B", [])]),
        ("orders", "job", "x", []),
    ]


def letter(letter_id, kind="event", **more):
    return {
        "id": letter_id,
        "kind": kind,
        "what": "order.placed",
        "subject": "s",
        "reference": "GB-1",
        "correlation_id": "trace-1",
        "since": "2026-11-20T10:00:00Z",
        "attempts": 8,
        "last_error": HOSTILE,
    } | more


@pytest.fixture
def shipping():
    return {
        ("GET", "/v1/operations/dead-letters"): [letter(EVENT), letter(JOB, "job", what="email")],
        ("POST", "/v1/operations/dead-letters/{letter_id}/retry"): lambda _: httpx2.Response(204),
        ("POST", "/v1/operations/dead-letters/{letter_id}/skip"): lambda request: (
            httpx2.Response(204)
            if EVENT in request.url.path
            else httpx2.Response(409, json={"status": 409, "detail": "no", "reason": "job_not_skippable"})
        ),
        ("GET", "/v1/operations/traces/{correlation_id}"): [
            {"step": "told", "at": AT.format(0), "event_id": EVENT, "type": "order.placed", "caused_by": ""},
            {
                "step": "heard",
                "at": AT.format(20),
                "event_id": str(uuid4()),
                "type": "x",
                "state": "dead",
                "done_at": None,
                "attempts": 8,
                "last_error": HOSTILE,
            },
        ],
    }


@pytest.fixture
def sign_in(make_console, people, shipping):
    def make(scopes=ROLES["administrator"], **others):
        transports = {"shipping": answering("shipping", shipping), **others}
        console = make_console(transports, local_people=people("administrator", scopes))
        console.post("/login", data={"person": "helen"})
        return console, transports["shipping"]

    return make


@pytest.mark.requirement("C-45")
def test_what_died_is_shown_of_the_services_that_are_there(sign_in):
    console, _ = sign_in()

    page = console.get(f"/operations?open=shipping/{EVENT}").get_data(as_text=True)

    assert page.count("be reached now") == len(SERVICES) - 1
    assert HOSTILE not in page
    assert page.count('name="letter"') == 2
    assert '/operations/trace?id=trace-1"' in page


def test_each_is_decided_about_by_itself_at_its_own_service(sign_in):
    console, shipping = sign_in()
    letters = [f"shipping/{EVENT}", f"shipping/{JOB}", "payroll/1"]
    form = {"letter": letters, "reason": "known", "key": "k", f"label-shipping/{JOB}": "Shipping: email"}

    asked = console.get("/operations/decide", query_string={"act": "skip", "letter": letters[:2]})
    sent = console.post("/operations/decide/skip", data=form)

    assert "Skip 2?" in asked.get_data(as_text=True)
    done = [one.url.path for one in shipping.asked if one.method == "POST"]
    assert done == [f"/v1/operations/dead-letters/{one}/skip" for one in (EVENT, JOB)]
    page = console.get(sent.location.partition("#")[0]).get_data(as_text=True)
    assert "1 done" in page
    assert "<strong>Shipping: email</strong>" in page
    assert page.count(" checked") == 1


@pytest.mark.parametrize("letters", [[], [f"shipping/{uuid4()}"]])
def test_about_what_waits_no_more_nothing_is_asked(sign_in, letters):
    console, _ = sign_in()

    answer = console.get("/operations/decide", query_string={"act": "retry", "letter": letters})

    assert (answer.status_code, answer.location) == (303, "/operations")
    assert console.get("/operations/decide?act=shred").status_code == 404


def test_a_trace_is_drawn_with_what_went_wrong_and_who_is_away(sign_in):
    console, _ = sign_in()

    page = console.get("/operations/trace?id=trace-1").get_data(as_text=True)

    assert "order.placed" in page
    assert "given up" in page
    assert HOSTILE not in page
    assert page.count("be reached now") == len(SERVICES) - 1


@pytest.mark.parametrize("scope", ["admin", "orders:read"])
def test_the_number_for_the_logs_is_a_link_for_operators_alone(sign_in, scope):
    console, _ = sign_in({scope})

    page = console.get("/messages").get_data(as_text=True)

    assert ("/operations/trace?id=" in page) is (scope == "admin")


@pytest.mark.parametrize(
    ("address", "is_taken"),
    [
        ("https://flower.example", True),
        ("http://127.0.0.1:8105/", True),
        ("", True),
        ("javascript:alert(1)", False),
        ("https://operator:key@flower.example", False),
    ],
)
def test_flowers_address_is_an_address_without_its_login(address, is_taken):
    settings = Settings(
        **{f"{service}_url": "http://127.0.0.1:9" for service in SERVICES},
        broker_url="redis://127.0.0.1/0",
        local_people="[]",
        flower_url=address,
    )

    assert (not [fault for fault in settings.faults() if "FLOWER_URL" in fault]) is is_taken
