"""Operators see and do the same over HTTP and on the command line; other services pull what they are owed."""

import json
import logging
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from click.testing import CliRunner
from sqlalchemy import insert, select, text
from werkzeug.serving import make_server

from shared import clock
from shared.cli import make_cli
from shared.events.routes import SUBSCRIBERS
from shared.logging import correlation_id
from shared.messaging import operations, outbox
from shared.messaging.service import Messaging
from shared.messaging.tables import inbox, jobs
from shared.settings import ServiceSettings
from tests.emptying import MESSAGING, empty
from tests.plans import plans
from tests.samples import event
from tests.serving import serving


@pytest.fixture
def told(sessions):
    """The id of an order.placed that nobody has acknowledged yet."""
    correlation_id.set("trace-1")
    with sessions.begin() as session:
        event_id = outbox.publish(session, event("order.placed"))
    yield event_id
    correlation_id.set("")


@pytest.fixture
def dead(sessions):
    """The ids of an event and a job that were given up."""
    now = clock.now()
    event_id, job_id = uuid4(), uuid4()
    with sessions.begin() as session:
        session.execute(
            insert(inbox).values(
                event_id=event_id,
                source="shipping",
                type="shipment.created",
                subject="s",
                envelope={"id": str(event_id), "correlationid": "trace-2", "reference": "GB-1"},
                via="push",
                state="dead",
                attempts=8,
                next_at=now,
                last_error="RuntimeError: poison",
            )
        )
        session.execute(
            insert(jobs).values(
                id=job_id,
                kind="paper",
                key="k",
                subject="s",
                reference="GB-1",
                argument={},
                state="dead",
                attempts=8,
                run_at=now,
                correlation_id="trace-2",
                causation_id="",
            )
        )
    return event_id, job_id


@pytest.fixture(autouse=True)
def _clean(sessions):
    yield
    with sessions.begin() as session:
        empty(session.connection(), MESSAGING)


@pytest.fixture
def operator(bearer):
    return bearer("admin", sellers=["*"], markets=["*"])


@pytest.fixture
def shipping(bearer):
    return bearer("events:read", subscriber="shipping")


@pytest.fixture
def run(settings, sessions):
    """Run a verb of the command line; answers the exit code and what it printed."""
    cli = make_cli(Messaging("orders", SUBSCRIBERS), sessions, ServiceSettings, lambda _settings: None)
    environment = {
        name.upper(): ",".join(value) if isinstance(value, tuple) else str(value)
        for name, value in vars(settings).items()
    }
    handlers = logging.getLogger().handlers

    def invoke(*words, **others):
        result = CliRunner().invoke(cli, [str(word) for word in words], env=environment | others)
        return result.exit_code, result.output

    yield invoke
    logging.getLogger().handlers = handlers  # the verbs log to where the runner listens


def test_events_can_be_listed_shown_and_traced(client, operator, run, told):
    [listed] = client.get("/v1/operations/events?type=order.placed", headers=operator).json
    shown = client.get(f"/v1/operations/events/{told}", headers=operator).json
    [step] = client.get("/v1/operations/traces/trace-1", headers=operator).json

    assert listed["event_id"] == shown["envelope"]["id"] == step["event_id"] == str(told)
    assert {row["subscriber"] for row in shown["deliveries"]} == set(SUBSCRIBERS["order.placed"])
    for words in (("events", "tail"), ("events", "show", told), ("events", "trace", "trace-1")):
        code, output = run(*words)
        assert code == 0
        assert str(told) in output


def test_a_trace_says_what_led_to_what(client, operator, dead, told, sessions):
    event_id, job_id = dead
    with sessions.begin() as session:
        session.execute(text("update jobs set causation_id = :event"), {"event": str(event_id)})

    heard, job = client.get("/v1/operations/traces/trace-2", headers=operator).json
    [told_step] = client.get("/v1/operations/traces/trace-1", headers=operator).json
    letters = client.get("/v1/operations/dead-letters", headers=operator).json

    assert (heard["step"], heard["event_id"], heard["source"]) == ("heard", str(event_id), "shipping")
    assert (heard["state"], heard["attempts"], heard["last_error"]) == ("dead", 8, "RuntimeError: poison")
    assert (job["step"], job["id"], job["kind"], job["reference"]) == ("job", str(job_id), "paper", "GB-1")
    assert job["caused_by"] == str(event_id)
    assert (told_step["caused_by"], told_step["reference"][:2]) == ("", "EU")
    assert {letter["correlation_id"] for letter in letters} == {"trace-2"}


@pytest.mark.parametrize(
    "index", ["ix_event_log_correlation_id", "ix_inbox_correlation_id", "ix_jobs_correlation_id"]
)
def test_what_a_request_led_to_is_found_by_an_index(sessions, index):
    with sessions() as session, plans(session) as seen:
        operations.trace(session, "trace-1")

    assert any(index in plan for plan in seen), seen


def test_unacknowledged_deliveries_can_be_listed_and_sent_again(client, operator, run, told, sessions):
    with sessions.begin() as session:
        session.execute(text("update outbox set sent_at = now()"))

    pending = client.get("/v1/operations/outbox", headers=operator).json
    resent = client.post("/v1/operations/outbox/resend", json={"subscriber": "shipping"}, headers=operator)

    assert {row["subscriber"] for row in pending} == set(SUBSCRIBERS["order.placed"])
    assert resent.json == {"count": 1}
    assert len(run("outbox", "pending")[1].splitlines()) == len(pending)
    assert run("outbox", "resend")[1] == f"{len(pending) - 1} to be resent\n"


def test_dead_letters_are_decided_about(client, operator, run, dead, sessions):
    event_id, job_id = dead
    address = f"/v1/operations/dead-letters/{event_id}"

    listed = client.get("/v1/operations/dead-letters", headers=operator).json
    assert {(row["kind"], row["id"]) for row in listed} == {("event", str(event_id)), ("job", str(job_id))}
    assert client.get(address, headers=operator).json["last_error"] == "RuntimeError: poison"
    assert client.post(f"{address}/skip", json={"reason": " "}, headers=operator).status_code == 422
    assert client.post(f"{address}/skip", json={"reason": "known"}, headers=operator).status_code == 204
    assert client.post(f"{address}/retry", headers=operator).status_code == 404
    assert run("dead-letters", "list")[1].count("\n") == 1
    assert json.loads(run("dead-letters", "show", job_id)[1])["kind"] == "paper"
    assert run("dead-letters", "skip", job_id, "--reason", "tired") == (
        1,
        "Error: job_not_skippable: a dead job can't be skipped; retry it\n",
    )
    assert run("dead-letters", "retry", job_id)[0] == 0
    assert run("dead-letters", "list") == (0, "")


def test_all_that_is_dead_is_tried_again_at_once(client, operator, run, dead, sessions):
    address = "/v1/operations/dead-letters/retry"

    other = client.post(address, json={"what": "order.placed"}, headers=operator).json
    events = client.post(address, json={"what": "shipment.created"}, headers=operator).json
    rest = run("dead-letters", "retry-all")

    assert (other, events, rest) == ({"count": 0}, {"count": 1}, (0, "1 will be retried\n"))
    assert client.get("/v1/operations/dead-letters", headers=operator).json == []
    with sessions() as session:
        assert session.execute(select(inbox.c.state, inbox.c.attempts)).one() == ("pending", 0)
        assert session.execute(select(jobs.c.state, jobs.c.excused)).one() == ("queued", 8)


def test_of_very_many_dead_letters_the_oldest_are_listed(sessions, dead):
    with sessions() as session:
        columns = "source, type, subject, envelope, via, state, next_at, received_at"
        session.execute(
            text(
                f"insert into inbox (event_id, {columns}) select gen_random_uuid(), source, type, subject,"
                " envelope, via, state, next_at, received_at + interval '1 hour'"
                " from inbox, generate_series(1, 600)"
            )
        )
        listed = operations.dead_letters(session)

    assert len(listed) == operations.MOST_LISTED
    assert {row["id"] for row in listed[:2]} == set(dead)


def test_what_was_heard_can_be_handled_again(client, operator, run, dead, sessions):
    with sessions.begin() as session:
        session.execute(text("update inbox set state = 'done'"))
    since = (clock.now() - timedelta(hours=1)).isoformat()

    none = client.post(
        "/v1/operations/replay", json={"since": since, "types": ["order.placed"]}, headers=operator
    )
    one = client.post("/v1/operations/replay", json={"since": since}, headers=operator)

    assert (none.json, one.json) == ({"count": 0}, {"count": 1})
    assert run("replay", "--since", "2020-01-01") == (0, "0 to be processed again\n")


def test_comparing_with_services_that_are_away_says_so(client, operator, run):
    answer = client.get("/v1/operations/reconciliation", headers=operator)

    assert answer.status_code == 502
    code, output = run("reconcile")
    assert code == 1
    assert output.startswith("Error: another service can't be reached")


@pytest.fixture
def settings_of_neighbours(settings, make_things_app, issuer, caplog):
    """Settings under which the other services are, all three, this one: a real server asked over HTTP."""
    caplog.set_level(logging.WARNING, logger="werkzeug")
    with serving(make_server("127.0.0.1", 0, make_things_app(), threaded=True)) as server:
        address = f"http://127.0.0.1:{server.server_port}"
        yield replace(
            settings,
            shipping_url=address,
            documents_url=address,
            notifications_url=address,
            service_token=issuer.token("events:read", subscriber="orders"),
        )


def test_what_the_others_told_is_compared_with_what_was_heard(
    app, client, operator, run, sessions, settings_of_neighbours
):
    app.extensions["settings"] = settings_of_neighbours
    environment = {
        f"{service.upper()}_URL": settings_of_neighbours.service_url(service)
        for service in ("shipping", "documents", "notifications")
    } | {"SERVICE_TOKEN": settings_of_neighbours.service_token}
    address = "/v1/operations/reconciliation"
    assert client.get(address, headers=operator).json == {"differences": [], "complete": True}
    assert run("reconcile", **environment) == (0, "")

    with sessions.begin() as session:
        event_id = outbox.publish(session, event("shipment.created"))

    differences = client.get(address, headers=operator).json["differences"]
    assert {(found["event_id"], found["fault"]) for found in differences} == {(str(event_id), "not_received")}
    code, output = run("reconcile", **environment)
    assert code == 1
    assert output.endswith("Error: 3 differences\n")

    again = client.post("/v1/operations/resync", json={"since": "2020-01-01T00:00:00Z"}, headers=operator)
    assert again.json == {"documents": 1, "notifications": 1, "shipping": 1}
    assert run("resync", "--since", "2020-01-01", **environment)[0] == 0


@pytest.mark.parametrize(
    ("scope", "claims"),
    [("orders:read", {"sellers": ["*"], "markets": ["*"]}), ("admin", {"sellers": ["s1"], "markets": ["*"]})],
)
def test_only_an_unbounded_admin_is_an_operator(client, bearer, scope, claims):
    assert client.get("/v1/operations/events", headers=bearer(scope, **claims)).status_code == 403


def test_migrating_twice_changes_nothing(run):
    assert run("migrate")[0] == 0
    code, output = run("health")
    assert code == 0
    assert json.loads(output)["dead_events"] == 0


def test_a_missing_setting_or_thing_is_told_in_one_line(run):
    assert run("health", LOG_LEVEL="", POOL_SIZE="many") == (
        1,
        "Error: POOL_SIZE should be a number of 0 or more, but is 'many'\n",
    )
    nothing = UUID(int=0)
    assert run("events", "show", nothing) == (1, f"Error: there is no event {nothing}\n")


def test_a_subscriber_pulls_and_acknowledges_what_it_is_owed(client, shipping, bearer, told):
    address = "/internal/deliveries?grace_seconds=0"

    [envelope] = client.get(address, headers=shipping).json["deliveries"]
    assert envelope["id"] == str(told)
    body = {"ids": [envelope["id"], str(uuid4())]}
    assert client.post("/internal/deliveries/ack", json=body, headers=shipping).json == {"acknowledged": 1}
    assert client.get(address, headers=shipping).json == {"deliveries": []}
    others = client.get(address, headers=bearer("events:read", subscriber="documents"))
    assert len(others.json["deliveries"]) == 1


def test_within_the_grace_nothing_is_pulled(client, shipping, told):
    assert client.get("/internal/deliveries", headers=shipping).json == {"deliveries": []}


def test_a_restored_subscriber_is_told_all_again(client, shipping, told):
    [entry] = client.get("/internal/deliveries/log", headers=shipping).json["deliveries"]
    client.post("/internal/deliveries/ack", json={"ids": [str(told)]}, headers=shipping)

    answer = client.post(
        "/internal/deliveries/again", json={"since": "2020-01-01T00:00:00Z"}, headers=shipping
    )

    assert entry["event_id"] == str(told)
    assert answer.json == {"deliveries": 1}
    after = client.get(f"/internal/deliveries/log?after={entry['seq']}", headers=shipping)
    assert after.json == {"deliveries": []}


@pytest.mark.parametrize(
    ("scope", "claims"),
    [("events:read", {}), ("orders:read", {"subscriber": "shipping"}), ("admin", {"subscriber": "shipping"})],
)
def test_deliveries_are_closed_to_everyone_else(client, bearer, scope, claims):
    assert client.get("/internal/deliveries", headers=bearer(scope, **claims)).status_code == 403


@pytest.mark.parametrize("ids", [[], ["no id"], [str(UUID(int=7))] * 1001])
def test_acknowledgements_are_checked(client, shipping, ids):
    answer = client.post("/internal/deliveries/ack", json={"ids": ids}, headers=shipping)

    assert answer.status_code == 422
