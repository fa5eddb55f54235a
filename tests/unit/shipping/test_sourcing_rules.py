"""Locations are chosen that together have every unit, as few as can be, or none is."""

from itertools import combinations
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.shipping.domain import sourcing
from services.shipping.domain.sourcing import SourcingLine, demand_of, place

SKUS = st.sampled_from(["A", "B", "C"])
PLACES = ["WEST", "EAST", "SOUTH", "NORTH"]
STOCK = st.dictionaries(st.tuples(SKUS, st.sampled_from(PLACES)), st.integers(0, 12))
CASES = {"A": 1, "B": 1, "C": 6}  # stock-keeping units in a sales unit


def wants_of(lines):
    return [
        SourcingLine(line_id=UUID(int=number), sku=sku, quantity=quantity, coefficient=CASES[sku])
        for number, (sku, quantity) in enumerate(lines)
    ]


WANTS = st.lists(st.tuples(SKUS, st.integers(1, 5)), min_size=1, max_size=5).map(wants_of)


def suffices(wants, available, places):
    """Whether these places together have every unit, a sales unit whole from one of them."""
    wanted = demand_of((want.sku, want.quantity) for want in wants)
    return all(
        sum(available.get((sku, place), 0) // CASES[sku] for place in places) >= quantity
        for sku, quantity in wanted.items()
    )


@given(st.lists(st.tuples(SKUS, st.integers(1, 5)), min_size=1))
def test_demand_keeps_every_unit(lines):
    demand = demand_of(lines)

    assert sum(demand.values()) == sum(units for _, units in lines)
    assert list(demand) == sorted({sku for sku, _ in lines})


@pytest.mark.requirement("F-14", "P-15")
@given(WANTS, STOCK, st.permutations(PLACES))
def test_all_is_placed_at_the_fewest_places_wherever_the_sum_suffices(wants, available, places):
    found = place(wants, available, places)

    fewest = [
        chosen
        for size in range(1, len(places) + 1)
        for chosen in combinations(places, size)
        if suffices(wants, available, chosen)
    ]
    if not fewest:
        assert found is None
    else:
        assert list(found) == list(fewest[0])  # of as few, the first as they are ranked


@pytest.mark.requirement("F-13", "F-14")
@given(WANTS, STOCK, st.permutations(PLACES))
def test_what_is_placed_is_what_was_wanted_and_was_there(wants, available, places):
    found = place(wants, available, places) or {}

    for want in wants if found else []:
        assert sum(share.get(want.line_id, 0) for share in found.values()) == want.quantity
    for location, share in found.items():
        taken = demand_of((want.sku, share.get(want.line_id, 0) * want.coefficient) for want in wants)
        assert all(units <= available.get((sku, location), 0) for sku, units in taken.items())
        assert all(share.values())


@given(WANTS, STOCK)
def test_one_place_is_taken_alone_where_only_one_may_be(wants, available):
    found = place(wants, available, PLACES, most=1)

    alone = [location for location in PLACES if suffices(wants, available, [location])]
    assert (list(found) if found else None) == (alone[:1] or None)


@given(WANTS, STOCK, st.permutations(PLACES))
def test_where_there_are_too_many_sets_to_try_all_is_placed_still(wants, available, places):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sourcing, "TRIES", 0)
        found = place(wants, available, places)

    assert (found is not None) == suffices(wants, available, places)


@pytest.mark.requirement("F-11")
def test_two_lines_of_a_sku_that_fit_alone_but_not_together_are_not_promised():
    wants = wants_of([("A", 2), ("A", 2)])

    assert place(wants, {("A", "WEST"): 3}, ["WEST"]) is None
    assert place(wants, {("A", "WEST"): 4}, ["WEST"])


def test_a_case_comes_whole_from_one_place():
    [case] = wants_of([("C", 1)])

    assert place([case], {("C", "WEST"): 3, ("C", "EAST"): 3}, PLACES) is None
    assert place([case], {("C", "WEST"): 3, ("C", "EAST"): 6}, PLACES) == {"EAST": {case.line_id: 1}}
