"""Staff notes on an order."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from services.orders.models.mapping import Base
from shared.db import new_id


class Note(Base):
    """A note for staff only: it is in no event, so no other service, document or e-mail can show it."""

    __tablename__ = "notes"
    __table_args__ = (Index(None, "order_id", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    order_id: Mapped[UUID] = mapped_column(ForeignKey("orders.id"))
    text: Mapped[str]
    created_by: Mapped[str]
    created_at: Mapped[datetime]
