"""Bank statements: payments received in a seller's account, and the orders they were for."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column, relationship

from services.orders.domain.bank_statements import LineState
from services.orders.models.mapping import Base
from services.orders.models.orders import Order
from shared.db import new_id


class BankStatement(Base):
    """A statement that was imported."""

    __tablename__ = "bank_statements"
    __table_args__ = (Index(None, "seller_code", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    seller_code: Mapped[str] = mapped_column(ForeignKey("sellers.code"))
    currency: Mapped[str]
    imported_by: Mapped[str]
    imported_at: Mapped[datetime]
    taken: Mapped[int]  # rows that were new
    repeated: Mapped[int]  # rows that were read before
    outgoing: Mapped[int]  # rows of money that went out
    errors: Mapped[list[dict[str, str]]]


class BankLine(Base):
    """A payment received in the account."""

    __tablename__ = "bank_lines"
    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        Index("uq_bank_lines_fingerprint", "seller_code", "fingerprint", unique=True),
        Index(None, "seller_code", "state", "id"),
        Index(None, "statement_id", "state"),
        Index(None, "order_id"),
        Index(None, "payment_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    statement_id: Mapped[UUID] = mapped_column(ForeignKey("bank_statements.id"))
    seller_code: Mapped[str]
    currency: Mapped[str]
    booked_on: Mapped[date]
    amount_minor: Mapped[int]
    text: Mapped[str]
    payer: Mapped[str]
    fingerprint: Mapped[str]  # the same however often the bank tells it
    state: Mapped[LineState]
    why: Mapped[str]  # it waits, or was ignored
    order_id: Mapped[UUID | None] = mapped_column(ForeignKey("orders.id"))  # it names, or was recorded for
    payment_id: Mapped[UUID | None] = mapped_column(ForeignKey("payments.id"))
    decided_by: Mapped[str | None]
    decided_at: Mapped[datetime | None]

    order: Mapped[Order | None] = relationship(viewonly=True)

    @property
    def number(self) -> str | None:
        """The order's number."""
        return self.order.number if self.order else None
