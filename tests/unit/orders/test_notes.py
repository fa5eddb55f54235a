"""Notes and tags: what staff write on an order for each other, and for nobody else."""

import pytest
from sqlalchemy import select

from services.orders.commands.notes import MOST_TAGS, add_note, tag_order
from services.orders.commands.orders import accept_order
from services.orders.models import HistoryEntry
from shared.access import Actor
from shared.errors import Invalid
from shared.messaging.tables import event_log
from tests.unit.orders.sample_shop import stored


@pytest.fixture
def act(session):
    """Have the session work for someone."""

    def act(name):
        session.info["actor"] = Actor(name=name, sellers=frozenset({"*"}), markets=frozenset({"*"}))

    return act


@pytest.mark.requirement("S3-04")
def test_each_note_shows_its_text_and_who_wrote_it(client, bearer, place_order):
    path = f"/v1/orders/{place_order().id}/notes"
    for subject, text in (("tess", "called,\nno answer"), ("olu", "wants it by Friday")):
        made = client.post(path, json={"text": text}, headers=bearer(subject=subject))
        assert made.status_code == 201, made.json

    first = client.get(path, query_string={"limit": 1}, headers=bearer()).json
    second = client.get(path, query_string={"limit": 1, "cursor": first["next"]}, headers=bearer()).json

    assert [(note["text"], note["created_by"]) for note in first["items"] + second["items"]] == [
        ("wants it by Friday", "olu"),
        ("called,\nno answer", "tess"),
    ]
    assert second["next"] is None


@pytest.mark.requirement("S3-04")
def test_no_note_leaves_the_service(session, place_order):
    order = place_order(method="cash_on_delivery")

    add_note(session, order.id, text="is a nuisance")
    accept_order(session, order.id)

    payloads = session.scalars(select(event_log.c.payload).where(event_log.c.subject == str(order.id)))
    assert [payload for payload in payloads if "nuisance" in str(payload)] == []


def test_a_note_is_in_the_history_with_who_wrote_it(client, bearer, place_order):
    path = f"/v1/orders/{place_order().id}"

    note = client.post(f"{path}/notes", json={"text": "called"}, headers=bearer(subject="olu")).json
    entry = client.get(f"{path}/history", headers=bearer()).json["items"][-1]

    assert (entry["action"], entry["actor"], entry["version"]) == ("add_note", "olu", 2)
    assert entry["detail"] == {"note_id": note["note_id"]}


@pytest.mark.parametrize("body", [{}, {"text": ""}, {"text": "  "}, {"text": "a\0b"}, {"text": "x" * 5001}])
def test_a_note_that_says_nothing_or_too_much_is_refused(client, bearer, place_order, body):
    answer = client.post(f"/v1/orders/{place_order().id}/notes", json=body, headers=bearer())

    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "text")


def test_orders_are_filtered_by_all_of_some_tags(client, bearer, session, place_order):
    both, one, _ = place_order(), place_order(), place_order()
    tag_order(session, both.id, add=["Gift", "vip"])
    tag_order(session, one.id, add=["gift"])

    def find(*tags):
        answer = client.get("/v1/orders", query_string={"tag": tags}, headers=bearer())
        return [item["number"] for item in answer.json["items"]]

    assert find("gift") == [one.number, both.number]
    assert find("GIFT", "vip") == [both.number]
    assert find("gi") == []

    tag_order(session, both.id, remove=["GIFT"])

    assert find("gift") == [one.number]
    assert stored(session, both.id).tags == ["vip"]


def test_putting_a_tag_on_twice_changes_nothing_the_second_time(session, place_order):
    order = place_order()
    tag_order(session, order.id, add=["gift"])

    again = tag_order(session, order.id, add=["Gift"], remove=["vip"])

    assert (again.tags, again.version) == (["gift"], 2)


def test_tags_have_a_bound(session, place_order):
    order = place_order()
    tag_order(session, order.id, add=[f"tag {number}" for number in range(MOST_TAGS)])

    with pytest.raises(Invalid, match="add: would give the order more"):
        tag_order(session, order.id, add=["one more"])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "add"),
        ({"add": ["a"], "remove": ["A"]}, "remove"),
        ({"add": [" "]}, "add.0"),
        ({"add": ["a\nb"]}, "add.0"),
        ({"add": "gift"}, "add"),
    ],
)
def test_tags_that_make_no_sense_are_named(client, bearer, place_order, body, field):
    answer = client.post(f"/v1/orders/{place_order().id}/tags", json=body, headers=bearer())

    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, field)


def test_tags_stand_in_list_and_detail(client, bearer, place_order):
    order = place_order()

    put = client.post(f"/v1/orders/{order.id}/tags", json={"add": ["gift"]}, headers=bearer())

    assert (put.json, put.headers["ETag"]) == ({"tags": ["gift"]}, '"2"')
    assert client.get(f"/v1/orders/{order.id}", headers=bearer()).json["tags"] == ["gift"]
    assert client.get("/v1/orders", headers=bearer()).json["items"][0]["tags"] == ["gift"]


def test_who_did_what_is_written_down(session, act, place_order):
    order = place_order()
    act("olu")

    tag_order(session, order.id, add=["gift"])

    entry = session.scalars(
        select(HistoryEntry).where(HistoryEntry.order_id == order.id, HistoryEntry.action == "tag")
    ).one()
    assert (entry.actor, entry.before, entry.after) == ("olu", {"tags": []}, {"tags": ["gift"]})
