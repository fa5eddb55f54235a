"""Messages in the console: who is next, and what a conversation shows."""

from uuid import uuid4

import httpx2
import pytest

from shared.access import ROLES
from tests.unit.console.conftest import answering

IDS = [str(uuid4()) for _ in range(3)]
AT = "2026-11-20T10:00:00Z"


def talk(order_id, **more):
    return {
        "order_id": order_id,
        "number": f"GB-{order_id[:4]}",
        "seller": "harbour",
        "market": "gb",
        "messages": 1,
        "customer_wrote_at": AT,
        "seller_wrote_at": None,
        "unanswered_since": AT,
        "reply_due_at": AT,
    } | more


def message(text, **more):
    return {
        "message_id": str(uuid4()),
        "author": "customer",
        "written_by": "customer",
        "internal": False,
        "text": text,
        "attachments": [],
        "posted_at": AT,
        "read_at": None,
    } | more


@pytest.fixture
def notifications():
    return {
        ("GET", "/v1/conversations/unanswered"): {"items": [talk(one) for one in IDS], "next": None},
        ("GET", "/v1/orders/{order_id}/conversation"): talk(IDS[1]),
        ("GET", "/v1/orders/{order_id}/messages"): {
            "items": [
                message("newest", attachments=[{"document_id": str(uuid4()), "kind": "attachment"}]),
                message("note", author="seller", written_by="carla", internal=True),
                message("second"),
                message("answer", author="seller", written_by="carla"),
                message("first"),
            ],
            "next": None,
        },
        ("POST", "/v1/orders/{order_id}/messages"): message("x"),
    }


@pytest.fixture
def sign_in(make_console, people, notifications):
    def make(scopes=ROLES["customer_service"]):
        transports = {"notifications": answering("notifications", notifications)}
        console = make_console(transports, local_people=people("customer_service", scopes))
        console.post("/login", data={"person": "helen"})
        return console

    return make


@pytest.mark.requirement("S2-09")
@pytest.mark.parametrize(("opened", "following"), [(0, 1), (1, 2), (2, 0)])
def test_behind_each_stands_who_waits_next_and_behind_the_last_the_first(sign_in, opened, following):
    page = sign_in().get(f"/messages?order={IDS[opened]}").get_data(as_text=True)

    assert f'name="following" value="{IDS[following]}"' in page


def test_an_answer_leads_on_and_a_note_stays(sign_in):
    console = sign_in()
    form = {"text": "soon", "following": IDS[2]}

    answer = console.post(f"/messages/{IDS[1]}/write", data=form)
    note = console.post(f"/messages/{IDS[1]}/write", data=form | {"internal": "yes"})
    last = console.post(f"/messages/{IDS[1]}/write", data={"text": "soon", "following": ""})

    assert answer.location == f"/messages?order={IDS[2]}"
    assert note.location == f"/messages?order={IDS[1]}"
    assert last.location == "/messages"


@pytest.mark.requirement("S2-09")
def test_what_is_to_be_answered_stands_above_the_form_with_its_files(sign_in):
    page = sign_in().get(f"/messages?order={IDS[1]}").get_data(as_text=True)

    places = [page.index(f"<p>{text}</p>") for text in ("newest", "note", "second")]
    assert places == sorted(places)
    assert (
        places[-1] < page.index('id="write-text"') < page.index("<p>answer</p>") < page.index("<p>first</p>")
    )
    assert "/documents/" in page


@pytest.mark.requirement("C-20", "C-45")
def test_a_draft_is_kept_where_notifications_goes_away(sign_in, notifications):
    def gone(_):
        raise httpx2.ConnectError("gone")

    notifications["POST", "/v1/orders/{order_id}/messages"] = gone

    answer = sign_in().post(f"/messages/{IDS[1]}/write", data={"text": "half an answer"})

    page = answer.get_data(as_text=True)
    assert answer.status_code == 503
    assert ">half an answer</textarea>" in page
    assert "<p>newest</p>" in page


@pytest.mark.requirement("C-16")
def test_a_form_whose_words_were_others_before_comes_back_with_them_under_another_key(sign_in, notifications):
    problem = {"status": 422, "reason": "idempotency_key_reused", "detail": "came before"}
    notifications["POST", "/v1/orders/{order_id}/messages"] = lambda _: httpx2.Response(422, json=problem)

    answer = sign_in().post(f"/messages/{IDS[1]}/write", data={"text": "other words", "key": "k-9"})

    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert ">other words</textarea>" in page
    assert "Sent again, this is done beside it" in page
    assert 'name="key" value="k-9"' not in page


@pytest.mark.requirement("C-31")
def test_who_only_reads_messages_has_no_forms(sign_in):
    page = sign_in({"notifications:read"}).get(f"/messages?order={IDS[1]}").get_data(as_text=True)

    assert "<p>newest</p>" in page
    assert 'action="/messages' not in page


def test_no_other_address_than_an_order_opens_anything(sign_in):
    answer = sign_in().get("/messages?order=../../x")

    assert answer.status_code == 200
    assert 'id="talk"' not in answer.get_data(as_text=True)
