"""How rows are mapped: the kinds of column, and what all tables have in common."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Enum, MetaData, Text
from sqlalchemy.orm import DeclarativeBase

from shared.db import UtcDateTime, metadata


class Base(DeclarativeBase):
    """Shipping's own tables."""

    metadata = MetaData(naming_convention=metadata.naming_convention)
    type_annotation_map = {str: Text, int: BigInteger, datetime: UtcDateTime}  # noqa: RUF012 - SQLAlchemy's own shape


def word(kind: type[StrEnum]) -> Enum:
    """A column of one word out of a vocabulary; its check constraint stands in the table's arguments."""
    return Enum(
        kind, native_enum=False, length=30, values_callable=lambda words: [str(word) for word in words]
    )


def one_of(column: str, words: Any) -> str:
    """The condition that a column holds one of these words."""
    return f"{column} in ({', '.join(repr(str(word)) for word in sorted(words))})"
