"""Waybill's own tracking numbers find slips of the pen."""

from hypothesis import given
from hypothesis import strategies as st

from services.shipping.domain.own_tracking import check_digit, tracking_link, tracking_number

SERIALS = st.integers(0, 9_999_999_999)


def test_the_check_digit_is_that_of_gs1():
    assert check_digit("400638133393") == "1"  # an EAN-13 that GS1's own documents show


@given(SERIALS)
def test_a_number_is_ten_digits_and_their_check_digit(serial):
    number = tracking_number(serial)

    assert (number[:2], int(number[2:12]), number[12:]) == ("WB", serial, check_digit(number[2:12]))


@given(SERIALS, st.integers(2, 11), st.integers(1, 9))
def test_one_wrong_digit_is_found_out(serial, place, slip):
    digits = tracking_number(serial)[2:12]
    wrong = str((int(digits[place - 2]) + slip) % 10)

    assert check_digit(digits[: place - 2] + wrong + digits[place - 1 :]) != check_digit(digits)


def test_the_link_names_the_parcel():
    assert tracking_link("WB00000000017") == "https://track.waybill.example/WB00000000017"
