"""Totals add up, to the last minor unit, whatever is ordered."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.orders.domain.totals import (
    Charge,
    rates_rounded_too_far,
    spread_discount,
    tax_of_each,
    totals_of,
)
from shared.events.snapshots import ChargeKind, TaxMode, TaxRounding
from shared.money import tax_contained, tax_on_top

rates = st.sampled_from([0, 500, 550, 1000, 1900, 2000, 2500])
amounts = st.integers(0, 10**12)
lines = st.lists(st.builds(Charge, st.just(ChargeKind.LINE), amounts, rates), min_size=1, max_size=12)
others = st.lists(
    st.builds(Charge, st.sampled_from([ChargeKind.SHIPPING, ChargeKind.FEE]), amounts, rates), max_size=4
)
modes = st.sampled_from(TaxMode)
roundings = st.sampled_from(TaxRounding)


@st.composite
def charges(draw):
    """Lines, fees and shipping, and a discount of no more than the lines cost."""
    goods = draw(lines)
    discount = draw(st.integers(0, sum(line.amount_minor for line in goods)))
    return goods + draw(others) + spread_discount(discount, goods)[0]


@given(charges(), modes, roundings)
def test_the_total_is_the_sum_of_its_parts_and_of_its_tax_rows(charged, mode, rounding):
    taxes = tax_of_each(charged, mode, rounding)

    totals = totals_of(charged, taxes, mode)

    assert totals.total_minor == (
        totals.lines_minor
        + totals.fees_minor
        + totals.shipping_minor
        - totals.discounts_minor
        + totals.tax_added_minor
    )
    assert totals.total_minor == sum(row.gross_minor for row in totals.tax)
    assert sum(taxes) == sum(row.tax_minor for row in totals.tax)
    assert all(row.net_minor + row.tax_minor == row.gross_minor for row in totals.tax)
    assert totals.total_minor >= 0


@given(charges(), modes, roundings)
def test_every_rate_has_one_row_and_its_tax_is_that_of_its_charges(charged, mode, rounding):
    taxes = tax_of_each(charged, mode, rounding)

    totals = totals_of(charged, taxes, mode)

    assert [row.rate_basis_points for row in totals.tax] == sorted(
        {charge.rate_basis_points for charge in charged}, reverse=True
    )
    for row in totals.tax:
        of_rate = [
            tax
            for charge, tax in zip(charged, taxes, strict=True)
            if charge.rate_basis_points == row.rate_basis_points
        ]
        assert row.tax_minor == sum(of_rate)


@given(charges(), modes)
def test_rounded_per_rate_the_tax_of_a_rate_is_that_of_its_sum(charged, mode):
    rule = tax_contained if mode is TaxMode.GROSS else tax_on_top

    totals = totals_of(charged, tax_of_each(charged, mode, TaxRounding.PER_RATE), mode)

    for row in totals.tax:
        base = row.gross_minor if mode is TaxMode.GROSS else row.net_minor
        assert row.tax_minor == rule(base, row.rate_basis_points)


@given(charges(), modes)
def test_rounded_per_line_each_line_shows_its_own_tax(charged, mode):
    rule = tax_contained if mode is TaxMode.GROSS else tax_on_top

    assert tax_of_each(charged, mode, TaxRounding.PER_LINE) == [
        rule(charge.amount_minor, charge.rate_basis_points) for charge in charged
    ]


@given(charges(), roundings)
def test_a_gross_market_adds_no_tax(charged, rounding):
    totals = totals_of(charged, tax_of_each(charged, TaxMode.GROSS, rounding), TaxMode.GROSS)

    assert totals.tax_added_minor == 0
    assert totals.total_minor == sum(charge.amount_minor for charge in charged)


@given(lines, st.data())
def test_a_discount_is_spread_over_the_rates_of_the_goods_to_the_last_unit(goods, data):
    whole = sum(line.amount_minor for line in goods)
    discount = data.draw(st.integers(0, whole))

    shares, left = spread_discount(discount, goods)

    assert sum(share.amount_minor for share in shares) == -discount
    assert sum(line.amount_minor for line in left) == whole - discount
    assert all(0 <= after.amount_minor <= line.amount_minor for after, line in zip(left, goods, strict=True))
    for share in shares:
        of_rate = [line for line in goods if line.rate_basis_points == share.rate_basis_points]
        assert 0 < -share.amount_minor <= sum(line.amount_minor for line in of_rate) + 1


@pytest.mark.parametrize(
    ("mode", "rounding", "tax", "total"),
    [
        (TaxMode.GROSS, TaxRounding.PER_LINE, 3 * 2, 3 * 10),  # 10/6 = 1.67 each
        (TaxMode.GROSS, TaxRounding.PER_RATE, 5, 30),  # 30/6 = 5
        (TaxMode.NET, TaxRounding.PER_LINE, 3 * 2, 36),
        (TaxMode.NET, TaxRounding.PER_RATE, 6, 36),
    ],
)
def test_the_same_lines_in_each_kind_of_market(mode, rounding, tax, total):
    charged = [Charge(ChargeKind.LINE, 10, 2000)] * 3

    totals = totals_of(charged, tax_of_each(charged, mode, rounding), mode)

    assert (totals.tax[0].tax_minor, totals.total_minor) == (tax, total)


def tax_rule_is_kept(row, unit_minor):
    """BR-CO-17 of EN 16931, for a row of an invoice's taxes."""
    by_rule = round(Fraction(row.net_minor * row.rate_basis_points, 10_000))
    return abs(row.tax_minor - by_rule) <= unit_minor


@pytest.mark.requirement("M-08")
@pytest.mark.parametrize("rounding", TaxRounding)
def test_five_hundred_small_lines_are_taxed_within_the_rules_tolerance(rounding):
    charged = [Charge(ChargeKind.LINE, 5, 1900)] * 500 + [Charge(ChargeKind.SHIPPING, 490, 1900)]
    once = rates_rounded_too_far(charged, TaxMode.GROSS, 100)

    totals = totals_of(charged, tax_of_each(charged, TaxMode.GROSS, rounding, once), TaxMode.GROSS)

    assert totals.tax[0].tax_minor == 477


@pytest.mark.requirement("M-08")
@given(
    st.lists(st.tuples(st.integers(1, 60), rates, st.integers(1, 150)), min_size=1, max_size=8),
    modes,
    st.sampled_from([1, 100, 1000]),
)
def test_no_invoice_over_any_lines_leaves_the_rules_tolerance(kinds, mode, unit):
    charged = [Charge(ChargeKind.LINE, amount, rate) for amount, rate, times in kinds for _ in range(times)]
    once = rates_rounded_too_far(charged, mode, unit)

    taxes = tax_of_each(charged, mode, TaxRounding.PER_LINE, once)

    worst = [
        (charge, tax)
        for charge, tax in zip(charged, taxes, strict=True)
        if charge.rate_basis_points not in once and off(charge, tax, mode) > 0
    ]
    for some in (list(zip(charged, taxes, strict=True)), worst):
        if some:
            totals = totals_of([charge for charge, _ in some], [tax for _, tax in some], mode)
            assert all(tax_rule_is_kept(row, unit) for row in totals.tax)


def off(charge, tax, mode):
    net = charge.amount_minor - tax if mode is TaxMode.GROSS else charge.amount_minor
    return tax * 10_000 - net * charge.rate_basis_points


@pytest.mark.requirement("M-08")
def test_a_few_lines_are_rounded_as_their_market_says():
    charged = [Charge(ChargeKind.LINE, 5, 2000)] * 90

    assert rates_rounded_too_far(charged, TaxMode.NET, 100) == set()
    assert rates_rounded_too_far(charged, TaxMode.NET, 1) == set()  # a fifth of five is exact
