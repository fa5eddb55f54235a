"""How a webhook's state, and what a form sent twice made, are shown."""

import json
from pathlib import Path
from uuid import uuid4

import httpx2
import pytest

from shared.access import ROLES

OPENAPI = (Path(__file__).parents[3] / "docs" / "openapi" / "notifications.json").read_text("utf-8")
WEBHOOK = {
    "webhook_id": str(uuid4()),
    "address": "https://shop.example/hooks",
    "email": "hooks@shop.example",
    "description": "",
    "types": ["*"],
    "sellers": ["*"],
    "markets": ["gb"],
    "people": False,
    "state": "active",
    "failures": 0,
    "failing_since": None,
    "rested_until": None,
    "last_taken_at": None,
    "previous_secret_until": None,
    "resending_since": None,
    "resent": 0,
    "created_by": "ivan@shop.example",
    "created_at": "2026-11-20T10:00:00Z",
}
OWN = f"/webhooks/{WEBHOOK['webhook_id']}"
FAILING = {"failures": 23, "failing_since": "2026-11-20T10:00:00Z"}
PAST, TO_COME = "2026-11-20T11:00:00Z", "2999-11-20T11:00:00Z"


class Notifications(httpx2.MockTransport):
    """The service as far as the page asks it; it gives a secret to the first of a key alone."""

    def __init__(self):
        super().__init__(self.answer)
        self.webhook = dict(WEBHOOK)
        self.keys = []
        self.bodies = []

    def answer(self, request):
        if request.url.path == "/openapi.json":
            return httpx2.Response(200, text=OPENAPI)
        if request.method == "POST":
            key = request.headers["Idempotency-Key"]
            self.keys.append(key)
            self.bodies.append(json.loads(request.content))
            return httpx2.Response(
                201, json=self.webhook | {"secret": "whsec_once" if self.keys.count(key) == 1 else None}
            )
        listed = request.url.path.endswith(("/webhooks", "/deliveries"))
        items = [self.webhook] if request.url.path.endswith("/webhooks") else []
        return httpx2.Response(200, json={"items": items, "next": None} if listed else self.webhook)


@pytest.fixture
def notifications():
    return Notifications()


@pytest.fixture
def sign_in(make_console, people, notifications):
    def make(scopes=ROLES["integrator"]):
        console = make_console({"notifications": notifications}, local_people=people("integrator", scopes))
        console.post("/login", data={"person": "helen"})
        return console

    return make


@pytest.mark.requirement("W-07")
def test_how_far_it_is_with_what_is_sent_again_is_shown(sign_in, notifications):
    console = sign_in()
    assert "on their way again" not in console.get(OWN).text
    notifications.webhook |= {"resending_since": PAST, "resent": 12}

    assert "12 are on their way again so far" in console.get(OWN).text


@pytest.mark.requirement("W-03", "W-04")
@pytest.mark.parametrize(
    ("state", "word", "told"),
    [
        ({}, "Active", "never"),
        (FAILING | {"rested_until": PAST}, "Failing", "23 failures in a row, since"),
        (FAILING | {"rested_until": TO_COME}, "Resting", "it is tried again at"),
        ({"state": "disabled"}, "Switched off", "“Switch on” sends what still waits"),
        (FAILING | {"state": "failed"}, "Switched off: it failed", "It failed for five days"),
        (FAILING | {"state": "gone"}, "Ended", "The address answered 410"),
    ],
)
def test_how_a_webhook_is_and_how_it_is_turned_on_is_said_in_words(sign_in, notifications, state, word, told):
    console = sign_in()
    notifications.webhook |= state

    page, listed = console.get(OWN).get_data(as_text=True), console.get("/webhooks").get_data(as_text=True)

    assert f">{word}</span>" in page
    assert f">{word}</span>" in listed
    assert told in page
    assert ("Switch off</button>" in page) == (notifications.webhook["state"] == "active")
    assert ("Switch on</button>" in page) == (notifications.webhook["state"] != "active")


@pytest.mark.requirement("C-16", "W-11")
def test_a_form_sent_twice_leads_to_the_one_page_that_shows_the_secret_once(sign_in):
    console = sign_in()
    filled = {"key": str(uuid4()), "address": "https://shop.example/hooks", "email": "hooks@shop.example"}

    first, second = (console.post("/webhooks/new", data=filled) for _ in range(2))

    assert first.status_code == second.status_code == 303
    assert first.location == second.location
    assert "whsec_" not in first.location
    shown = console.get(first.location)
    assert "whsec_once" in shown.get_data(as_text=True)
    assert shown.headers["Cache-Control"] == "no-store"
    assert "whsec_" not in console.get(first.location).get_data(as_text=True)


@pytest.mark.requirement("W-11")
def test_a_secret_is_shown_to_nobody_but_its_maker(sign_in):
    console = sign_in()
    filled = {"key": str(uuid4()), "address": "https://shop.example/hooks", "email": "hooks@shop.example"}
    made = console.post("/webhooks/new", data=filled)
    console.post("/logout")
    console.post("/login", data={"person": "peter"})

    assert "whsec_" not in console.get(made.location).get_data(as_text=True)


@pytest.mark.requirement("C-17", "C-31")
def test_who_may_only_look_is_offered_nothing_else(sign_in):
    console = sign_in({"webhooks:read"})

    assert console.get(OWN).get_data(as_text=True).count('method="post"') == 2  # language, signing out
    for form in ("/webhooks/new", f"{OWN}/change", f"{OWN}/secret", f"{OWN}/delete"):
        assert console.get(form).status_code == 403, form


@pytest.mark.requirement("C-31")
def test_peoples_data_is_asked_for_only_by_who_may_read_it(sign_in, notifications):
    filled = {"address": "https://shop.example/hooks", "email": "hooks@shop.example", "people": "yes"}
    without = sign_in(ROLES["integrator"] - {"events:read_people"})
    assert 'name="people"' not in without.get("/webhooks/new").get_data(as_text=True)
    without.post("/webhooks/new", data=filled | {"key": "a"})
    sign_in().post("/webhooks/new", data=filled | {"key": "b"})

    assert [body.get("people") for body in notifications.bodies] == [None, True]
