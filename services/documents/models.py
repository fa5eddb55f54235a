"""Documents of orders, and the series that number them."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, cast
from uuid import UUID

import msgspec
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    MetaData,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from services.documents.domain.figures import Figures
from services.documents.domain.papers import Content, PrintKind
from shared.db import UtcDateTime, metadata, new_id, word
from shared.events.snapshots import PaperKind, PaperStatus, SentEmail


class Base(DeclarativeBase):
    """The documents service's tables."""

    metadata = MetaData(naming_convention=metadata.naming_convention)
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy's own shape
        str: Text,
        datetime: UtcDateTime,
        PaperKind: word(PaperKind, 20),
        PaperStatus: word(PaperStatus, 20),
        PrintKind: word(PrintKind, 20),
    }


class Series(Base):
    """A gapless series 1, 2, 3 …; taking a number locks the row until it commits with its document."""

    __tablename__ = "series"
    __table_args__ = (CheckConstraint("last_number > 0", name="counts_from_one"),)

    market: Mapped[str] = mapped_column(primary_key=True)
    seller: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[PaperKind] = mapped_column(primary_key=True)
    period: Mapped[str] = mapped_column(primary_key=True)  # "2026", or "2026-03" where numbers run by month
    last_number: Mapped[int]
    last_issued_on: Mapped[date]  # a later number never has an earlier date, whatever the clocks do


class ToldNumber(Base):
    """A number issued before this database was restored, as others know it; reserved for its own order."""

    __tablename__ = "told_numbers"
    __table_args__ = (Index("ix_told_numbers_order_id", "order_id"),)

    number: Mapped[str] = mapped_column(primary_key=True)
    order_id: Mapped[UUID]
    kind: Mapped[PaperKind]
    part: Mapped[str]
    issued_on: Mapped[date]


class NumberingPlace(Base):
    """The server and timeline where this database last knew all its numbers; a single row.

    Elsewhere it may have been set back, and gives no number before it has asked what it told.
    """

    __tablename__ = "numbering_place"
    __table_args__ = (CheckConstraint("id = 1", name="single"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    place: Mapped[str]


class Paper(Base):
    """One document of an order, generated or uploaded; its file never changes once stored."""

    __tablename__ = "papers"
    __table_args__ = (
        UniqueConstraint("key"),
        UniqueConstraint("market", "seller", "kind", "series_period", "sequence", name="uq_papers_series"),
        UniqueConstraint("seller", "number"),
        CheckConstraint("(number is null) = (sequence is null)", name="number"),
        CheckConstraint("status not in ('stored', 'removed') or sha256 is not null", name="stored"),
        CheckConstraint("status <> 'withdrawn' or number is null", name="withdrawn"),
        Index("ix_papers_order_id", "order_id", "id"),
        Index("ix_papers_sha256", "sha256"),
        Index(
            "ix_papers_without_xml", "stored_at", postgresql_where=text("not (einvoice ->> 'valid')::boolean")
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    key: Mapped[str]  # what makes it the same paper, however often it is called for
    order_id: Mapped[UUID]
    order_number: Mapped[str]
    kind: Mapped[PaperKind]
    part: Mapped[
        str
    ]  # what of the order it is about: "order", a method's code, the id of a group, shipment or return
    cause: Mapped[
        str
    ]  # what called for it: acceptance, payment, shipment, hand, cancellation, refund:<id>, …
    seller: Mapped[str]
    market: Mapped[str]
    currency: Mapped[str]
    total_minor: Mapped[int] = mapped_column(BigInteger)  # 0 for papers without prices
    status: Mapped[PaperStatus] = mapped_column(default=PaperStatus.DUE)
    content: Mapped[dict[str, Any]] = mapped_column(JSONB)  # empty for what was sent in
    requested_by: Mapped[str]  # whoever asked for it by hand, or the service itself
    refers_to: Mapped[UUID | None] = mapped_column(ForeignKey("papers.id"))  # the invoice it is about
    series_period: Mapped[str | None]
    sequence: Mapped[int | None]
    number: Mapped[str | None]
    issued_on: Mapped[date | None]  # in the market's time zone
    filename: Mapped[str] = mapped_column(default="")  # of what was sent in
    content_type: Mapped[str] = mapped_column(default="application/pdf")
    sha256: Mapped[str | None]
    size_bytes: Mapped[int | None]
    einvoice: Mapped[dict[str, Any] | None] = mapped_column(JSONB)  # what the checks of its XML said
    unprintable: Mapped[str] = mapped_column(default="")  # characters that no typeface has, each once
    failure: Mapped[str] = mapped_column(default="")
    due_at: Mapped[datetime]
    stored_at: Mapped[datetime | None]

    @property
    def einvoice_faults(self) -> tuple[str, ...]:
        """Why it has no XML although it should; empty if it has, or needs none."""
        return tuple((self.einvoice or {}).get("faults", ()))

    sent = cast(Sequence[SentEmail], ())  # the e-mails that it went out with, once looked for

    @property
    def frozen(self) -> Content:
        """The frozen content, for generated documents."""
        return msgspec.convert(self.content, Content)

    @property
    def parcels(self) -> tuple[UUID, ...]:
        """The parcels a label is for."""
        shipment = self.content.get("shipment") if self.kind is PaperKind.LABEL else None
        return tuple(UUID(parcel["parcel_id"]) for parcel in shipment["parcels"]) if shipment else ()

    @property
    def counted(self) -> Figures:
        """The figures of an invoice or credit note."""
        frozen = self.frozen
        assert frozen.figures is not None
        return frozen.figures


class Logo(Base):
    """A seller's logo; the newest is used for future documents."""

    __tablename__ = "logos"
    __table_args__ = (Index("ix_logos_seller", "seller", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    seller: Mapped[str]
    sha256: Mapped[str | None]  # None: none any more
    content_type: Mapped[str]
    size_bytes: Mapped[int]
    set_by: Mapped[str]
    set_at: Mapped[datetime]


class Print(Base):
    """Several documents as one file, or a list for several orders, for printing; kept for a day."""

    __tablename__ = "prints"
    __table_args__ = (Index("ix_prints_order_ids", "order_ids", postgresql_using="gin"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    kind: Mapped[PrintKind]
    status: Mapped[PaperStatus] = mapped_column(default=PaperStatus.DUE)
    argument: Mapped[dict[str, Any]] = mapped_column(JSONB)
    order_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid()))
    requested_by: Mapped[str]
    requested_at: Mapped[datetime]
    sha256: Mapped[str | None]
    size_bytes: Mapped[int | None]
    unprintable: Mapped[str] = mapped_column(default="")
    failure: Mapped[str] = mapped_column(default="")

    # Of those that it was asked for by, which are on it.
    orders = cast(Sequence[dict[str, Any]], ())
    shipments = cast(Sequence[dict[str, Any]], ())
