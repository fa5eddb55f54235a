"""E-mails over HTTP: what was written about an order, and why; to nobody else's eyes."""

import re
from dataclasses import replace

import pytest

from shared.collect_codes import collect_code
from shared.db import new_id
from tests.unit.notifications.snapshot_samples import (
    PDF,
    accepted,
    invoiced,
    paid,
    placed_order,
    waiting_for_pickup,
)

PLACED = placed_order()
LIST = f"/v1/orders/{PLACED.order_id}/notifications"


WRITER = ("notifications:read", "notifications:write")


def test_the_emails_of_an_order_say_why_they_were_written_and_what_came_of_them(get, hear, work):
    hear(PLACED)
    work()

    answer = get(LIST)

    to_seller, to_customer = answer.json["items"]
    assert (to_seller["step"], to_seller["recipient"]) == ("new_order", "seller")
    assert (to_customer["step"], to_customer["status"]) == ("confirmation", "sent")
    assert to_customer["subject"] == "Hemos recibido su pedido EU-100042"
    [attempt] = to_customer["attempts"]
    assert (attempt["outcome"], attempt["code"], attempt["answer"]) == ("sent", 250, "taken as 1234")
    assert "html" not in to_customer


def test_an_email_is_shown_as_it_was_sent(get, hear, work, emails, mail_server):
    hear(PLACED)
    work()

    shown = get(f"/v1/emails/{emails()[0].id}").json

    [message] = [message for message in mail_server.received() if "lucia" in message["To"]]
    sent = message.get_body(("html",)).get_content().replace("\r\n", "\n")
    assert shown["html"].strip() == re.sub(r"token=[^\"]+", "token=…", sent).strip()
    assert shown["text"].startswith("Gracias por su pedido")


@pytest.mark.parametrize("claims", [{"sellers": ["another"]}, {"markets": ["gb"]}, {"sellers": []}])
def test_another_sellers_order_and_emails_do_not_exist(claims, get, hear, emails):
    hear(PLACED)

    assert get(LIST, **claims).status_code == 404
    assert get(f"/v1/emails/{emails()[0].id}", **claims).status_code == 404


def test_what_there_is_not_is_not_found(get):
    assert get(LIST).status_code == 404
    assert get(f"/v1/emails/{new_id()}").status_code == 404


def test_the_scope_is_needed(get):
    assert get(LIST, scopes=("documents:read",)).status_code == 403


def test_the_exact_bytes_are_kept_for_who_may_write_to_the_customer(get, hear, work, emails, mail_server):
    hear(PLACED)
    work()
    address = f"/v1/emails/{emails()[0].id}/content"

    kept = get(address, scopes=WRITER)

    assert kept.data in [raw.replace(b"\r\n.", b"\r\n") for raw in mail_server.raw] + mail_server.raw
    assert kept.mimetype == "message/rfc822"
    assert kept.headers["Content-Disposition"].startswith("attachment")
    assert get(address).status_code == 403
    assert get(address, scopes=WRITER, sellers=["another"]).status_code == 404


def test_the_customers_key_is_not_shown_to_readers(get, hear, work, emails):
    hear(PLACED)
    work()
    address = f"/v1/emails/{emails()[0].id}"
    content = get(f"{address}/content", scopes=WRITER).get_data(as_text=True).replace("=\n", "")
    assert "token=3D" in content or "token=" in content

    for shown in (get(address).json["html"], get(address).json["text"], get(f"{address}/page").text):
        assert set(re.findall(r"token=(.)", shown)) == {"…"}


@pytest.mark.requirement("P-16")
def test_the_code_to_collect_is_shown_to_its_customer_alone(get, hear, work, emails, mail_server, settings):
    waits = waiting_for_pickup()
    [shipment] = waits.shipments
    code = collect_code(settings.customer_link_keys, shipment.shipment_id, shipment.collect_code)
    hear(accepted(paid(PLACED)))
    hear(waits)
    work()
    [email] = [email for email in emails() if email.step == "ready_for_pickup"]
    address = f"/v1/emails/{email.id}"

    [sent] = [mail for mail in mail_server.received() if code in mail.get_body(("plain",)).get_content()]

    assert code in sent.get_body(("html",)).get_content()
    for shown in (get(address).json["html"], get(address).json["text"], get(f"{address}/page").text):
        assert shown
        assert code not in shown


def test_an_email_is_looked_at_where_nothing_of_it_can_run(get, hear, work, emails):
    hear(PLACED)
    work()

    page = get(f"/v1/emails/{emails()[0].id}/page")

    assert page.mimetype == "text/html"
    assert "sandbox" in page.headers["Content-Security-Policy"]
    assert "script-src" not in page.headers["Content-Security-Policy"]
    assert page.headers["X-Content-Type-Options"] == "nosniff"


def test_before_its_first_attempt_an_email_has_no_content(get, hear, emails):
    hear(PLACED)

    assert get(f"/v1/emails/{emails()[0].id}/content", scopes=WRITER).status_code == 404
    assert get(f"/v1/emails/{emails()[0].id}").json["text"] == ""


@pytest.mark.requirement("P-34", "M-35")
def test_an_email_sent_again_is_a_new_one_that_names_the_old(get, post, hear, work, emails, mail_server):
    hear(PLACED)
    work()
    [first] = emails()
    moved = replace(PLACED.people, customer=replace(PLACED.people.customer, email="new@customers.example"))
    hear(replace(PLACED, version=2, people=moved))

    answer = post(f"/v1/emails/{first.id}/resend")
    work()

    assert answer.status_code == 201
    assert (answer.json["resend_of"], answer.json["requested_by"]) == (str(first.id), "tess")
    again = emails()[1]
    assert again.message_id != first.message_id
    assert again.locale == "es"  # the order's, whoever asked
    assert mail_server.received()[-1]["To"] == "new@customers.example"
    assert mail_server.received()[-1]["Subject"] == first.subject


def test_what_is_on_its_way_is_not_sent_again(post, hear, emails):
    hear(PLACED)

    answer = post(f"/v1/emails/{emails()[0].id}/resend")

    assert (answer.status_code, answer.json["reason"]) == (409, "still_queued")


def test_nobody_else_has_an_email_sent_again(post, hear, work, emails):
    hear(PLACED)
    work()
    address = f"/v1/emails/{emails()[0].id}/resend"

    assert post(address, scopes=("notifications:read",)).status_code == 403
    assert post(address, sellers=["another"]).status_code == 404
    assert post(f"/v1/emails/{new_id()}/resend").status_code == 404


def noted(kind="delivery_note", status="stored"):
    [paper] = invoiced().papers
    return replace(invoiced(), papers=(replace(paper, kind=kind, number="", status=status),))


@pytest.mark.requirement("S0-13")
def test_the_delivery_note_is_sent_to_the_customer_and_sent_again(
    get, post, hear, work, emails, mail_server, store
):
    store(noted(), PDF)
    hear(accepted(PLACED))
    work()
    hear(noted())
    hear(replace(noted(), version=90))
    work()
    body = {"document_id": str(noted().papers[0].document_id)}

    first = post(LIST, body)
    work()
    second = post(LIST, body)
    work()

    assert (first.status_code, second.status_code) == (201, 201)
    [automatic] = [email for email in emails() if email.step == "delivery_note" and not email.requested_by]
    assert first.json["resend_of"] == str(automatic.id)
    assert second.json["resend_of"] == first.json["email_id"]
    sent = [mail for mail in mail_server.received() if mail["Subject"] == "Albarán de su pedido EU-100042"]
    assert [mail.is_multipart() and next(mail.iter_attachments()).get_content() for mail in sent] == [PDF] * 3
    listed = [item for item in get(LIST).json["items"] if item["step"] == "delivery_note"]
    assert [item["status"] for item in listed] == ["sent"] * 3


@pytest.mark.parametrize(
    ("papers", "status", "said"),
    [
        (noted("label"), 409, "not_for_customers"),
        (noted(status="numbered"), 409, "not_stored"),
        (replace(noted(), papers=()), 422, "not known as a document"),
    ],
)
def test_a_paper_that_can_t_be_sent_is_refused(papers, status, said, post, hear):
    hear(accepted(PLACED))
    hear(papers)

    answer = post(LIST, {"document_id": str(noted().papers[0].document_id)})

    assert answer.status_code == status
    assert said in answer.get_data(as_text=True)


def test_a_paper_goes_to_nobody_once_the_person_is_erased(post, hear):
    hear(replace(accepted(PLACED), anonymised_at=PLACED.placed_at))
    hear(noted())

    answer = post(LIST, {"document_id": str(noted().papers[0].document_id)})

    assert (answer.status_code, answer.json["reason"]) == (409, "person_erased")
