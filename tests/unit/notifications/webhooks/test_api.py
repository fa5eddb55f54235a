"""Webhooks over HTTP: made, looked at, changed, tried."""

import json
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select
from standardwebhooks import Webhook

from deploy.local.keys import Keys
from services.notifications.app import create_app
from services.notifications.commands import webhooks as commands
from shared import clock
from shared.events.codec import EVENTS
from shared.messaging.tables import jobs
from shared.web.tables import idempotency_keys
from tests.waiting import until

ALL = ("webhooks:read", "webhooks:write")
PLACE = {"address": "https://8.8.8.8/hooks", "email": "hooks@shop.example"}


@pytest.fixture
def ask(sessions, settings, tmp_path):
    """Call the API, whose commits stay."""
    keys = Keys(tmp_path)
    app = create_app(replace(settings, jwks=str(keys.jwks_file)))
    app.extensions["sessions"] = sessions

    def asked(method, address, body=None, *, scopes=ALL, headers=(), **claims):
        token = keys.token("tess", scopes=scopes, **claims)
        given = {"Authorization": f"Bearer {token}"} | dict(headers)
        return app.test_client().open(f"/v1/webhooks{address}", method=method, headers=given, json=body)

    return asked


def test_a_webhook_is_made_read_changed_switched_and_deleted(ask):
    made = ask("POST", "", PLACE | {"types": ["order.placed", "order.accepted"], "description": "the shop's"})
    assert made.status_code == 201
    one = made.json
    address = f"/{one['webhook_id']}"
    assert made.headers["Location"] == f"/v1/webhooks{address}"
    assert one["secret"].startswith("whsec_")
    assert (one["state"], one["types"]) == ("active", ["order.accepted", "order.placed"])
    assert (one["sellers"], one["markets"], one["people"]) == (["*"], ["*"], False)

    assert ask("GET", address).json == {name: value for name, value in one.items() if name != "secret"}
    changed = ask("PATCH", address, {"types": ["*"], "address": "https://shop.example/new"}).json
    assert (changed["types"], changed["description"]) == (["*"], "the shop's")
    assert ask("POST", f"{address}/disable").json["state"] == "disabled"
    assert ask("POST", f"{address}/enable").json["state"] == "active"
    assert [row["webhook_id"] for row in ask("GET", "").json["items"]] == [one["webhook_id"]]
    assert ask("DELETE", address).status_code == 204
    assert ask("GET", address).status_code == 404


@pytest.mark.requirement("W-11")
def test_a_secret_is_shown_once_and_kept_in_no_answer(ask, sessions):
    key = {"Idempotency-Key": "one"}
    first = ask("POST", "", PLACE, headers=key).json
    again = ask("POST", "", PLACE, headers=key).json

    assert again == first | {"secret": None}
    assert "secret" not in ask("GET", f"/{first['webhook_id']}").json
    turned = ask("POST", f"/{first['webhook_id']}/rotate-secret", {}).json
    assert turned["secret"] not in {None, first["secret"]}
    assert turned["previous_secret_until"] is not None
    with sessions() as session:
        kept = session.scalars(select(idempotency_keys.c.body)).all()
    assert not any(b"whsec_" in body for body in kept)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"address": "http://shop.example/"}, "address"),
        ({"address": "https://10.0.0.1/"}, "address"),
        ({"address": "https://ann:secret@shop.example/"}, "address"),
        ({"email": "nobody"}, "email"),
        ({"types": ["order.dreamt"]}, "types.0"),
        ({"sellers": []}, "sellers"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_can_not_be_meant_is_refused_by_its_field(ask, wrong, field):
    refused = ask("POST", "", PLACE | wrong)

    assert refused.status_code == 422
    assert [error["field"] for error in refused.json["errors"]] == [field]


@pytest.mark.requirement("W-13")
def test_nobody_hears_more_than_they_may_see(ask):
    bound = {"sellers": ["lantern", "quay"], "markets": ["eu"]}
    own = ask("POST", "", PLACE, **bound).json
    assert (own["sellers"], own["markets"]) == (["lantern", "quay"], ["eu"])
    assert ask("POST", "", PLACE | {"sellers": ["dock"]}, **bound).status_code == 422
    assert ask("POST", "", PLACE | {"sellers": ["*"]}, **bound).status_code == 422
    assert ask("POST", "", PLACE, sellers=[], markets=["eu"]).status_code == 422

    address = f"/{own['webhook_id']}"
    for stranger in ({"sellers": ["lantern"], "markets": ["eu"]}, {"sellers": ["*"], "markets": ["gb"]}):
        assert ask("GET", address, **stranger).status_code == 404
        assert ask("PATCH", address, {"address": PLACE["address"]}, **stranger).status_code == 404
        assert ask("GET", "", **stranger).json["items"] == []
    assert ask("PATCH", address, {"markets": ["eu", "gb"]}, **bound).status_code == 422


def test_who_may_not_read_people_has_them_sent_to_nobody(ask):
    reader = (*ALL, "events:read_people")
    assert ask("POST", "", PLACE | {"people": True}).status_code == 403
    plain = ask("POST", "", PLACE).json
    assert ask("PATCH", f"/{plain['webhook_id']}", {"people": True}).status_code == 403
    theirs = ask("POST", "", PLACE | {"people": True}, scopes=reader).json

    address = f"/{theirs['webhook_id']}"
    for path, body in (("", {"address": "https://9.9.9.9/"}), ("/rotate-secret", {}), ("/enable", None)):
        method = "POST" if path else "PATCH"
        assert ask(method, address + path, body).status_code == 403
        assert ask(method, address + path, body, scopes=reader).status_code == 200


def test_what_is_heard_no_more_is_shown_and_sent_to_nobody(ask, hook, receiver, tell, send, owed):
    webhook_id, _ = hook(receiver, sellers=["lantern", "quay"], markets=["eu", "gb"])
    tell(seller="quay", market="eu")
    send()
    tell(seller="quay", market="eu")
    tell(seller="lantern", market="gb")
    [mine] = tell(seller="lantern", market="eu")
    ask("POST", f"/{webhook_id}/test", {"type": "order.placed"})

    narrowed = ask("PATCH", f"/{webhook_id}", {"sellers": ["lantern"], "markets": ["eu"]})

    assert narrowed.status_code == 200
    shown = ask("GET", f"/{webhook_id}/deliveries", sellers=["lantern"], markets=["eu"]).json["items"]
    assert [one["event_id"] for one in shown if not one["test"]] == [mine]
    assert len(shown) == 2, "and the test"


def test_an_answer_that_may_quote_people_is_shown_to_who_may_read_them(ask, hook, receiver, tell, send):
    webhook_id, _ = hook(receiver, people=True)
    receiver.answers = [(400, {}, b"no such Lucia")]
    tell()
    send()

    def answers(scopes):
        [row] = ask("GET", f"/{webhook_id}/deliveries", scopes=scopes).json["items"]
        one = ask("GET", f"/{webhook_id}/deliveries/{row['delivery_id']}", scopes=scopes).json
        again = ask("POST", f"/{webhook_id}/deliveries/{row['delivery_id']}/resend", scopes=scopes).json
        return {shown["attempts"][0]["answer"] for shown in (row, one, again)}

    assert answers(ALL) == {""}
    assert answers((*ALL, "events:read_people")) == {"no such Lucia"}


def test_what_was_sent_with_people_is_kept_from_others_though_none_are_sent_any_more(
    ask, hook, receiver, tell, send, later
):
    reader = (*ALL, "events:read_people")
    webhook_id, _ = hook(receiver, people=True)
    receiver.answers = [(400, {}, b"no such Lucia"), (400, {}, b"no such order")]
    tell()
    send()
    [with_people] = ask("GET", f"/{webhook_id}/deliveries").json["items"]
    ask("PATCH", f"/{webhook_id}", {"people": False}, scopes=reader)

    def shown(scopes, delivery_id=with_people["delivery_id"]):
        return ask("GET", f"/{webhook_id}/deliveries/{delivery_id}", scopes=scopes).json

    assert [one["answer"] for one in shown(ALL)["attempts"]] == [""]
    assert shown(ALL)["content"] is None
    assert [one["answer"] for one in shown(reader)["attempts"]] == ["no such Lucia"]
    assert shown(reader)["content"].encode() == receiver.came[0][1]
    [row] = ask("GET", f"/{webhook_id}/deliveries").json["items"]
    assert row["attempts"][0]["answer"] == ""

    later(seconds=6)
    send()
    assert [one["answer"] for one in shown(ALL)["attempts"]] == ["", "no such order"]
    assert json.loads(shown(ALL)["content"])["data"]["order"]["people"] == {}
    assert "Lucia" not in json.dumps(shown(ALL))


def test_a_webhook_that_is_moved_to_a_seller_counts_as_theirs(ask, settings):
    for _ in range(settings.webhooks_per_seller):
        assert ask("POST", "", PLACE, sellers=["lantern"]).status_code == 201
    moved = ask("POST", "", PLACE, sellers=["quay"]).json

    refused = ask("PATCH", f"/{moved['webhook_id']}", {"sellers": ["lantern"]}, sellers=["lantern", "quay"])

    assert (refused.status_code, refused.json["reason"]) == (409, "too_many_webhooks")
    kept = ask("PATCH", f"/{moved['webhook_id']}", {"sellers": ["quay"]}, sellers=["quay"])
    assert kept.status_code == 200


def test_a_seller_has_so_many_and_no_more(ask, settings):
    bound = {"sellers": ["lantern"]}
    for _ in range(settings.webhooks_per_seller):
        assert ask("POST", "", PLACE, **bound).status_code == 201

    refused = ask("POST", "", PLACE, **bound)

    assert (refused.status_code, refused.json["reason"]) == (409, "too_many_webhooks")
    assert ask("POST", "", PLACE, sellers=["quay"]).status_code == 201


@pytest.mark.requirement("W-06", "P-23")
def test_the_log_has_each_try_with_its_answer_the_next_one_and_the_body(
    ask, hook, receiver, tell, send, later
):
    webhook_id, _ = hook(receiver)
    receiver.answers = [(500, {}, b"out of " + b"x" * 600)]
    order_id = uuid4()
    [event_id] = tell(order_id=order_id)
    send()
    [row] = ask("GET", f"/{webhook_id}/deliveries").json["items"]
    [attempt] = row["attempts"]
    assert (row["event_id"], row["state"], row["number"]) == (event_id, "waiting", "EU-100042")
    assert row["next_try"] > attempt["at"]
    assert (attempt["status"], attempt["error"]) == (500, "")
    assert attempt["milliseconds"] >= 0
    assert attempt["answer"] == ("out of " + "x" * 600)[:500]

    later(seconds=6)
    send()
    tell(times=2)
    taken = ask("GET", f"/{webhook_id}/deliveries/{row['delivery_id']}").json
    assert [one["status"] for one in taken["attempts"]] == [500, 204]
    assert (taken["state"], taken["next_try"]) == ("taken", None)
    assert taken["content"].encode() == receiver.came[0][1]

    def ids(query):
        return [one["delivery_id"] for one in ask("GET", f"/{webhook_id}/deliveries?{query}").json["items"]]

    assert ids("state=taken") == ids(f"order={order_id}") == [row["delivery_id"]]
    assert len(ids("state=waiting")) == 2
    assert ids("since=2099-01-01T00:00:00Z") == []
    first = ask("GET", f"/{webhook_id}/deliveries?limit=2").json
    rest = ask("GET", f"/{webhook_id}/deliveries?limit=2&cursor={first['next']}").json
    assert (len(first["items"]), len(rest["items"]), rest["next"]) == (2, 1, None)


@pytest.mark.requirement("W-07")
def test_sending_again_is_asked_for_over_the_api(ask, hook, receiver, tell, send, work_off):
    webhook_id, _ = hook(receiver)
    [event_id] = tell()
    send()
    [row] = ask("GET", f"/{webhook_id}/deliveries").json["items"]
    assert ask("POST", f"/{webhook_id}/deliveries/{row['delivery_id']}/resend").json["state"] == "waiting"
    send()
    assert receiver.ids == [event_id] * 2

    ask("POST", f"/{webhook_id}/disable")
    refused = ask("POST", f"/{webhook_id}/deliveries/{row['delivery_id']}/resend")
    assert (refused.status_code, refused.json["reason"]) == (409, "webhook_off")
    [missed] = tell()
    ask("POST", f"/{webhook_id}/enable")
    since = (clock.now() - timedelta(hours=1)).isoformat()
    answer = ask("POST", f"/{webhook_id}/resend", {"since": since})
    assert (answer.status_code, answer.json) == (202, {"failed": 0})
    refused = ask("POST", f"/{webhook_id}/resend", {"since": since})
    assert (refused.status_code, refused.json["reason"]) == (409, "resend_under_way")
    assert ask("GET", f"/{webhook_id}").json["resending_since"] is not None
    work_off()
    shown = ask("GET", f"/{webhook_id}").json
    assert (shown["resending_since"], shown["resent"]) == (None, 1)
    send()
    assert receiver.ids == [event_id, event_id, missed]
    for wrong in ("2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z"):
        assert ask("POST", f"/{webhook_id}/resend", {"since": wrong}).status_code == 422


@pytest.mark.requirement("W-14")
def test_an_event_of_each_type_can_be_tried_and_says_that_it_is_a_test(ask, hook, receiver, send):
    webhook_id, secret = hook(receiver)
    for event_type in EVENTS:
        assert ask("POST", f"/{webhook_id}/test", {"type": event_type}).status_code == 202
    until(lambda: send() or len(receiver.came) == len(EVENTS))

    told = [Webhook(secret).verify(body, headers) for headers, body, _ in receiver.came]
    assert {one["type"] for one in told} == set(EVENTS)
    assert all(one["test"] is True for one in told)
    assert {headers["webhook-test"] for headers, _, _ in receiver.came} == {"true"}
    assert all(one["test"] for one in ask("GET", f"/{webhook_id}/deliveries").json["items"])


def test_a_failed_test_says_nothing_of_the_receiver(ask, hook, receiver, send, known):
    webhook_id, _ = hook(receiver)
    receiver.otherwise = 500
    ask("POST", f"/{webhook_id}/test", {"type": "order.placed"})
    send()

    assert len(receiver.came) == 1
    assert known(webhook_id).failures == 0


def test_what_is_late_is_found_and_sent_without_news(hook, receiver, tell, later, sessions):
    hook(receiver)
    tell()
    with sessions.begin() as session:
        session.execute(jobs.delete())
        commands.see_to_late(session)
        assert session.scalars(select(jobs.c.kind)).all() == []
    later(seconds=2)
    for _ in range(2):
        with sessions.begin() as session:
            commands.see_to_late(session)
    with sessions() as session:
        assert session.scalars(select(jobs.c.kind)).all() == ["webhooks"], "and once"


def test_news_owe_one_round_for_all_that_comes_within_its_time(hook, receiver, tell, sessions):
    hook(receiver)
    for _ in range(5):
        tell()

    with sessions() as session:
        assert 1 <= len(session.scalars(select(jobs.c.key).where(jobs.c.kind == "webhooks")).all()) <= 2


def test_no_address_or_secret_stands_in_a_job(hook, receiver, tell, sessions):
    _, secret = hook(receiver)
    tell()

    with sessions() as session:
        told = json.dumps([dict(row) for row in session.execute(select(jobs)).mappings()], default=str)
    assert receiver.address not in told
    assert secret not in told
