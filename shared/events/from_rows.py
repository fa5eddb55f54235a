"""Builds events and snapshots from rows by field name, so each field is declared once, in the contract."""

from collections.abc import Callable
from dataclasses import MISSING, fields
from operator import attrgetter
from typing import Any, TypeVar, cast

T = TypeVar("T")


def made_of(kind: type[T], **sources: str | Callable[[Any], Any]) -> Callable[..., T]:
    """A factory that builds a contract type from a row, taking each field from the attribute of its name.

    A source is another attribute's name, or what answers the value for the row. Where that is None, a field
    that has a default takes it. What a row can't know is given by name beside it, as it is to be. Raises
    TypeError for the source of no field.
    """
    columns = fields(cast(Any, kind))
    if strangers := sources.keys() - {column.name for column in columns}:
        raise TypeError(f"{kind.__name__} has no {', '.join(sorted(strangers))}")
    required = {
        column.name for column in columns if column.default is MISSING and column.default_factory is MISSING
    }
    readers = [(column.name, _reader(sources.get(column.name, column.name))) for column in columns]

    def make(row: Any, **given: Any) -> T:
        values = ((name, read(row)) for name, read in readers if name not in given)
        known = {name: value for name, value in values if value is not None or name in required}
        return kind(**known, **given)

    return make


def each(make: Callable[[Any], T], name: str) -> Callable[[Any], tuple[T, ...]]:
    """A source for `made_of` that converts each row of a relationship."""
    rows = attrgetter(name)
    return lambda row: tuple(make(one) for one in rows(row))


def _reader(source: str | Callable[[Any], Any]) -> Callable[[Any], Any]:
    return attrgetter(source) if isinstance(source, str) else source
