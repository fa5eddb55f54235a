"""owed_emails: which e-mails an order's newest state calls for."""

from dataclasses import replace
from datetime import timedelta

import pytest

from services.notifications.domain.steps import key_of, owed_emails
from shared.events.snapshots import Recipient, Step
from tests.unit.notifications.snapshot_samples import (
    accepted,
    appointed,
    assigned,
    came_back,
    cancelled,
    corrected,
    credited,
    delivered,
    invoiced,
    noted,
    paid,
    partly_cancelled,
    placed_order,
    refunded,
    returning,
    shipped,
    waiting_for_pickup,
)

PLACED = placed_order()
ACCEPTED = accepted(PLACED)
CANCELLED = cancelled(ACCEPTED)
ANONYMISED = replace(CANCELLED, anonymised_at=CANCELLED.cancelled_at + timedelta(days=1))
BEGUN = "new_order confirmation payment_received accepted"
ASKED = "return_to_decide return_requested"
IN_HAND = replace(PLACED, market=replace(PLACED.market, invoice_on="hand"))
PAID = accepted(paid(PLACED))
ENDED = PLACED.placed_at + timedelta(days=1)
RETURNED = returning(PAID, "refunded")


def undeliverable():
    one = replace(shipped().shipments[0], status="undeliverable")
    return replace(shipped(), shipments=(one,))


def reminded():
    waits = waiting_for_pickup()
    one = replace(waits.shipments[0], collect_reminded_at=waits.shipments[0].ready_at)
    return replace(waits, shipments=(one,))


@pytest.mark.parametrize(
    ("order", "shipments", "documents", "steps"),
    [
        (PLACED, None, None, "new_order confirmation"),
        (ACCEPTED, None, None, "new_order confirmation accepted"),
        (ACCEPTED, shipped(), invoiced(), "new_order confirmation accepted shipped invoice"),
        (cancelled(PLACED), None, None, "new_order confirmation cancelled"),
        (CANCELLED, None, credited(), "new_order confirmation accepted invoice cancelled credit_note"),
        # what follows from something waits until that is known
        (PLACED, shipped(), invoiced(), "new_order confirmation"),
        (ACCEPTED, None, credited(), "new_order confirmation accepted invoice"),
        (refunded(PAID), None, credited(), f"{BEGUN} invoice refunded credit_note"),
        (
            partly_cancelled(ACCEPTED),
            None,
            credited(),
            "new_order confirmation accepted invoice credit_note",
        ),
        (ACCEPTED, None, corrected(), "new_order confirmation accepted invoice invoice credit_note"),
        (
            ACCEPTED,
            None,
            corrected(new_invoice="due"),
            "new_order confirmation accepted invoice credit_note",
        ),
        (paid(PLACED), None, None, "new_order confirmation payment_received"),
        (replace(PLACED, refused_at=ENDED), None, None, "new_order confirmation refused"),
        (replace(PLACED, failed_at=ENDED), None, None, "new_order confirmation failed"),
        (PAID, delivered(), None, f"{BEGUN} shipped delivered"),
        (PAID, undeliverable(), None, f"{BEGUN} shipped undeliverable"),
        (PAID, waiting_for_pickup(), None, f"{BEGUN} ready_for_pickup"),
        (PAID, waiting_for_pickup(code=0), None, BEGUN),
        (PAID, reminded(), None, f"{BEGUN} ready_for_pickup pickup_reminder"),
        (PAID, appointed(), None, f"{BEGUN} appointment"),
        (ACCEPTED, None, noted(), "new_order confirmation accepted delivery_note"),
        (PLACED, None, noted(), "new_order confirmation"),
        (ACCEPTED, None, noted("numbered"), "new_order confirmation accepted"),
        (CANCELLED, None, noted(), "new_order confirmation accepted cancelled"),
        (PAID, assigned(), None, f"{BEGUN} courier_assigned"),
        (paid(PLACED), assigned(), None, "new_order confirmation payment_received"),
        (returning(PAID, "requested"), None, None, f"{BEGUN} {ASKED}"),
        (returning(PAID, "rejected"), None, None, f"{BEGUN} {ASKED} return_rejected"),
        (returning(PAID, "approved"), None, None, f"{BEGUN} {ASKED} return_approved"),
        # what came back was approved, whatever was heard of it
        (
            RETURNED,
            came_back(RETURNED),
            None,
            f"{BEGUN} shipped delivered {ASKED} return_approved return_received",
        ),
        (IN_HAND, None, invoiced(), "new_order confirmation invoice"),
        (ANONYMISED, shipped(), credited(), ""),
    ],
)
def test_each_state_calls_for_its_letters_in_the_order_they_are_told(order, shipments, documents, steps):
    owed = list(owed_emails(order, shipments, documents))

    assert [email.step.value for email in owed] == steps.split()


def test_only_what_the_seller_must_act_on_goes_to_the_seller():
    owed = list(owed_emails(returning(CANCELLED, "requested"), shipped(), credited()))

    to_seller = [email.step for email in owed if email.recipient is Recipient.SELLER]
    assert to_seller == [Step.NEW_ORDER, Step.RETURN_TO_DECIDE]


@pytest.mark.parametrize(
    ("before", "after"), [(waiting_for_pickup(1), waiting_for_pickup(2)), (appointed(2), appointed(26))]
)
def test_another_code_and_another_date_are_other_emails(before, after):
    first, second = (
        {key_of(email, PAID.order_id, "c1") for email in owed_emails(PAID, heard, None)}
        for heard in (before, after)
    )

    assert len(second - first) == 1


def test_a_paper_that_is_not_stored_is_not_announced():
    due = replace(invoiced(), papers=tuple(replace(paper, status="numbered") for paper in invoiced().papers))

    assert Step.INVOICE not in [email.step for email in owed_emails(ACCEPTED, None, due)]


def test_a_key_names_step_order_and_recipient_and_never_an_address():
    first, second, *_ = owed_emails(PLACED, None, None)

    assert key_of(first, PLACED.order_id, "lantern") == f"email:new_order:{PLACED.order_id}:lantern"
    assert key_of(second, PLACED.order_id, "c1") == f"email:confirmation:{PLACED.order_id}:c1"


def test_each_shipment_has_a_key_of_its_own():
    owed = [email for email in owed_emails(ACCEPTED, shipped(), None) if email.step is Step.SHIPPED]

    shipment = shipped().shipments[0].shipment_id
    assert [key_of(email, PLACED.order_id, "c1") for email in owed] == [
        f"email:shipped.{shipment}:{PLACED.order_id}:c1"
    ]
