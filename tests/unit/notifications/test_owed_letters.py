"""owed_letters: which e-mails an order's newest state calls for."""

from dataclasses import replace
from datetime import timedelta

import pytest

from services.notifications.domain.steps import Recipient, Step, key_of, owed_letters
from tests.unit.notifications.snapshot_samples import (
    accepted,
    cancelled,
    credited,
    invoiced,
    placed_order,
    shipped,
)

PLACED = placed_order()
ACCEPTED = accepted(PLACED)
CANCELLED = cancelled(ACCEPTED)
ANONYMISED = replace(CANCELLED, anonymised_at=CANCELLED.cancelled_at + timedelta(days=1))
IN_HAND = replace(PLACED, market=replace(PLACED.market, invoice_on="hand"))
REFUNDED = replace(ACCEPTED, refunds=("a refund",))


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
        (REFUNDED, None, credited(), "new_order confirmation accepted invoice credit_note"),
        (IN_HAND, None, invoiced(), "new_order confirmation invoice"),
        (ANONYMISED, shipped(), credited(), ""),
    ],
)
def test_each_state_calls_for_its_letters_in_the_order_they_are_told(order, shipments, documents, steps):
    letters = list(owed_letters(order, shipments, documents))

    assert [letter.step.value for letter in letters] == steps.split()


def test_only_the_new_order_goes_to_the_seller():
    letters = list(owed_letters(CANCELLED, shipped(), credited()))

    assert [letter.step for letter in letters if letter.recipient is Recipient.SELLER] == [Step.NEW_ORDER]


def test_a_paper_that_is_not_stored_is_not_announced():
    due = replace(invoiced(), papers=tuple(replace(paper, status="numbered") for paper in invoiced().papers))

    assert Step.INVOICE not in [letter.step for letter in owed_letters(ACCEPTED, None, due)]


def test_a_key_names_step_order_and_recipient_and_never_an_address():
    first, second, *_ = owed_letters(PLACED, None, None)

    assert key_of(first, PLACED.order_id, "lantern") == f"email:new_order:{PLACED.order_id}:lantern"
    assert key_of(second, PLACED.order_id, "c1") == f"email:confirmation:{PLACED.order_id}:c1"


def test_each_shipment_has_a_key_of_its_own():
    letters = [letter for letter in owed_letters(ACCEPTED, shipped(), None) if letter.step is Step.SHIPPED]

    shipment = shipped().shipments[0].shipment_id
    assert [key_of(letter, PLACED.order_id, "c1") for letter in letters] == [
        f"email:shipped.{shipment}:{PLACED.order_id}:c1"
    ]
