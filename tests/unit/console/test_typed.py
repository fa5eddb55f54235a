"""Numbers as people type them, and what only looks like one."""

import pytest

from services.console.typed import basis_points, minor, whole


@pytest.mark.parametrize(
    ("typed", "number"),
    [("3", 3), (" 12 ", 12), ("0", 0), ("9" * 15, 10**15 - 1)],
)
def test_a_whole_number_is_one(typed, number):
    assert whole(typed) == number


@pytest.mark.parametrize("typed", ["", "-1", "1.5", "three", "1e3", "٣", "²", "9" * 16, "9" * 5000])
def test_what_is_no_whole_number_is_left_for_the_service_to_refuse(typed):
    assert whole(typed) == typed


@pytest.mark.parametrize(
    ("typed", "currency", "number"),
    [
        ("4.5", "GBP", 450),
        ("4,50", "EUR", 450),
        ("4.", "EUR", 400),
        (",5", "EUR", 50),
        (" 12 ", "EUR", 1200),
        ("-3.95", "EUR", -395),
        ("4.500", "EUR", 450),
        ("450", "JPY", 450),
        ("4.505", "KWD", 4505),
    ],
)
def test_money_is_counted_in_the_units_of_its_currency(typed, currency, number):
    assert minor(typed, currency) == number


@pytest.mark.parametrize(
    "typed",
    ["", "four", "4.505", "1.234,50", "1e30", "1e-3", "nan", "Infinity", "--1", "٤", "9" * 16, "9" * 5000],
)
def test_what_is_no_money_is_left_for_the_service_to_refuse(typed):
    assert minor(typed, "EUR") == typed


def test_a_percentage_is_counted_in_basis_points():
    typed = ("20", "12,5", "0.01", "0.005", "-1")
    assert [basis_points(one) for one in typed] == [2000, 1250, 1, "0.005", "-1"]
