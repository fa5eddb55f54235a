"""The job that sends an e-mail: through a real mail server, in order, and never lost."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from services.notifications.models import ThrottledDomain
from shared import clock
from shared.db import new_id
from shared.logging import causation_id
from shared.messaging import operations
from shared.messaging.tables import event_log, jobs, outbox
from tests.unit.notifications.snapshot_samples import (
    PDF,
    accepted,
    invoiced,
    noted,
    paid,
    placed_order,
    shipped,
)

PLACED = placed_order()
ACCEPTED = accepted(PLACED)


def subjects(mail_server):
    return [message["Subject"] for message in mail_server.received() if "lucia.ferrer@" in message["To"]]


def test_an_email_goes_out_in_the_sellers_name_and_is_answered_by_the_seller(hear, work, mail_server, emails):
    hear(PLACED)

    work()

    [message] = [message for message in mail_server.received() if "lucia" in message["To"]]
    assert message["From"] == "Lantern & Lark <orders@waybill.example>"
    assert message["Reply-To"] == "orders@lantern.example"
    assert message["Subject"] == "Hemos recibido su pedido EU-100042"
    assert message["Message-ID"] == f"<{emails()[0].message_id}@waybill.example>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Content-Language"] == "es"
    assert "GB33 BUKB 2020 1555 5555 55" in message.get_body(("plain",)).get_content()
    assert "GB33 BUKB 2020 1555 5555 55" in message.get_body(("html",)).get_content()


def from_customer(**changes):
    customer = replace(PLACED.people.customer, **changes)
    return replace(PLACED, people=replace(PLACED.people, customer=customer))


HIDDEN_LETTER = "=?utf-8?q?x=0D=0ASubject=3A_Payout_on_hold=0D=0A=0D=0A<h1>Pay</h1>?=@example.com"


@pytest.mark.requirement("V-01")
@pytest.mark.parametrize("address", [HIDDEN_LETTER, "=?utf-8?q?a=40evil.example=2C?=@example.com"])
def test_an_address_that_an_older_release_let_in_is_written_to_by_nobody(
    address, hear, work, mail_server, emails
):
    hear(from_customer(email=address))

    work()

    [to_customer] = emails()
    assert (to_customer.status, to_customer.error) == ("failed", "To is not an e-mail address")
    [message] = mail_server.received()
    assert message["To"] == PLACED.seller.email
    assert message["Subject"].startswith("Pedido nuevo EU-100042")
    assert "Reply-To" not in message


@pytest.mark.requirement("V-01")
def test_a_name_is_never_read_as_an_encoded_word(hear, work, mail_server):
    name = "=?utf-8?q?a=40evil.example=0D=0A?="
    hear(replace(PLACED, seller=replace(PLACED.seller, name=name)))

    work()

    [message] = [message for message in mail_server.received() if "lucia" in message["To"]]
    [sender] = message["From"].addresses
    assert (sender.display_name, sender.addr_spec) == (name, "orders@waybill.example")
    assert message["Subject"] == "Hemos recibido su pedido EU-100042"


def test_sending_tells_the_event_with_its_words_left_out(hear, work, published, emails, session):
    hear(PLACED)

    work()

    sent = {event["recipient"]: event for event in published("email.sent")}
    assert set(sent) == {"customer", "seller"}
    assert sent["customer"]["email_id"] == str(emails()[0].id)
    assert sent["customer"]["conversation"]["number"] == "EU-100042"
    assert "lucia" not in str(session.execute(select(event_log.c.payload)).all()).lower()
    [attempt] = emails()[0].attempts
    assert (attempt.outcome, attempt.code, attempt.answer) == ("sent", 250, "taken as 1234")


def test_what_is_told_follows_from_the_emails_own_cause(hear, work, session):
    causes = [str(new_id()), str(new_id())]
    for cause, snapshot in zip(causes, (PLACED, ACCEPTED), strict=True):
        token = causation_id.set(cause)
        hear(replace(snapshot, seller=replace(PLACED.seller, email="")))
        causation_id.reset(token)

    work()  # the second is owed its job only when the first was sent

    told = session.scalars(select(event_log.c.causation_id).order_by(event_log.c.seq))
    assert told.all() == causes


def test_the_versions_told_rise(hear, work, published):
    hear(ACCEPTED)

    work()

    versions = [event["conversation"]["version"] for event in published("email.sent")]
    assert versions == [1, 2, 3]


def test_documents_hears_only_of_emails_that_had_papers_with_them(hear, work, store, session):
    store(invoiced(), PDF)
    for snapshot in (ACCEPTED, invoiced()):
        hear(snapshot)

    work()

    told = select(event_log.c.payload, outbox.c.subscriber).join(outbox, outbox.c.seq == event_log.c.seq)
    heard = {(row.payload["step"], row.subscriber) for row in session.execute(told)}
    assert {step for step, subscriber in heard if subscriber == "documents"} == {"invoice"}
    assert {step for step, subscriber in heard if subscriber == "orders"} >= {"accepted", "invoice"}


@pytest.mark.requirement("S4-02")
def test_steps_reach_the_customer_in_order_though_the_last_is_heard_first(hear, work, mail_server, store):
    store(invoiced(), PDF)
    for snapshot in (shipped(), invoiced(), ACCEPTED):
        hear(snapshot)

    work()

    assert subjects(mail_server) == [
        "Hemos recibido su pedido EU-100042",
        "Su pedido EU-100042 ha sido aceptado",
        "Su pedido EU-100042 está en camino",
        "Factura EU-LANTERN-2026-000042 de su pedido EU-100042",
    ]


def test_a_paper_is_attached_byte_for_byte(hear, work, mail_server, store):
    content = bytes(range(256)) * 40
    store(invoiced(content), content)
    hear(ACCEPTED)
    hear(invoiced(content))

    work()

    [attachment] = mail_server.received()[-1].iter_attachments()
    assert attachment.get_content() == content
    assert attachment.get_filename() == "EU-LANTERN-2026-000042.pdf"
    assert attachment.get_content_type() == "application/pdf"


def test_a_paper_with_another_hash_is_refused(hear, work, mail_server, store, emails, published):
    store(invoiced(), b"%PDF-1.7 another paper")
    hear(ACCEPTED)
    hear(invoiced())

    work()

    failed = emails()[-1]
    assert (failed.step, failed.status) == ("invoice", "failed")
    assert "SHA-256" in failed.error
    assert published("email.failed")[0]["reason"] == failed.error
    assert [message.is_attachment() for message in mail_server.received()] == [False] * 3


@pytest.mark.parametrize("removed", [True, False])
def test_a_paper_that_is_gone_fails_its_email(removed, hear, work, documents, emails):
    documents.removed = removed
    hear(ACCEPTED)
    hear(invoiced())

    work()

    assert (emails()[-1].status, emails()[-1].attempts[0].outcome) == ("failed", "refused")
    assert "documents no longer has EU-LANTERN-2026-000042.pdf" in emails()[-1].error


def test_an_email_waits_for_documents_to_be_back(hear, work, store, documents, emails):
    store(invoiced(), PDF)
    documents.broken = True
    hear(ACCEPTED)
    hear(invoiced())
    work()
    assert emails()[-1].status == "queued"

    documents.broken = False
    work(after_waiting=True)

    assert emails()[-1].status == "sent"
    assert [attempt.outcome for attempt in emails()[-1].attempts] == ["delayed", "sent"]


@pytest.mark.parametrize("stage", ["at_recipient", "at_content"])
def test_a_server_that_refuses_for_now_delays_and_loses_nothing(
    stage, hear, work, mail_server, emails, counted
):
    getattr(mail_server, stage).extend(["451 greylisted, come back"] * 2)
    hear(replace(PLACED, seller=replace(PLACED.seller, email="")))  # to the customer alone
    work()
    work(after_waiting=True)
    assert emails()[0].status == "queued"

    work(after_waiting=True)

    assert emails()[0].status == "sent"
    assert [(tried.outcome, tried.code) for tried in emails()[0].attempts] == [
        ("delayed", 451),
        ("delayed", 451),
        ("sent", 250),
    ]
    assert len(mail_server.received()) == 1
    assert counted("waybill_emails_total", outcome="delayed") == 2
    assert counted("waybill_emails_total", outcome="sent") == 1


@pytest.mark.requirement("M-35")
def test_what_waits_goes_to_the_address_that_was_put_right_and_what_was_sent_stays(
    hear, work, emails, mail_server
):
    hear(PLACED)
    work()
    mail_server.at_recipient.append("451 later")
    hear(replace(ACCEPTED, version=2))
    work()
    right = replace(PLACED.people, customer=replace(PLACED.people.customer, email="new@customers.example"))

    hear(replace(ACCEPTED, version=3, people=right))
    work(after_waiting=True)

    first, accepted = emails()[:2]
    assert (first.address, accepted.address) == (PLACED.people.customer.email, "new@customers.example")
    assert accepted.status == "sent"
    [sent] = [one for one in mail_server.received() if one["To"] == "new@customers.example"]
    assert sent["Subject"] == accepted.subject


def test_an_absent_server_delays_what_is_first_and_all_behind_it(hear, work, mail_server, emails, settings):
    mail_server.stop()
    hear(ACCEPTED)

    assert work() == 2  # one per line: seller's and customer's

    mail_server.start()
    assert [email.status for email in emails()] == ["queued", "queued"]
    assert emails()[0].attempts[0].code is None
    work(after_waiting=True)
    assert [email.status for email in emails()] == ["sent", "sent"]
    assert subjects(mail_server) == [
        "Hemos recibido su pedido EU-100042",
        "Su pedido EU-100042 ha sido aceptado",
    ]


@pytest.mark.parametrize("stage", ["at_recipient", "at_content"])
def test_a_refusal_for_good_fails_with_its_reason_and_the_next_is_sent(
    stage, hear, work, mail_server, emails, published, session, counted
):
    hear(replace(ACCEPTED, seller=replace(PLACED.seller, email="")))
    getattr(mail_server, stage).append("550 5.1.1 <lucia.ferrer@customers.example> is unknown")

    work()

    first, second = emails()
    assert (first.status, first.error) == ("failed", "550 5.1.1 <(address)> is unknown")
    assert second.status == "sent"
    assert published("email.failed")[0]["reason"] == first.error
    assert [tried.outcome for tried in first.attempts] == ["refused"]
    assert session.scalars(select(jobs.c.last_error).where(jobs.c.state == "dead")).all() == [
        "PermanentFailure: 550 5.1.1 <(address)> is unknown"
    ]
    assert counted("waybill_emails_total", outcome="given_up") == 1
    assert counted("waybill_emails_total", outcome="sent") == 1


def test_a_server_that_turns_everybody_away_fails_no_email(hear, work, mail_server, emails):
    mail_server.at_greeting.extend(["554 no service here"] * 2)
    hear(replace(PLACED, seller=replace(PLACED.seller, email="")))

    work()

    assert emails()[0].status == "queued"
    assert emails()[0].attempts[0].code == 554


def test_a_repeat_after_a_lost_commit_is_the_same_message(hear, work, mail_server, emails, session):
    hear(replace(PLACED, seller=replace(PLACED.seller, email="")))
    before = session.begin_nested()
    work()
    before.rollback()  # the worker died between the server's 250 and its commit

    work()

    first, second = mail_server.raw
    assert first == second
    assert emails()[0].status == "sent"


def test_a_repeated_attempt_says_what_the_first_one_said(hear, work, mail_server, emails):
    mail_server.at_recipient.append("451 later")
    hear(replace(PLACED, seller=replace(PLACED.seller, email="")))
    work()

    hear(replace(paid(PLACED), seller=replace(PLACED.seller, email="")))
    work(after_waiting=True)

    message, payment = mail_server.received()
    assert payment["Subject"] == "Hemos recibido el pago de su pedido EU-100042"
    assert "Transfiera 49,10" in message.get_body(("plain",)).get_content()


def test_an_email_says_what_is_so_when_its_turn_comes(hear, work, mail_server):
    hear(replace(PLACED, seller=replace(PLACED.seller, email="")))
    hear(replace(paid(PLACED), seller=replace(PLACED.seller, email="")))

    work()

    [message] = mail_server.received()
    assert "Hemos recibido su pago" in message.get_body(("plain",)).get_content()


def test_an_operator_can_have_a_failed_email_sent(hear, work, mail_server, emails, session):
    hear(replace(PLACED, seller=replace(PLACED.seller, email="")))
    mail_server.at_recipient.append("550 mailbox unavailable")
    work()

    dead = session.scalars(select(jobs.c.id).where(jobs.c.state == "dead")).one()
    operations.retry(session, dead)
    session.commit()
    work()

    assert (emails()[0].status, emails()[0].error) == ("sent", "")
    assert len(mail_server.received()) == 1


def test_a_payment_within_seconds_is_told_with_the_order(hear, work, mail_server, emails, settings):
    hear(PLACED)
    hear(paid(PLACED))

    work()

    received, payment = emails()
    assert subjects(mail_server) == ["Hemos recibido su pedido EU-100042"]
    assert (payment.step, payment.status, payment.merged_into) == ("payment_received", "merged", received.id)


def test_received_waits_for_what_the_next_seconds_bring(hear, work, mail_server, session, settings):
    session.info["settings"] = replace(settings, merge_seconds=3000)
    hear(PLACED)

    work()
    assert subjects(mail_server) == []

    due = session.scalars(select(jobs.c.run_at).where(jobs.c.key.like("email:confirmation:%"))).one()
    assert 2000 < (due - clock.now()).total_seconds() <= 3000
    work(after_waiting=True)
    assert subjects(mail_server) == ["Hemos recibido su pedido EU-100042"]


@pytest.mark.requirement("S0-13")
def test_a_delivery_note_of_the_next_seconds_goes_with_the_acceptance(hear, work, mail_server, emails, store):
    store(noted(), PDF)
    hear(ACCEPTED)
    hear(noted())

    work()

    *_, accepted_, note = emails()
    assert (note.step, note.status, note.merged_into) == ("delivery_note", "merged", accepted_.id)
    assert subjects(mail_server)[1:] == ["Su pedido EU-100042 ha sido aceptado"]
    mail = mail_server.received()[-1]
    assert "Adjuntamos el albarán" in mail.get_body(("plain",)).get_content()
    [enclosed] = mail.iter_attachments()
    assert enclosed.get_content() == PDF
    assert accepted_.attachments == note.attachments


def test_a_delivery_note_later_on_is_sent_by_itself(hear, work, mail_server, store):
    store(noted(), PDF)
    hear(ACCEPTED)
    work()
    hear(noted())
    work()

    assert subjects(mail_server)[1:] == [
        "Su pedido EU-100042 ha sido aceptado",
        "Albarán de su pedido EU-100042",
    ]
    assert "albarán" not in mail_server.received()[-2].get_body(("plain",)).get_content()
    [enclosed] = mail_server.received()[-1].iter_attachments()
    assert enclosed.get_content() == PDF


def test_a_payment_later_on_is_told_by_itself(hear, work, mail_server):
    hear(PLACED)
    work()

    hear(paid(PLACED))
    work()

    assert subjects(mail_server) == [
        "Hemos recibido su pedido EU-100042",
        "Hemos recibido el pago de su pedido EU-100042",
    ]


def test_a_domain_that_wants_less_is_left_alone_by_all_its_emails(hear, work, mail_server, emails, session):
    other = replace(PLACED, order_id=new_id(), number="EU-2", seller=replace(PLACED.seller, email=""))
    mail_server.at_recipient.append("421 4.7.0 too many messages from you")
    hear(replace(PLACED, seller=replace(PLACED.seller, email="")))
    work()

    hear(other)
    work()

    assert mail_server.received() == []
    throttled, waiting = sorted(emails(), key=lambda email: email.created_at)
    assert [attempt.outcome for attempt in throttled.attempts] == ["throttled"]
    assert waiting.attempts == []  # nobody even knocked
    paused = session.scalars(select(ThrottledDomain)).one()
    assert (paused.domain, paused.strikes) == ("customers.example", 1)

    paused.until = clock.now()
    session.commit()
    work(after_waiting=True)

    assert len(mail_server.received()) == 2
    assert session.scalars(select(ThrottledDomain)).all() == []


def test_an_email_is_given_up_after_three_days_with_the_last_answer(
    hear, work, mail_server, emails, session, published
):
    mail_server.at_recipient.extend(["452 4.2.2 mailbox full"] * 2)
    hear(replace(PLACED, seller=replace(PLACED.seller, email="")))
    work()
    session.execute(update(jobs).values(due_at=clock.now() - timedelta(days=3, minutes=1)))
    session.commit()

    work(after_waiting=True)

    assert (emails()[0].status, emails()[0].error) == ("failed", "452 4.2.2 mailbox full")
    assert published("email.failed")[0]["reason"] == "452 4.2.2 mailbox full"


def test_waits_grow_to_the_longest_and_no_further(hear, work, mail_server, session, settings):
    session.info["settings"] = settings
    mail_server.at_recipient.extend(["452 4.2.2 mailbox full"] * 20)
    hear(replace(PLACED, seller=replace(PLACED.seller, email="")))
    waits = []
    for _ in range(16):
        work(after_waiting=True)
        due = session.scalars(select(jobs.c.run_at)).one()
        waits.append((due - clock.now()).total_seconds())

    assert waits[0] < 80 < waits[4] < 1300
    assert 2500 < max(waits) < 3600 * 1.3
