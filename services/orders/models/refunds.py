"""Refunds: credits on an order's bill, and the money paid back for them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from services.orders.domain.credits import tax_rows
from services.orders.models.mapping import Base
from shared.db import new_id
from shared.events.snapshots import PaymentMethod, RefundKind, RefundPart, RefundState, TaxRow


class Refund(Base):
    """A credit on an order's bill, and the money paid back for it."""

    __tablename__ = "refunds"
    __table_args__ = (
        CheckConstraint(
            "amount_minor >= 0 and credited_minor >= 0 and amount_minor + credited_minor > 0",
            name="gives_something",
        ),
        Index(None, "order_id"),
        Index("ix_refunds_requested", "id", postgresql_where=text("state = 'requested'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    order_id: Mapped[UUID] = mapped_column(ForeignKey("orders.id"))
    kind: Mapped[RefundKind]
    amount_minor: Mapped[int]  # money that goes back
    credited_minor: Mapped[int]  # off the bill; nothing where too much was paid or the order was cancelled
    parts: Mapped[tuple[RefundPart, ...]]  # what of the bill; sum to credited_minor
    restock: Mapped[bool | None]  # the choice where units are refunded
    reason: Mapped[str]
    state: Mapped[RefundState]
    method: Mapped[PaymentMethod]
    payment_id: Mapped[UUID | None] = mapped_column(ForeignKey("payments.id"))  # what the gateway pays back
    return_id: Mapped[UUID | None] = mapped_column(ForeignKey("returns.id"))  # what it is given for
    failure: Mapped[str]  # why the gateway did not; from then on it is paid out by hand
    requested_by: Mapped[str]
    requested_at: Mapped[datetime]
    reference: Mapped[str]
    settled_by: Mapped[str | None]
    settled_at: Mapped[datetime | None]
    said_at: Mapped[datetime | None]  # when the gateway said what it last told of a chargeback, or of its own

    @property
    def tax(self) -> tuple[TaxRow, ...]:
        """The totals by tax rate."""
        return tax_rows(self.parts)
