"""Money received for an order."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from services.orders.domain.payments import PaymentMethod
from services.orders.models.mapping import Base
from shared.db import new_id


class Payment(Base):
    """Money received; a row is never changed but to say that it was none."""

    __tablename__ = "payments"
    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        Index(None, "order_id", "recorded_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    order_id: Mapped[UUID] = mapped_column(ForeignKey("orders.id"))
    method: Mapped[PaymentMethod]
    amount_minor: Mapped[int]
    reference: Mapped[str]
    document_id: Mapped[UUID | None]  # the supporting document, in the documents service
    webhook_id: Mapped[str | None] = mapped_column(unique=True)  # the gateway's own id of its call
    recorded_by: Mapped[str]
    recorded_at: Mapped[datetime]
    voided_by: Mapped[str | None]
    voided_at: Mapped[datetime | None]
    void_reason: Mapped[str]
