"""The history of an order, kept permanently."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from services.orders.models.mapping import Base
from shared.db import new_id


class HistoryEntry(Base):
    """A change of an order, or another service's event: who, what, when, and the values before and after."""

    __tablename__ = "order_history"
    __table_args__ = (Index(None, "order_id", "at", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    order_id: Mapped[UUID] = mapped_column(ForeignKey("orders.id"))
    source: Mapped[str]  # the service where it happened
    event_id: Mapped[UUID | None] = mapped_column(unique=True)  # by which another one told it
    version: Mapped[int | None]  # of the order after the change
    at: Mapped[datetime]
    actor: Mapped[str]
    action: Mapped[str]
    before: Mapped[dict[str, Any]]
    after: Mapped[dict[str, Any]]
    detail: Mapped[dict[str, Any]]
