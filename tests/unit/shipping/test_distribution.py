"""Units are shared out among an order's shipments, and none is lost or made on the way."""

from collections import Counter
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from services.shipping.domain.distribution import share_out

LINES = st.sampled_from([UUID(int=1), UUID(int=2), UUID(int=3)])
SHARE = st.dictionaries(LINES, st.integers(1, 5))
A, B = UUID(int=1), UUID(int=2)


@given(SHARE, SHARE, SHARE, st.lists(SHARE, max_size=3))
def test_what_is_shared_out_is_what_is_wanted(wanted, fixed, unassigned, shipments):
    shares = share_out(wanted, fixed, unassigned, shipments)

    total = sum((Counter(share) for share in [shares.unassigned, shares.new, *shares.shipments]), Counter())
    for line in {*wanted, *total}:
        assert total[line] == max(0, wanted.get(line, 0) - fixed.get(line, 0))
    assert len(shares.shipments) == len(shipments)


@given(SHARE, SHARE, st.lists(SHARE, max_size=3))
def test_what_agrees_stays_as_it_is(fixed, unassigned, shipments):
    wanted = sum((Counter(share) for share in [fixed, unassigned, *shipments]), Counter())

    shares = share_out(wanted, fixed, unassigned, shipments)

    assert (shares.shipments, shares.unassigned, shares.new) == (shipments, unassigned, {})


def test_what_is_wanted_no_longer_goes_from_what_is_unassigned_then_from_the_last_shipment():
    shares = share_out({A: 3}, {}, {A: 1}, [{A: 2}, {A: 2}])

    assert (shares.shipments, shares.unassigned) == ([{A: 2}, {A: 1}], {})


def test_what_is_wanted_more_goes_where_the_line_is_else_into_the_first_shipment_else_into_a_new_one():
    assert share_out({A: 1, B: 3}, {}, {}, [{A: 1}, {B: 1}]).shipments == [{A: 1}, {B: 3}]
    assert share_out({A: 1, B: 2}, {}, {}, [{A: 1}]).shipments == [{A: 1, B: 2}]
    assert share_out({A: 2}, {A: 1}, {}, []).new == {A: 1}
