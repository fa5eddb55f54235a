"""E-mails to couriers: what is to be delivered, to whoever has to deliver it now."""

from dataclasses import replace

import pytest

from services.notifications import consumers
from shared import clock
from shared.events.snapshots import People, Recipient
from tests.unit.notifications.snapshot_samples import accepted, assigned, paid, placed_order, shipped

ORDER = accepted(paid(placed_order()))


@pytest.fixture
def couriers(emails):
    """The e-mails to couriers, each as whom it is for and what became of it."""
    return lambda: [(email.recipient_id, email.status) for email in emails(Recipient.COURIER)]


@pytest.mark.requirement("S4-06")
def test_a_courier_is_told_once_of_a_shipment_in_the_language_of_the_market(hear, work, emails, mail_server):
    hear(ORDER)
    hear(assigned())
    hear(replace(assigned(), version=90))
    work()

    [email] = emails(Recipient.COURIER)
    assert (email.address, email.locale) == ("rui@couriers.example", ORDER.market.locale)
    [mail] = [mail for mail in mail_server.received() if mail["To"] == "rui@couriers.example"]
    assert mail["Reply-To"] == ORDER.seller.email
    assert "token=" not in mail.get_body(("plain",)).get_content()


def test_another_assignment_is_told_to_the_new_courier_alone(hear, work, couriers):
    hear(ORDER)
    hear(assigned("rui", 1))
    work()
    hear(assigned("ana", 2))
    work()

    assert couriers() == [("rui", "sent"), ("ana", "sent")]


def test_who_gets_a_shipment_back_is_told_again(hear, work, couriers):
    hear(ORDER)
    for hours, code in enumerate(("rui", "ana", "rui"), start=1):
        hear(assigned(code, hours))
        work()

    assert couriers() == [("rui", "sent"), ("ana", "sent"), ("rui", "sent")]


@pytest.mark.parametrize("later", [assigned("ana", 2), replace(shipped(), version=90)])
def test_what_has_not_left_is_not_sent_to_a_courier_who_is_relieved(later, hear, work, couriers, mail_server):
    hear(ORDER)
    hear(assigned("rui", 1))
    hear(later)

    work()

    assert couriers()[0] == ("rui", "failed")
    assert "rui@couriers.example" not in [mail["To"] for mail in mail_server.received()]


def test_a_courier_without_address_is_not_written_to(hear, couriers):
    hear(ORDER)
    hear(assigned(email=""))

    assert couriers() == []


def test_an_email_to_a_courier_is_sent_again_only_while_the_shipment_is_theirs(hear, work, emails, post):
    hear(ORDER)
    hear(assigned("rui", 1))
    work()
    address = f"/v1/emails/{emails(Recipient.COURIER)[0].id}/resend"

    assert post(address).status_code == 201
    work()
    hear(assigned("ana", 2))
    answer = post(address)

    assert (answer.status_code, answer.json["reason"]) == (409, "not_their_delivery")
    assert [(email.recipient_id, email.status) for email in emails(Recipient.COURIER)] == [
        *[("rui", "sent")] * 2,
        ("ana", "queued"),
    ]


def test_nothing_of_the_courier_is_left_once_the_person_is_erased(hear, work, emails):
    hear(ORDER)
    hear(assigned())
    work()

    hear(
        replace(ORDER, version=90, anonymised_at=clock.now(), people=People()), follow=consumers.erase_person
    )

    [email] = emails(Recipient.COURIER)
    assert (email.address, email.subject, email.content) == ("", "", None)
