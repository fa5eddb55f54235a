"""A contract is made of a row by name; what is named otherwise says from where."""

from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from shared.events.from_rows import each, made_of


@dataclass(frozen=True, kw_only=True)
class Part:
    """Something of a thing."""

    part_id: int
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Thing:
    """A contract."""

    name: str | None
    colour: str = "blue"
    parts: tuple[Part, ...] = ()
    words: dict[str, str] = field(default_factory=dict)


def test_fields_come_by_name_from_elsewhere_or_by_a_function():
    make = made_of(
        Thing, name="code", parts=each(made_of(Part, part_id="id"), "rows"), words=lambda _: {"a": "b"}
    )
    rows = [SimpleNamespace(id=1, note="one"), SimpleNamespace(id=2, note=None)]

    made = make(SimpleNamespace(code="T", colour="red", rows=rows))

    parts = (Part(part_id=1, note="one"), Part(part_id=2, note=""))
    assert made == Thing(name="T", colour="red", parts=parts, words={"a": "b"})


def test_what_a_row_lacks_has_the_default_if_there_is_one():
    make = made_of(Thing, parts=lambda _: None, words="words")

    made = make(SimpleNamespace(name=None, colour=None, words=None))

    assert made == Thing(name=None)


def test_what_a_row_can_not_know_is_given_beside_it():
    made = made_of(Thing)(SimpleNamespace(name="T", colour="red"), parts=(), words={"a": "b"})

    assert made == Thing(name="T", colour="red", words={"a": "b"})


def test_a_source_of_no_field_is_refused_at_once():
    with pytest.raises(TypeError, match="Thing has no color"):
        made_of(Thing, color="colour")


def test_a_row_without_a_field_is_refused():
    with pytest.raises(AttributeError, match="colour"):
        made_of(Thing)(SimpleNamespace(name="T"))
