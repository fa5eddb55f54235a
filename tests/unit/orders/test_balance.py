"""What the sums of an order's money mean."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.orders.domain.payments import Balance


def balance(total, cancelled, received, refunded):
    return Balance(
        total_minor=total, cancelled_minor=cancelled, received_minor=received, refunded_minor=refunded
    )


@pytest.mark.requirement("F-17")
@pytest.mark.parametrize(
    ("total", "cancelled", "received", "refunded", "state", "covered"),
    [
        (900, 0, 0, 0, "unpaid", False),
        (900, 0, 400, 0, "partly_paid", False),
        (900, 0, 900, 0, "paid", True),
        (900, 0, 1000, 0, "overpaid", True),
        (900, 0, 1000, 100, "partly_refunded", True),
        (900, 0, 900, 100, "partly_refunded", False),
        (900, 0, 900, 900, "refunded", False),
        (900, 900, 0, 0, "unpaid", True),
        (900, 900, 900, 0, "overpaid", True),
        (900, 900, 900, 400, "partly_refunded", True),
        (900, 900, 900, 900, "refunded", True),
        (900, 300, 600, 0, "paid", True),
        (0, 0, 0, 0, "paid", True),
    ],
)
def test_the_word_and_the_gate_follow_the_sums(total, cancelled, received, refunded, state, covered):
    standing = balance(total, cancelled, received, refunded)

    assert (standing.state, standing.covered) == (state, covered)


@pytest.mark.parametrize(
    ("owed", "pending", "state", "outstanding"),
    [(800, 100, "overpaid", 0), (900, 100, "partly_paid", 100), (850, 100, "partly_paid", 50)],
)
def test_money_on_its_way_back_pays_for_nothing(owed, pending, state, outstanding):
    standing = Balance(
        total_minor=owed,
        cancelled_minor=0,
        received_minor=900,
        refunded_minor=0,
        refund_pending_minor=pending,
    )

    assert (standing.state, standing.covered) == (state, outstanding == 0)
    assert (standing.outstanding_minor, standing.excess_minor) == (outstanding, 0)


amounts = st.integers(0, 10**12)


@given(amounts, amounts, amounts, amounts)
def test_what_is_outstanding_would_cover_the_order_and_nothing_less_would(
    total, cancelled, received, refunded
):
    standing = balance(total, cancelled, received, refunded)
    outstanding = standing.outstanding_minor

    assert balance(total, cancelled, received + outstanding, refunded).covered
    if outstanding:
        assert not balance(total, cancelled, received + outstanding - 1, refunded).covered
