"""A command sent twice under one key is done once, and answered twice."""

from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import create_engine, func, select, text, update
from sqlalchemy.orm import Session, sessionmaker
from standardwebhooks import Webhook

from shared import clock
from shared.messaging.retention import forget
from shared.web.blueprint import Blueprint
from shared.web.commands import command
from shared.web.retention import OLD_KEYS
from shared.web.signed_calls import signed
from shared.web.tables import idempotency_keys

pytestmark = pytest.mark.requirement("P-25")

SECRET = "whsec_" + b64encode(b"known to these tests alone").decode()
calls = Blueprint("calls", __name__, url_prefix="/v1/calls")


@calls.route("/<caller>", methods=["POST"])
@calls.response(200)
@signed("caller", lambda _settings: (SECRET,))
@command
def hear_call(session: Session, caller: str) -> dict[str, str]:
    """Note who called."""
    return {"caller": caller}


@pytest.fixture
def in_background():
    with ThreadPoolExecutor(8) as threads:
        yield threads.submit


@pytest.fixture
def keyed(bearer):
    return bearer() | {"Idempotency-Key": "key-1"}


def kept_keys(sessions):
    with sessions() as session:
        return session.execute(select(func.count()).select_from(idempotency_keys)).scalar_one()


def test_the_first_answer_is_repeated_to_the_letter(client, keyed):
    first = client.post("/v1/things", json={"name": "kettle"}, headers=keyed)
    second = client.post("/v1/things", json={"name": "kettle"}, headers=keyed)

    assert first.status_code == second.status_code == 201
    assert first.data == second.data
    for header in ("ETag", "Location", "Content-Type"):
        assert first.headers[header] == second.headers[header]
    assert "Idempotency-Replayed" not in first.headers
    assert second.headers["Idempotency-Replayed"] == "true"


def test_without_a_key_each_request_counts(client, bearer, thing, size_of, sessions):
    for _ in range(2):
        client.post(f"/v1/things/{thing.id}/grow", headers=bearer())

    assert size_of(thing) == 3
    assert kept_keys(sessions) == 0


@pytest.mark.parametrize(
    ("path", "body"), [("/v1/things", {"name": "other"}), ("/v1/things?limit=1", {"name": "kettle"})]
)
def test_the_key_of_another_request_is_refused(client, keyed, path, body):
    client.post("/v1/things", json={"name": "kettle"}, headers=keyed)

    answer = client.post(path, json=body, headers=keyed)

    assert answer.status_code == 409
    assert answer.json["reason"] == "idempotency_key_reused"


def test_two_callers_may_choose_the_same_key(client, bearer):
    names = []
    for caller in ("tess", "uma"):
        headers = bearer(sub=caller) | {"Idempotency-Key": "key-1"}
        names.append(client.post("/v1/things", json={"name": caller}, headers=headers).json["name"])

    assert names == ["tess", "uma"]


@pytest.mark.requirement("V-04")
@pytest.mark.parametrize(
    ("scope", "claims"),
    [
        ("things:read things:write", {"sellers": ["dock"]}),
        ("things:read things:write", {"sellers": []}),
        ("things:read things:write", {"markets": ["eu"]}),
        ("things:read things:write", {"markets": []}),
        ("things:write", {}),
    ],
)
def test_a_token_that_reaches_less_far_is_not_told_the_first_answer(client, bearer, sessions, scope, claims):
    key = {"Idempotency-Key": "key-1"}
    known = {"sellers": ["quay"], "markets": ["gb"]}
    client.post("/v1/things", json={"name": "kettle"}, headers=bearer(**known) | key)

    answer = client.post("/v1/things", json={"name": "kettle"}, headers=bearer(scope, **known | claims) | key)

    assert (answer.status_code, answer.json["reason"]) == (409, "idempotency_key_reused")
    assert "kettle" not in answer.text
    with sessions() as session:
        assert session.scalar(text("select count(*) from sample.things")) == 1


@pytest.mark.requirement("V-04")
@pytest.mark.parametrize("claims", [{}, {"sellers": ["quay", "dock"]}, {"sellers": ["*"], "markets": ["*"]}])
def test_a_token_that_reaches_as_far_is_told_the_first_answer(client, bearer, claims):
    key = {"Idempotency-Key": "key-1"}
    known = {"sellers": ["quay"], "markets": ["gb"]}
    first = client.post("/v1/things", json={"name": "kettle"}, headers=bearer(**known) | key)

    second = client.post("/v1/things", json={"name": "kettle"}, headers=bearer(**known | claims) | key)

    assert (second.status_code, second.data) == (201, first.data)


@pytest.mark.requirement("V-04")
def test_callers_who_sign_have_keys_of_their_own(make_things_app, sessions):
    client = make_things_app(blueprints=[calls]).test_client()

    def call(path):
        body, at = "{}", clock.now()
        signature = Webhook(SECRET).sign("msg_1", at, body)
        headers = {
            "webhook-id": "msg_1",
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": signature,
            "Idempotency-Key": "key-1",
        }
        return client.post(path, data=body, content_type="application/json", headers=headers)

    answers = [call("/v1/calls/swift"), call("/v1/calls/slow"), call("/v1/calls/swift")]

    assert [answer.json["caller"] for answer in answers] == ["swift", "slow", "swift"]
    assert ["Idempotency-Replayed" in answer.headers for answer in answers] == [False, False, True]


def test_a_refusal_is_not_kept(client, keyed, sessions):
    refused = client.post("/v1/things", json={"name": "refused"}, headers=keyed)

    assert refused.status_code == 409
    assert kept_keys(sessions) == 0
    assert client.post("/v1/things", json={"name": "kettle"}, headers=keyed).status_code == 201


def test_twins_at_the_same_time_get_one_answer(
    app, keyed, thing, size_of, sessions, in_background, wait_for_locks
):
    def grow():
        return app.test_client().post(f"/v1/things/{thing.id}/grow", headers=keyed)

    with sessions.begin() as session:  # holds up whoever comes first
        session.execute(text("select 1 from sample.things for update"))
        twins = [in_background(grow) for _ in range(5)]
        wait_for_locks(5)

    answers = [twin.result() for twin in twins]
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.data for answer in answers}) == 1
    assert sum("Idempotency-Replayed" in answer.headers for answer in answers) == 4
    assert size_of(thing) == 2


def test_a_twin_does_the_work_when_the_first_is_refused(
    app, client, bearer, thing, sessions, in_background, wait_for_locks
):
    stale = bearer() | {"Idempotency-Key": "key-1", "If-Match": '"99"'}
    current = bearer() | {"Idempotency-Key": "key-1", "If-Match": '"1"'}

    def grow(headers):
        return app.test_client().post(f"/v1/things/{thing.id}/grow", headers=headers)

    with sessions.begin() as session:
        session.execute(text("select 1 from sample.things for update"))
        first = in_background(grow, stale)
        wait_for_locks(1)
        twin = in_background(grow, current)
        wait_for_locks(2)

    assert first.result().status_code == 412
    assert twin.result().status_code == 200
    assert "Idempotency-Replayed" not in twin.result().headers


def test_a_twin_that_waits_too_long_is_told_so(
    make_things_app, postgres_server, keyed, thing, sessions, in_background, wait_for_locks
):
    impatient = create_engine(
        postgres_server.url("orders"), connect_args={"options": "-c lock_timeout=300ms"}
    )
    app = make_things_app(sessions=sessionmaker(impatient, info=sessions.kw["info"]))
    patient = make_things_app()

    def grow(app):
        return app.test_client().post(f"/v1/things/{thing.id}/grow", headers=keyed)

    with sessions.begin() as session:
        session.execute(text("select 1 from sample.things for update"))
        first = in_background(grow, patient)
        wait_for_locks(1)
        answer = grow(app)

    assert answer.status_code == 409
    assert answer.json["reason"] == "first_still_under_way"
    assert first.result().status_code == 200
    impatient.dispose()


def test_a_lock_that_is_not_to_be_had_is_told_as_passing(
    make_things_app, postgres_server, bearer, thing, sessions
):
    impatient = create_engine(
        postgres_server.url("orders"), connect_args={"options": "-c lock_timeout=100ms"}
    )
    app = make_things_app(sessions=sessionmaker(impatient, info=sessions.kw["info"]))

    with sessions.begin() as session:
        session.execute(text("select 1 from sample.things for update"))
        answer = app.test_client().post(f"/v1/things/{thing.id}/grow", headers=bearer())

    assert answer.status_code == 503
    assert "another request is changing" in answer.json["detail"]
    impatient.dispose()


def test_a_deadlocked_command_with_a_key_is_tried_again(client, keyed, sessions):
    answer = client.post("/v1/things/contend", headers=keyed)

    assert answer.json == {"tries": 2}
    assert kept_keys(sessions) == 1


def test_a_deadlocked_command_without_a_key_is_left_to_the_caller(client, bearer):
    answer = client.post("/v1/things/contend", headers=bearer())

    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0


def test_a_command_with_a_key_survives_the_loss_of_its_connection(
    app, keyed, thing, sessions, size_of, in_background, wait_for_locks
):
    with sessions.begin() as session:
        session.execute(text("select 1 from sample.things for update"))
        grown = in_background(app.test_client().post, f"/v1/things/{thing.id}/grow", headers=keyed)
        wait_for_locks(1)
        session.execute(
            text("select pg_terminate_backend(pid) from pg_stat_activity where wait_event_type = 'Lock'")
        )

    assert grown.result().status_code == 200
    assert size_of(thing) == 2


@pytest.mark.parametrize("key", ["", "k" * 201, "käse"])
def test_a_key_that_can_not_be_kept_is_refused(client, bearer, key):
    answer = client.post("/v1/things", json={"name": "kettle"}, headers=bearer() | {"Idempotency-Key": key})

    assert answer.status_code == 422
    assert answer.json["errors"][0]["field"] == "Idempotency-Key"


def test_an_answer_that_is_no_json_is_repeated_as_it_was(client, keyed):
    first, second = (client.post("/v1/things/text", headers=keyed) for _ in range(2))

    assert first.data == second.data == b"plain words"
    assert first.headers["Content-Type"] == second.headers["Content-Type"]


def test_answers_are_forgotten_after_a_day(client, bearer, sessions):
    for key in ("old", "new"):
        client.post("/v1/things", json={"name": key}, headers=bearer() | {"Idempotency-Key": key})
    with sessions.begin() as session:
        session.execute(
            update(idempotency_keys)
            .where(idempotency_keys.c.key == "old")
            .values(created_at=clock.now() - timedelta(hours=24, minutes=1))
        )
        # As many as an hour brings, and not only the first of them.
        session.execute(
            text(
                "insert into idempotency_keys (issuer, subject, key, fingerprint, reach, created_at)"
                " select '', 'tess', 'old ' || n, '', '{}', now() - interval '25 hours'"
                " from generate_series(1, 20000) as n"
            )
        )
    assert forget(sessions, lambda: False, [OLD_KEYS]) == 20_001

    with sessions() as session:
        assert list(session.scalars(select(idempotency_keys.c.key))) == ["new"]
