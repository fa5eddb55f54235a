"""Enums for contracts: strict when written, tolerant of unknown values when read."""

from enum import EnumType, StrEnum
from typing import Self, TypeVar

Word = TypeVar("Word")


class _Closed(EnumType):
    def __call__(cls: type[Word], value: object) -> Word:  # type: ignore[override]
        """The member with this value; raises ValueError for an unlisted one."""
        try:
            return cls._value2member_map_[value]  # type: ignore[attr-defined, no-any-return]
        except (KeyError, TypeError):
            raise ValueError(f"{value!r} is not a valid {cls.__qualname__}") from None


class OpenEnum(StrEnum, metaclass=_Closed):
    """An enum that may grow: an unknown value from a newer publisher is kept, and equals none of the members.

    Only msgspec, by which events and snapshots are read, makes such words; to name one in code, in a request
    or in a setting is an error as ever.
    """

    @classmethod
    def _missing_(cls, value: object) -> Self:
        word = str.__new__(cls, value)
        word._name_ = word._value_ = str(value)
        return word
