"""Saved views of the list of orders."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from services.orders.models.mapping import Base
from shared.db import new_id


class SavedView(Base):
    """A list's query under a name: one person's own, or shared by everyone who works for a seller."""

    __tablename__ = "saved_views"
    __table_args__ = (
        CheckConstraint(
            "(seller_code is null) = (owner is not null) and (owner is null) = (owner_issuer is null)",
            name="own_or_shared",
        ),
        UniqueConstraint("owner", "owner_issuer", "name_folded"),
        UniqueConstraint("seller_code", "name_folded"),
        Index("ix_saved_views_said", "said", postgresql_using="gin", postgresql_ops={"said": "gin_trgm_ops"}),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    version: Mapped[int]
    seller_code: Mapped[str | None] = mapped_column(ForeignKey("sellers.code"))  # in which it is shared
    owner_issuer: Mapped[str | None]  # who vouches for the name of the owner
    owner: Mapped[str | None]  # whose own it is
    name: Mapped[str]
    name_folded: Mapped[str]  # two names that people take for the same are
    query: Mapped[str]  # of GET /v1/orders
    said: Mapped[str]  # what was typed in both, searchable: erasure finds by it whom a view names
    created_by: Mapped[str]
    updated_by: Mapped[str]
    updated_at: Mapped[datetime]
