"""Waybill's own tracking numbers find slips of the pen."""

from hypothesis import given
from hypothesis import strategies as st

from services.shipping.domain.tracking import check_digit, is_tracking_number, tracking_link, tracking_number

SERIALS = st.integers(0, 9_999_999_999)


def test_the_check_digit_is_that_of_gs1():
    assert check_digit("400638133393") == "1"  # an EAN-13 that GS1's own documents show


@given(SERIALS)
def test_a_number_is_known_again(serial):
    assert is_tracking_number(tracking_number(serial))


@given(SERIALS, SERIALS)
def test_two_parcels_have_two_numbers(one, other):
    assert (tracking_number(one) == tracking_number(other)) == (one == other)


@given(SERIALS, st.integers(2, 12), st.integers(1, 9))
def test_one_wrong_digit_is_found_out(serial, place, slip):
    number = tracking_number(serial)
    wrong = str((int(number[place]) + slip) % 10)

    assert not is_tracking_number(number[:place] + wrong + number[place + 1 :])


@given(st.text(max_size=15))
def test_nothing_else_passes_for_a_number(text):
    assert is_tracking_number(text) == (text.startswith("WB") and is_tracking_number(f"WB{text[2:]}"))
    assert not is_tracking_number(text.removeprefix("WB"))


def test_the_link_names_the_parcel():
    assert tracking_link("WB00000000017") == "https://track.waybill.example/WB00000000017"
