"""Where a parcel is does not depend on the order in which its carrier's words arrive."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.shipping.domain.tracking_progress import Scan, newest
from shared.events.snapshots import TrackingStatus

T = TrackingStatus
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)

SCANS = st.builds(
    Scan, status=st.sampled_from(T), at=st.integers(0, 5).map(lambda hours: NOON + timedelta(hours=hours))
)


def scan(status, hours=0):
    return Scan(status=status, at=NOON + timedelta(hours=hours))


@pytest.mark.requirement("F-08")
@given(st.lists(SCANS, min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_late_and_repeated_words_change_nothing(scans, chance):
    shuffled = scans + scans[:2]
    chance.shuffle(shuffled)

    place = shuffled[0]
    for said in shuffled[1:]:
        place = newest([place, said])

    assert place == newest(scans)


@pytest.mark.requirement("F-08")
@given(SCANS)
def test_what_was_delivered_is_never_on_its_way_again(said):
    delivered = scan(T.DELIVERED)

    assert newest([delivered, said]).status in {T.DELIVERED, T.RETURNED}


@pytest.mark.parametrize(
    ("first", "second", "holds"),
    [
        (scan(T.IN_TRANSIT, 1), scan(T.OUT_FOR_DELIVERY, 2), T.OUT_FOR_DELIVERY),
        (scan(T.ATTEMPTED, 3), scan(T.OUT_FOR_DELIVERY, 2), T.ATTEMPTED),
        (scan(T.ATTEMPTED, 3), scan(T.IN_TRANSIT, 9), T.IN_TRANSIT),  # it is tried again
        (scan(T.COLLECTED, 1), scan(T.ANNOUNCED, 2), T.COLLECTED),  # their paperwork came late
        (scan(T.DELIVERED, 1), scan(T.OUT_FOR_DELIVERY, 2), T.DELIVERED),  # a clock that is wrong
    ],
)
def test_the_later_word_holds_unless_it_leads_back(first, second, holds):
    assert newest([first, second]).status is holds
    assert newest([second, first]).status is holds
