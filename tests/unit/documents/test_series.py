"""The books over HTTP and for operators: every number's fate, every gap, who was sent what."""

import os
import time

import pytest
from sqlalchemy import text

from services.documents import storage
from shared import clock, stores
from shared.db import new_id
from shared.events.snapshots import ConversationSnapshot, SentEmail
from shared.messaging import copies
from shared.messaging.order_locks import lock_order
from tests.unit.documents.sample_orders import order

YEAR = clock.now().year
SERIES = {"market": "gb", "seller": "acme", "kind": "invoice", "period": str(YEAR)}


@pytest.mark.requirement("P-08")
def test_the_fate_of_each_number_is_listed_page_by_page(client, headers, made):
    papers = [made(order(1, number=f"GB-{place}"))["invoice"] for place in range(3)]

    first = client.get("/v1/series/numbers", query_string=SERIES | {"limit": 2}, headers=headers()).json
    rest = client.get(
        "/v1/series/numbers", query_string=SERIES | {"limit": 2, "cursor": first["next"]}, headers=headers()
    ).json

    items = first["items"] + rest["items"]
    assert [item["sequence"] for item in items] == [1, 2, 3]
    assert [item["document_id"] for item in items] == [str(paper.id) for paper in papers]
    assert {item["status"] for item in items} == {"stored"}
    assert rest["next"] is None


@pytest.mark.requirement("P-08")
def test_a_gap_is_shown_to_whoever_looks(client, headers, made, sessions, operate):
    made(order(1))
    whole = client.get("/v1/series", headers=headers()).json["items"]
    calm = operate("audit")
    with sessions.begin() as session:
        session.execute(text("update series set last_number = 3"))

    [faulty] = client.get("/v1/series", headers=headers()).json["items"]
    alarmed = operate("audit")

    assert [(each["last_number"], each["papers"], each["missing"]) for each in whole] == [(1, 1, [])]
    assert (faulty["last_number"], faulty["missing"]) == (3, [2, 3])
    assert (calm.exit_code, alarmed.exit_code) == (0, 1), alarmed.output
    assert "1 numbers, none missing" in calm.output
    assert "missing: 2, 3" in alarmed.output


def test_another_sellers_numbers_are_not_there(client, headers, made):
    made(order(1))
    theirs = headers(sellers=["other"])

    assert client.get("/v1/series", headers=theirs).json["items"] == []
    assert client.get("/v1/series/numbers", query_string=SERIES, headers=theirs).json["items"] == []


@pytest.mark.parametrize("wrong", [{"kind": "label"}, {"period": "26"}, {"cursor": "x"}, {"limit": 1000}])
def test_a_wrong_question_about_numbers_is_named(client, headers, app, wrong):
    answer = client.get("/v1/series/numbers", query_string=SERIES | wrong, headers=headers())

    assert answer.status_code == 422
    assert [error["field"] for error in answer.json["errors"]] == list(wrong)


@pytest.mark.requirement("S0-10")
def test_the_documents_tab_says_who_was_sent_what(client, headers, made, sessions):
    placed = order()
    invoice = made(placed)["invoice"]
    email = SentEmail(
        email_id=new_id(),
        step="invoice",
        recipient="customer",
        status="sent",
        at=clock.now(),
        document_ids=(invoice.id,),
    )
    with sessions.begin() as session:
        lock_order(session, placed.order_id)
        copies.keep_newest(
            session,
            ConversationSnapshot(order_id=placed.order_id, number=placed.number, version=1, emails=(email,)),
        )

    items = client.get(f"/v1/orders/{placed.order_id}/documents", headers=headers()).json["items"]

    sent = {item["kind"]: item["sent"] for item in items}
    assert sent["delivery_note"] == []
    [shown] = sent["invoice"]
    assert (shown["email_id"], shown["recipient"], shown["status"]) == (
        str(email.email_id),
        "customer",
        "sent",
    )
    [why] = [item for item in items if item["kind"] == "invoice"]
    assert (why["requested_by"], why["cause"]) == ("documents", "acceptance")
    assert why["einvoice"] == {"profile": "EN 16931", "valid": True, "faults": []}


def test_bytes_that_nothing_needs_are_erased_after_a_day(operate, made, folder, store, sessions):
    papers = made(order())
    with sessions.begin() as session:
        young, old = storage.store(session, b"young"), storage.store(session, b"old")
    long_ago = time.time() - storage.UNNEEDED_SECONDS - 60
    for each in folder.glob("[0-9a-f][0-9a-f]/*"):
        if each.name != young:
            os.utime(each, (long_ago, long_ago))

    ended = operate("tidy")

    assert ended.exit_code == 0, ended.output
    assert "1 files deleted" in ended.output
    needed = {paper.sha256 for paper in papers.values()}
    assert {digest for digest, _ in stores.stored(store)} == needed | {young}
    assert old not in needed
