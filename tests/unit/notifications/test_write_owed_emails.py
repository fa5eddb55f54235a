"""write_owed_emails owes each e-mail once, whatever is heard how often and in whatever order."""

from dataclasses import replace
from itertools import permutations
from uuid import uuid5

import pytest
from sqlalchemy import select

from services.notifications import consumers
from services.notifications.commands import emails as commands
from services.notifications.models import EmailContent
from shared import clock
from shared.db import new_id
from shared.events.snapshots import OrderSnapshot, Person
from shared.logging import causation_id, correlation_id
from shared.messaging import copies
from shared.messaging.tables import event_log, inbox, jobs
from tests.unit.notifications.snapshot_samples import (
    accepted,
    cancelled,
    corrected,
    credited,
    invoiced,
    partly_cancelled,
    placed_order,
    shipped,
)

PLACED = placed_order()
ACCEPTED = accepted(PLACED)
TOLD = {"placed": PLACED, "accepted": ACCEPTED, "shipped": shipped(), "invoiced": invoiced()}
EVERYTHING = ["confirmation", "accepted", "shipped", "invoice"]


def test_an_order_placed_is_told_to_its_seller_and_its_customer(hear, emails):
    hear(PLACED)

    [to_seller], [to_customer] = emails("seller"), emails("customer")
    assert (to_seller.step, to_seller.address) == ("new_order", "orders@lantern.example")
    assert (to_customer.step, to_customer.address) == ("confirmation", "lucia.ferrer@customers.example")
    assert to_customer.reply_to == to_seller.address
    assert to_seller.reply_to == to_customer.address


@pytest.mark.requirement("F-31")
@pytest.mark.parametrize("arrival", list(permutations(TOLD)), ids="-".join)
def test_each_email_is_owed_once_and_in_order_however_events_arrive(arrival, hear, emails, session):
    for name in [*arrival, *arrival]:
        hear(TOLD[name])

    steps = [email.step for email in emails()]
    assert sorted(steps) == sorted(EVERYTHING)
    assert steps.index("confirmation") < steps.index("accepted") < steps.index("shipped")
    assert len(emails("seller")) == 1
    sending = session.execute(select(jobs.c.key).where(jobs.c.kind == "email")).all()
    assert len(sending) == 2  # the first in each line


@pytest.mark.requirement("F-33")
def test_the_customer_is_written_to_in_the_language_of_the_order_and_the_seller_in_the_markets(hear, emails):
    english_market = replace(PLACED.market, locale="en")

    hear(replace(PLACED, locale="es", market=english_market))

    assert [email.locale for email in emails("customer")] == ["es"]
    assert [email.locale for email in emails("seller")] == ["en"]


def test_each_shipment_is_told_of(hear, emails):
    first = shipped().shipments[0]
    second = replace(first, shipment_id=uuid5(first.shipment_id, "second"), number="EU-100042-2")
    hear(ACCEPTED)

    hear(shipped())
    hear(replace(shipped(), version=9, shipments=(first, second)))

    told = [email.about for email in emails() if email.step == "shipped"]
    assert told == [first.shipment_id, second.shipment_id]


def test_papers_are_attached_by_the_hash_that_was_announced(hear, emails):
    hear(cancelled(ACCEPTED))

    hear(credited())

    invoice, credit_note = (email for email in emails() if email.attachments)
    [attached] = invoice.attachments
    assert attached["filename"] == "EU-LANTERN-2026-000042.pdf"
    assert attached["sha256"] == credited().papers[0].sha256
    assert [paper["filename"] for paper in credit_note.attachments] == ["CN-EU-LANTERN-2026-000007.pdf"]


@pytest.mark.requirement("F-22", "P-09")
def test_a_correction_sends_its_credit_note_and_the_new_invoice_once_each(hear, emails):
    hear(ACCEPTED)
    hear(invoiced())

    hear(corrected(new_invoice="due"))
    hear(replace(corrected(), version=98))
    hear(replace(corrected(), version=99))

    assert [paper["filename"] for email in emails() for paper in email.attachments] == [
        "EU-LANTERN-2026-000042.pdf",
        "CN-EU-LANTERN-2026-000007.pdf",
        "EU-LANTERN-2026-000043.pdf",
    ]


@pytest.mark.requirement("P-09")
def test_a_credit_note_over_cancelled_lines_is_sent_though_nothing_was_paid(hear, emails):
    hear(ACCEPTED)
    hear(credited())
    waiting = [email.step for email in emails() if email.attachments]

    hear(partly_cancelled(ACCEPTED))

    assert waiting == ["invoice"]
    assert [email.step for email in emails() if email.attachments] == ["invoice", "credit_note"]


def test_nobody_is_written_to_before_there_is_an_address(hear, emails):
    nameless = replace(PLACED.people, customer=Person(name="Lucía", email=""))
    hear(replace(PLACED, people=nameless))
    assert emails() == []

    hear(replace(PLACED, version=2))

    assert [email.step for email in emails()] == ["confirmation"]


def test_an_email_knows_the_event_that_made_it_due(hear, emails, session):
    event_id = new_id()
    row = {
        "event_id": event_id,
        "source": "orders",
        "type": "order.placed",
        "subject": str(PLACED.order_id),
        "envelope": {},
        "via": "push",
        "next_at": clock.now(),
    }
    session.execute(inbox.insert().values(row))
    cause, request = causation_id.set(str(event_id)), correlation_id.set("a-checkout")

    hear(PLACED)

    causation_id.reset(cause)
    correlation_id.reset(request)
    [email] = emails()
    assert (email.caused_by, email.caused_by_type) == (event_id, "order.placed")
    assert email.correlation_id == "a-checkout"


def test_a_second_delivery_changes_no_message_id(hear, emails):
    hear(PLACED)
    [before] = [email.message_id for email in emails()]

    hear(ACCEPTED)

    assert emails()[0].message_id == before


@pytest.mark.requirement("P-38")
def test_erasing_a_person_empties_words_addresses_and_copies(
    hear, emails, session, work, published, mail_server
):
    hear(PLACED)
    work()
    hear(ACCEPTED)
    anonymised = replace(ACCEPTED, version=9, people=replace(PLACED.people, customer=None, delivery={}))

    hear(anonymised, follow=consumers.erase_person)

    for email in [*emails("customer"), *emails("seller")]:
        assert (email.address, email.subject, email.reply_to) == ("",) * 3
    assert session.scalars(select(EmailContent)).all() == []
    assert [email.status for email in emails()] == ["sent", "failed"]
    assert published("email.failed")[0]["reason"] == commands.PERSON_ERASED
    assert copies.newest(session, PLACED.order_id, OrderSnapshot).people.customer is None
    assert "Lucía" not in str(session.execute(select(event_log.c.payload)).all())
    assert work() == 1  # the job that was waiting finds nothing to send
    assert len(mail_server.received()) == 2
