"""Amounts add up to the last minor unit."""

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.money import Money, currencies, minor_digits, round_half_up, split, tax_contained, tax_on_top

AMOUNTS = st.integers(-(10**12), 10**12)


@pytest.mark.parametrize(
    ("amount", "rounded"), [("0.5", 1), ("1.5", 2), ("2.5", 3), ("-0.5", -1), ("0.49", 0), ("-2.5", -3)]
)
def test_halves_are_rounded_away_from_zero(amount, rounded):
    assert round_half_up(Decimal(amount)) == rounded


@pytest.mark.parametrize(("gross", "tax"), [(1200, 200), (415, 69), (1, 0), (3, 1), (0, 0), (-1200, -200)])
def test_the_vat_in_a_gross_price(gross, tax):
    assert tax_contained(gross, 2000) == tax


@given(AMOUNTS, st.integers(0, 5000))
def test_tax_on_the_net_amount_gives_the_gross_amount_back(net, rate):
    gross = net + tax_on_top(net, rate)

    assert abs(gross - tax_contained(gross, rate) - net) <= 1


@given(AMOUNTS, st.lists(st.integers(0, 10**6), min_size=1, max_size=20))
def test_the_parts_of_a_split_sum_to_the_whole(total, weights):
    parts = split(total, weights)

    assert sum(parts) == total
    assert len(parts) == len(weights)


@pytest.mark.parametrize(
    ("locale", "currency", "shown"),
    [("en", "GBP", "£1,234.50"), ("es", "EUR", "1.234,50\xa0€"), ("en", "JPY", "¥123,450")],
)
def test_money_is_shown_as_its_readers_write_it(locale, currency, shown):
    assert Money(123450, currency).show(locale) == shown


@pytest.mark.requirement("M-03")
def test_every_accepted_currency_has_the_minor_units_of_iso_4217():
    # Of ISO 4217's list one; all others have two, also those of which nobody uses the minor units.
    none = {
        *("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW"),
        *("PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"),
    }
    three = {"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"}
    two = {
        "GBP",
        "EUR",
        "USD",
        "RSD",
        "ALL",
        "AFN",
        "IRR",
        "KPW",
        "LAK",
        "LBP",
        "MGA",
        "MMK",
        "SOS",
        "SYP",
        "YER",
    }

    assert {code for code in currencies() if minor_digits(code) == 0} == none
    assert {code for code in currencies() if minor_digits(code) == 3} == three
    assert {minor_digits(code) for code in currencies() - none - three} == {2}
    assert 150 < len(currencies()) < 170
    assert currencies() >= none | two | three
    assert not currencies() & {"XXX", "XTS", "XAU", "DEM", "ITL"}


@pytest.mark.requirement("M-03")
@pytest.mark.parametrize("locale", ["en", "es", "de", "fr", "es_CO"])
def test_every_accepted_currency_is_shown_with_all_of_its_minor_units(locale):
    for code in currencies():
        shown = Money(1234567, code).show(locale)

        assert re.findall(r"\d+", shown)[-1] == "1234567"[-minor_digits(code) :] or not minor_digits(code)
        assert "".join(re.findall(r"\d", shown)) == "1234567"


@pytest.mark.requirement("M-03")
def test_an_amount_of_a_currency_whose_minor_units_nobody_uses_is_right():
    assert Money(123450, "RSD").show("en") == "RSD1,234.50"
    assert Money(-5, "IQD").show("en") == "-IQD0.005"
