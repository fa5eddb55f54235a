"""Drafts (carts): orders in the making, as far as they are known."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from services.orders.models.mapping import Base
from services.orders.models.master_data import Market
from shared.db import new_id
from shared.events.snapshots import OrderStatus


class Draft(Base):
    """A cart. The order placed from it takes over its id, so it can't become two orders."""

    __tablename__ = "drafts"
    __table_args__ = (
        CheckConstraint("status in ('draft', 'placed', 'abandoned')", name="status_of_a_draft"),
        Index("ix_drafts_newest", "status", text("id desc")),
        Index("ix_drafts_seller_newest", "seller_code", "status", text("id desc")),
        Index("ix_drafts_market_newest", "market_code", "status", text("id desc")),
        Index(None, "customer_id"),
        Index(None, "seller_code", "customer_email"),
        Index("ix_drafts_abandoned", "updated_at", postgresql_where=text("status = 'abandoned'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    version: Mapped[int]
    status: Mapped[OrderStatus]
    seller_code: Mapped[str] = mapped_column(ForeignKey("sellers.code"))
    market_code: Mapped[str] = mapped_column(ForeignKey("markets.code"))
    customer_id: Mapped[UUID | None] = mapped_column(ForeignKey("customers.id"))
    customer_name: Mapped[str]  # these two as they were last known, for lists
    customer_email: Mapped[str]
    contents: Mapped[dict[str, Any]]  # pricing.contents.OrderContents; emptied when it becomes an order
    total_minor: Mapped[int]  # when it was last changed
    reorder_of: Mapped[UUID | None] = mapped_column(ForeignKey("orders.id"))
    created_by: Mapped[str]
    created_at: Mapped[datetime]
    updated_by: Mapped[str]
    updated_at: Mapped[datetime]

    market: Mapped[Market] = relationship(lazy="joined", innerjoin=True)

    @property
    def order_id(self) -> UUID | None:
        """The order that it became."""
        return self.id if self.status is OrderStatus.PLACED else None
