"""One rule of what a text may hold, at every entrance of every service."""

import unicodedata

import pytest
from marshmallow import ValidationError, fields

from shared.text import accepted, all_legible, legible, one_line
from tests.contract.requests import taken_fields

NEVER = [
    *("\x00", "\x01", "\x08", "\x0b", "\x0c", "\x1b", "\x1f", "\x7f", "\x80", "\x85", "\x9f"),
    *("\ud800", "\udfff", "\ufffe", "\uffff"),
]
PADDED = [wrap.format(letter) for letter in NEVER for wrap in ("a{}b", "{}", "a{}", "{}a")]
TEXTS = {where: field for where, field in taken_fields().items() if isinstance(field, fields.String)}
DECOMPOSED = unicodedata.normalize("NFD", "Renée Łukasz Żółw Ångström 각")


def answer(field, value):
    try:
        return field.deserialize(value)
    except ValidationError:
        return None


def test_every_kind_of_field_that_takes_text_is_looked_at():
    assert len(TEXTS) > 400
    assert {type(field).__name__ for field in taken_fields().values()} - {
        *("Boolean", "Integer", "Float", "Decimal", "Enum", "UUID"),
        *("Date", "AwareDateTime", "NaiveDateTime", "Instant"),
        *("String", "Text", "CouponCode", "TrackingNumber", "Url", "ListQuery"),
    } == set()


@pytest.mark.requirement("V-03")
def test_no_field_takes_a_text_that_another_service_cannot_hold():
    taken = {
        where: [ascii(text) for text in PADDED if answer(field, text) is not None]
        for where, field in TEXTS.items()
    }

    assert {where: texts for where, texts in taken.items() if texts} == {}


@pytest.mark.requirement("V-03")
def test_every_field_has_a_longest_text():
    assert [where for where, field in TEXTS.items() if answer(field, "a" * 100_000) is not None] == []


@pytest.mark.requirement("V-03")
def test_texts_are_kept_in_one_form():
    kept = {where: answer(field, DECOMPOSED) for where, field in TEXTS.items()}

    one_form = unicodedata.normalize("NFC", DECOMPOSED)
    assert set(kept.values()) == {None, one_form, one_form.upper()}
    in_capitals = {where for where, text in kept.items() if text == one_form.upper()}
    assert all(where.endswith("coupons[]") for where in in_capitals), in_capitals  # codes have no case


@pytest.mark.requirement("V-03")
def test_only_prose_has_several_lines_which_end_in_newlines():
    kept = {where: answer(field, "one\r\ntwo\rthree") for where, field in TEXTS.items()}

    assert set(kept.values()) == {None, "one\ntwo\nthree"}
    prose = {where.rpartition(" ")[2] for where, text in kept.items() if text}
    assert {path.rpartition(".")[2] if "value" not in path else path for path in prose} == {
        *("reason", "note", "text", "answer", "remark"),
        *("description", "legal_text.value", "specifications.value"),
    }


def test_what_is_left_of_an_older_text_can_be_held_by_everything():
    for text in PADDED:
        assert accepted(one_line(text)) == one_line(text)
        assert accepted(legible(text), lines=True) == legible(text)
    assert all_legible({"a": ["x\x01", 1, None, {"b": "\ud800y"}]}) == {"a": ["x", 1, None, {"b": "y"}]}
