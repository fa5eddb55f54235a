"""Conversations on an order: who may say and see what, what is told, and who waits for an answer."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from sqlalchemy import select, update

from services.notifications import consumers
from services.notifications.models import Conversation, Message
from shared import clock
from shared.customer_tokens import make_token
from shared.db import new_id
from shared.messaging.tables import event_log, jobs
from tests.unit.notifications.snapshot_samples import accepted, invoiced, placed_order

PLACED = placed_order()
ORDER = f"/v1/orders/{PLACED.order_id}"
MESSAGES = f"{ORDER}/messages"
LINK = "/v1/customer/messages"
PAGE = f"{LINK}/page"


@pytest.fixture
def token(settings):
    def made(order=PLACED, days=1):
        until = datetime.now(UTC) + timedelta(days=days)
        return make_token(settings.customer_link_keys, order.order_id, until)

    return made


@pytest.fixture
def customer_says(ask, token):
    def said(text="Where is it?", order=PLACED, **body):
        address = f"{LINK}?token={token(order)}"
        return ask("POST", address, json={"text": text, **body})

    return said


@pytest.fixture
def customer_sees(ask, token):
    return lambda order=PLACED: ask("GET", f"{LINK}?token={token(order)}").json["items"]


@pytest.fixture
def talk(session):
    session.info["settings"] = session.info["settings"]
    return lambda: session.get(Conversation, PLACED.order_id, populate_existing=True)


@pytest.mark.requirement("S0-08", "S2-09")
def test_staff_read_what_a_customer_wrote_and_answer(hear, work, get, post, customer_says, customer_sees):
    hear(PLACED)
    assert customer_says("Where is it?").status_code == 201

    [read] = get(MESSAGES).json["items"]
    answered = post(MESSAGES, {"text": "On its way."})

    assert (read["author"], read["text"]) == ("customer", "Where is it?")
    assert (answered.status_code, answered.json["written_by"]) == (201, "tess")
    assert [said["text"] for said in customer_sees()] == ["On its way.", "Where is it?"]


def test_each_side_is_sent_an_email_of_what_the_other_wrote(hear, work, post, customer_says, mail_server):
    hear(PLACED)
    work()
    customer_says("Where is it?")
    post(MESSAGES, {"text": "On its way."})
    work()

    to_seller, to_customer = mail_server.received()[-2:]
    assert (to_seller["To"], to_customer["To"]) == (
        "orders@lantern.example",
        "lucia.ferrer@customers.example",
    )
    assert "Where is it?" in to_seller.get_body(("plain",)).get_content()
    assert "On its way." in to_customer.get_body(("plain",)).get_content()
    assert to_customer["Subject"] == "Un mensaje sobre su pedido EU-100042"


def test_messages_of_a_few_seconds_are_one_email(hear, work, customer_says, mail_server, emails):
    hear(PLACED)
    work()
    for text in ("Hello?", "Where is it?", "I wait."):
        customer_says(text)
    work()

    said = mail_server.received()[-1].get_body(("plain",)).get_content()
    assert all(text in said for text in ("Hello?", "Where is it?", "I wait."))
    assert [email.status for email in emails("seller")] == ["sent", "sent", "merged", "merged"]


@pytest.mark.requirement("S2-07")
def test_orders_hears_who_wrote_last_without_a_word_of_it(hear, customer_says, post, published, session):
    hear(PLACED)
    customer_says("My secret")
    post(MESSAGES, {"text": "Our answer"})

    first, second = published("message.posted")
    assert (first["author"], first["conversation"]["unanswered"]) == ("customer", True)
    assert (second["author"], second["conversation"]["unanswered"]) == ("seller", False)
    assert second["conversation"]["messages"] == 2
    assert second["conversation"]["seller_wrote_at"] >= second["conversation"]["customer_wrote_at"]
    assert second["conversation"]["version"] > first["conversation"]["version"]
    told = str(session.execute(select(event_log.c.payload)).all())
    assert "My secret" not in told
    assert "Our answer" not in told


@pytest.mark.requirement("P-33")
def test_a_note_of_staff_leaks_nowhere(
    hear, work, get, post, customer_sees, ask, token, mail_server, session, published, talk
):
    hear(PLACED)
    work()
    sent = len(mail_server.received())
    post(MESSAGES, {"text": "A difficult customer", "internal": True})
    work()

    assert [note["internal"] for note in get(MESSAGES).json["items"]] == [True]
    assert customer_sees() == []
    assert "difficult" not in ask("GET", f"{PAGE}?token={token()}").text
    assert len(mail_server.received()) == sent
    assert published("message.posted") == []
    assert "difficult" not in str(session.execute(select(event_log.c.payload)).all())
    assert (talk().messages, talk().seller_wrote_at) == (0, None)


def test_a_note_answers_nobody(hear, post, customer_says, talk):
    hear(PLACED)
    customer_says()

    post(MESSAGES, {"text": "Who knows?", "internal": True})

    assert talk().unanswered_since is not None


def test_a_customer_can_t_write_notes_or_name_another_order(hear, ask, token, customer_says):
    hear(PLACED)

    assert customer_says(internal=True).status_code == 422
    assert ask("GET", MESSAGES).status_code == 401
    assert ask("GET", f"{LINK}?token=forged").status_code == 401
    assert ask("GET", f"{LINK}?token={token(days=-1)}").status_code == 401
    assert ask("GET", f"{LINK}?token={token(replace(PLACED, order_id=new_id()))}").status_code == 404


def test_the_customer_is_not_told_who_of_the_staff_wrote(hear, post, customer_sees, ask, token):
    hear(PLACED)
    post(MESSAGES, {"text": "On its way."})

    assert set(customer_sees()[0]) == {"message_id", "author", "text", "attachments", "posted_at", "read_at"}
    assert "tess" not in ask("GET", f"{PAGE}?token={token()}").text


@pytest.mark.parametrize("claims", [{"sellers": ["another"]}, {"markets": ["gb"]}])
def test_another_sellers_conversation_does_not_exist(claims, hear, get, post, customer_says):
    hear(PLACED)
    customer_says()

    assert get(MESSAGES, **claims).status_code == 404
    assert post(MESSAGES, {"text": "hello"}, **claims).status_code == 404
    assert get(f"{ORDER}/conversation", **claims).status_code == 404
    assert post(f"{ORDER}/conversation/read", **claims).status_code == 404
    assert get("/v1/conversations/unanswered", **claims).json["items"] == []


def test_writing_needs_its_scope(hear, post):
    hear(PLACED)

    assert post(MESSAGES, {"text": "hello"}, scopes=("notifications:read",)).status_code == 403


@pytest.mark.requirement("S2-09")
def test_the_unanswered_are_queued_by_when_an_answer_is_due(hear, get, post, customer_says, session):
    orders = [replace(PLACED, order_id=new_id(), number=f"EU-{place}") for place in range(5)]
    for order in orders:
        hear(order)
        customer_says(order=order)
    post(f"/v1/orders/{orders[1].order_id}/messages", {"text": "Here it is."})
    post(f"/v1/orders/{orders[3].order_id}/conversation/no-answer-needed")

    seen, cursor = [], ""
    while cursor is not None:
        page = get(f"/v1/conversations/unanswered?limit=2{cursor and '&cursor='}{cursor}").json
        seen += [item["number"] for item in page["items"]]
        cursor = page["next"]

    assert seen == ["EU-0", "EU-2", "EU-4"]


def test_an_answer_is_due_some_hours_after_the_first_unanswered_message(hear, customer_says, talk, settings):
    hear(PLACED)
    customer_says()
    due = talk().reply_due_at
    customer_says("Hello?")

    assert talk().reply_due_at == due == talk().unanswered_since + timedelta(hours=settings.reply_hours)


def test_where_nobody_waits_nothing_is_to_be_waved_through(hear, post):
    hear(PLACED)

    refused = post(f"{ORDER}/conversation/no-answer-needed")

    assert (refused.status_code, refused.json["reason"]) == (409, "not_unanswered")


@pytest.mark.requirement("S2-09")
def test_reading_is_noted_for_each_side(hear, get, post, ask, token, customer_says, customer_sees):
    hear(PLACED)
    customer_says()
    assert customer_sees()[0]["read_at"] is None

    post(f"{ORDER}/conversation/read")
    assert customer_sees()[0]["read_at"] is not None

    post(MESSAGES, {"text": "On its way."})
    ask("GET", f"{PAGE}?token={token()}")  # a mail program looks at links too: showing is not reading
    assert get(MESSAGES).json["items"][0]["read_at"] is None

    assert ask("POST", f"{LINK}/read?token={token()}").status_code == 204
    assert get(MESSAGES).json["items"][0]["read_at"] is not None


def with_papers(*papers):
    [paper] = invoiced().papers
    made = tuple(
        replace(paper, document_id=document_id, kind=kind, status=status, part=str(document_id))
        for document_id, kind, status in papers
    )
    return replace(invoiced(), papers=made)


def test_documents_of_the_order_go_with_messages_and_no_others(hear, post, customer_says, customer_sees):
    picture, label, gone, foreign = (new_id() for _ in range(4))
    hear(PLACED)
    hear(
        with_papers(
            (picture, "attachment", "stored"), (label, "label", "stored"), (gone, "attachment", "removed")
        )
    )

    taken = customer_says("Broken", document_ids=[str(picture)])
    refused = customer_says("Broken", document_ids=[str(picture), str(foreign), str(label), str(gone)])

    assert [paper["document_id"] for paper in taken.json["attachments"]] == [str(picture)]
    assert refused.status_code == 422
    assert [error["field"] for error in refused.json["errors"]] == [
        f"document_ids.{place}" for place in (1, 2, 3)
    ]
    assert post(MESSAGES, {"text": "see", "document_ids": [str(label)]}).status_code == 422


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"text": ""}, "text"),
        ({"text": " \n "}, "text"),
        ({"text": "x" * 4001}, "text"),
        ({"text": "a\0b"}, "text"),
        ({}, "text"),
        ({"text": "x", "document_ids": ["no id"]}, "document_ids.0"),
        ({"text": "x", "document_ids": [str(new_id()) for _ in range(6)]}, "document_ids"),
    ],
)
def test_what_can_t_be_said_is_refused_by_name(body, field, hear, post, ask, token):
    hear(PLACED)

    for answer in (post(MESSAGES, body), ask("POST", f"{LINK}?token={token()}", json=body)):
        assert answer.status_code == 422
        assert answer.json["errors"][0]["field"] == field


def test_a_customer_who_writes_without_end_is_stopped_and_may_go_on_later(hear, customer_says, session):
    hear(PLACED)
    for _ in range(10):
        assert customer_says().status_code == 201

    stopped = customer_says()
    session.execute(update(Message).values(posted_at=clock.now() - timedelta(hours=1)))
    session.commit()

    assert (stopped.status_code, stopped.json["reason"]) == (409, "too_many_messages")
    assert customer_says().status_code == 201


def fill(page):
    key = re.search(r'name="key" value="([^"]+)"', page.text)[1]
    action = unescape(re.search(r'action="([^"]+)"', page.text)[1])
    return action, key


def test_the_page_speaks_the_orders_language_and_runs_nothing(hear, post, ask, token):
    hear(PLACED)
    post(MESSAGES, {"text": "<script>alert(1)</script>"})

    page = ask("GET", f"{PAGE}?token={token()}")

    assert page.mimetype == "text/html"
    assert "Mensajes sobre su pedido EU-100042" in page.text
    assert "<script>" not in page.text
    assert "&lt;script&gt;" in page.text
    policy = page.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert page.headers["Cache-Control"] == "no-store"


def test_the_form_posts_once_however_often_it_is_sent(hear, ask, token, customer_sees):
    hear(PLACED)
    action, key = fill(ask("GET", f"{PAGE}?token={token()}"))

    answers = [ask("POST", action, data={"text": "Hello?\r\nAnyone?", "key": key}) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [303, 303]
    assert [said["text"] for said in customer_sees()] == ["Hello?\nAnyone?"]
    assert "Hello?" in ask("GET", answers[0].headers["Location"]).text


@pytest.mark.parametrize(("text", "said"), [("  ", "Escriba algo primero"), ("x" * 4001, "demasiado largo")])
def test_a_form_that_can_t_be_taken_comes_back_with_what_was_typed(text, said, hear, ask, token):
    hear(PLACED)
    action, key = fill(ask("GET", f"{PAGE}?token={token()}"))

    answer = ask("POST", action, data={"text": text, "key": key})

    assert answer.status_code == 422
    assert said in answer.text


@pytest.mark.requirement("V-03")
def test_what_a_person_pasted_without_seeing_it_is_left_out(hear, ask, token, customer_sees):
    hear(PLACED)
    action, key = fill(ask("GET", f"{PAGE}?token={token()}"))

    answer = ask("POST", action, data={"text": "Hello\x0b\0?\r\nCafe\u0301", "key": key})

    assert answer.status_code == 303
    assert [said["text"] for said in customer_sees()] == ["Hello?\nCafé"]


def test_the_page_links_to_what_its_reader_may_open(hear, post, ask, token, customer_says, settings):
    theirs, invoice, internal = (new_id() for _ in range(3))
    hear(PLACED)
    hear(
        with_papers(
            (theirs, "attachment", "stored"),
            (invoice, "invoice", "stored"),
            (internal, "attachment", "stored"),
        )
    )
    customer_says("Broken", document_ids=[str(theirs)])
    post(MESSAGES, {"text": "Here it is", "document_ids": [str(invoice), str(internal)]})
    key = token()

    page = ask("GET", f"{PAGE}?token={key}").text

    links = [unescape(link) for link in re.findall(r'<a href="([^"]+)">', page)]
    documents = f"{settings.documents_url}/v1/customer/documents"
    assert links == [f"{documents}/{paper}/content?token={key}" for paper in (theirs, invoice)]
    assert page.count("Archivo adjunto") == 2
    assert page.count("Factura") == 1


def test_a_form_too_many_says_so_on_the_page(hear, ask, token, customer_says):
    hear(PLACED)
    for _ in range(10):
        customer_says()
    action, key = fill(ask("GET", f"{PAGE}?token={token()}"))

    answer = ask("POST", action, data={"text": "One more", "key": key})

    assert answer.status_code == 409
    assert "muchos mensajes" in answer.text
    assert "One more" in answer.text


def test_erasing_a_person_empties_what_was_said_and_closes_the_conversation(
    hear, get, customer_says, ask, token, talk, session, post
):
    hear(PLACED)
    customer_says("My name is Lucía")
    gone = replace(PLACED, version=9, people=replace(PLACED.people, customer=None, delivery={}))
    gone = replace(gone, anonymised_at=PLACED.placed_at)

    hear(gone, follow=consumers.erase_person)

    assert [said["text"] for said in get(MESSAGES).json["items"]] == [""]
    assert talk().reply_due_at is None
    refused = [customer_says("Hello?"), post(MESSAGES, {"text": "Hello?"})]
    assert [answer.json["reason"] for answer in refused] == ["person_erased"] * 2
    assert session.scalars(select(jobs.c.state).where(jobs.c.state == "dead")).all() == []


@pytest.mark.requirement("S2-09")
def test_messages_come_in_pages_the_newest_first(hear, get, post):
    hear(accepted(PLACED))
    for place in range(5):
        post(MESSAGES, {"text": f"number {place}"})

    seen, cursor = [], ""
    while cursor is not None:
        page = get(f"{MESSAGES}?limit=2{cursor and '&cursor='}{cursor}").json
        seen += [item["text"] for item in page["items"]]
        cursor = page["next"]

    assert seen == [f"number {place}" for place in (4, 3, 2, 1, 0)]
