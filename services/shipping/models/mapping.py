"""Mapping of rows: column types, and what all tables have in common."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, MetaData, Text
from sqlalchemy.orm import DeclarativeBase

from shared.db import UtcDateTime, metadata


class Base(DeclarativeBase):
    """The base class of shipping's own tables."""

    metadata = MetaData(naming_convention=metadata.naming_convention)
    type_annotation_map = {str: Text, int: BigInteger, datetime: UtcDateTime}  # noqa: RUF012 - SQLAlchemy's own shape


def one_of(column: str, words: Any) -> str:
    """The condition that a column holds one of these values."""
    return f"{column} in ({', '.join(repr(str(word)) for word in sorted(words))})"
