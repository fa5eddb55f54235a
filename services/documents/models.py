"""Papers about orders, and the series that number them."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import BigInteger, CheckConstraint, Enum, ForeignKey, Index, MetaData, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from services.documents.domain.papers import Content, PaperKind, PaperStatus
from shared.db import UtcDateTime, metadata, new_id


def _words(kind: type[PaperKind] | type[PaperStatus]) -> Enum:
    # Text with a check, not a PostgreSQL type: a new word is then an ordinary migration.
    return Enum(
        kind, native_enum=False, create_constraint=False, values_callable=lambda words: [*words], length=20
    )


class Base(DeclarativeBase):
    """Documents' own tables."""

    metadata = MetaData(naming_convention=metadata.naming_convention)
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy's own shape
        str: Text,
        datetime: UtcDateTime,
        PaperKind: _words(PaperKind),
        PaperStatus: _words(PaperStatus),
    }


class Series(Base):
    """Numbers 1, 2, 3 … without a gap; taking one locks the row until it is committed with its paper."""

    __tablename__ = "series"
    __table_args__ = (CheckConstraint("last_number > 0", name="counts_from_one"),)

    market: Mapped[str] = mapped_column(primary_key=True)
    seller: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[PaperKind] = mapped_column(primary_key=True)
    year: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    last_number: Mapped[int]
    last_issued_on: Mapped[date]  # a later number never has an earlier date, whatever the clocks do


class Paper(Base):
    """One paper about one order; each is made once and its stored bytes never change."""

    __tablename__ = "papers"
    __table_args__ = (
        UniqueConstraint("order_id", "kind", "part"),
        UniqueConstraint("market", "seller", "kind", "series_year", "sequence", name="uq_papers_series"),
        UniqueConstraint("seller", "number"),
        CheckConstraint("(number is null) = (sequence is null)", name="number"),
        CheckConstraint("status not in ('stored', 'removed') or sha256 is not null", name="stored"),
        CheckConstraint("status <> 'withdrawn' or number is null", name="withdrawn"),
        Index("ix_papers_sha256", "sha256"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    order_id: Mapped[UUID]
    order_number: Mapped[str]
    kind: Mapped[PaperKind]
    part: Mapped[str]  # what of the order it is about: "order", a delivery group's or a shipment's id
    seller: Mapped[str]
    market: Mapped[str]
    currency: Mapped[str]
    total_minor: Mapped[int] = mapped_column(BigInteger)  # 0 for papers without prices
    status: Mapped[PaperStatus] = mapped_column(default=PaperStatus.DUE)
    content: Mapped[dict[str, Any]] = mapped_column(JSONB)
    requested_by: Mapped[str]  # whoever asked for it by hand, or the service itself
    refers_to: Mapped[UUID | None] = mapped_column(ForeignKey("papers.id"))  # a credit note's invoice
    series_year: Mapped[int | None]
    sequence: Mapped[int | None]
    number: Mapped[str | None]
    issued_on: Mapped[date | None]  # in the market's time zone
    content_type: Mapped[str] = mapped_column(default="application/pdf")
    sha256: Mapped[str | None]
    size_bytes: Mapped[int | None]
    failure: Mapped[str] = mapped_column(default="")
    due_at: Mapped[datetime]
    stored_at: Mapped[datetime | None]

    @property
    def frozen(self) -> Content:
        """What the paper says."""
        return msgspec.convert(self.content, Content)
