"""A location is chosen that covers all of a shipment, or none is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.shipping.domain.allocation import choose_location, demand_of

SKUS = st.sampled_from(["A", "B", "C"])
PLACES = ["WEST", "EAST", "SOUTH"]
LINES = st.lists(st.tuples(SKUS, st.integers(1, 5)), min_size=1, max_size=6)
STOCK = st.dictionaries(st.tuples(SKUS, st.sampled_from(PLACES)), st.integers(0, 12))


@given(LINES)
def test_demand_keeps_every_unit(lines):
    demand = demand_of(lines)

    assert sum(demand.values()) == sum(units for _, units in lines)
    assert list(demand) == sorted({sku for sku, _ in lines})


@given(LINES, STOCK, st.permutations(PLACES))
def test_the_first_location_that_has_every_unit_is_chosen(lines, available, places):
    demand = demand_of(lines)
    covers = [
        place
        for place in places
        if all(
            available.get((sku, place), 0) >= sum(units for wanted, units in lines if wanted == sku)
            for sku, _ in lines
        )
    ]

    assert choose_location(demand, available, places) == (covers[0] if covers else None)


@given(st.lists(LINES, max_size=12), STOCK)
def test_whatever_is_promised_was_there_and_what_is_left_is_the_rest(orders, stock):
    available = dict(stock)
    promised = dict.fromkeys(stock, 0)

    for lines in orders:
        demand = demand_of(lines)
        place = choose_location(demand, available, PLACES)
        for sku, units in demand.items() if place else ():
            available[sku, place] -= units
            promised[sku, place] += units

    assert min(available.values(), default=0) >= 0
    assert {key: available[key] + promised[key] for key in stock} == stock


@pytest.mark.requirement("F-11")
def test_two_lines_of_a_sku_that_fit_alone_but_not_together_are_not_promised():
    demand = demand_of([("A", 2), ("A", 2)])

    assert choose_location(demand, {("A", "WEST"): 3}, ["WEST"]) is None
    assert choose_location(demand, {("A", "WEST"): 4}, ["WEST"]) == "WEST"
