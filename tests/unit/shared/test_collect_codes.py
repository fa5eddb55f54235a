"""Collect codes: the same wherever they are made, another for each shipment and serial."""

import string
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from shared.collect_codes import collect_code, is_collect_code

SHIPMENT = UUID("3f9178f6-60c1-5100-a425-f557d4219c5d")
KEYS = ("newest", "previous")


@given(st.uuids(), st.integers(1, 1000))
def test_a_code_is_six_digits_and_recognised(shipment_id, serial):
    code = collect_code(KEYS, shipment_id, serial)

    assert len(code) == 6
    assert set(code) <= set(string.digits)
    assert is_collect_code(KEYS, shipment_id, serial, code)


def test_a_code_told_before_the_keys_changed_still_holds():
    code = collect_code(("previous", "oldest"), SHIPMENT, 1)

    assert code != collect_code(KEYS, SHIPMENT, 1)
    assert is_collect_code(KEYS, SHIPMENT, 1, code)
    assert not is_collect_code(("newest",), SHIPMENT, 1, code)


def test_another_serial_or_shipment_has_another_code():
    code = collect_code(KEYS, SHIPMENT, 1)
    other = UUID(int=SHIPMENT.int + 1)

    assert not is_collect_code(KEYS, SHIPMENT, 2, code)
    assert not is_collect_code(KEYS, other, 1, code)


def test_how_people_write_a_code_does_not_matter_but_its_digits_do():
    code = collect_code(KEYS, SHIPMENT, 1)

    assert is_collect_code(KEYS, SHIPMENT, 1, f" {code[:3]} {code[3:]}")
    assert not any(is_collect_code(KEYS, SHIPMENT, 1, wrong) for wrong in ("", code[:-1], code + "0", "é"))
