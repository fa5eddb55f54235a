"""Payments for an order."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from services.orders.domain.bank_statements import LineState
from services.orders.domain.payments import ChargebackStep, Discrepancy, ReportKind
from services.orders.models.mapping import Base
from shared.db import new_id
from shared.events.snapshots import PaymentMethod


class Payment(Base):
    """A payment; the row never changes, except when the payment is voided."""

    __tablename__ = "payments"
    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        Index(None, "order_id", "recorded_at"),
        Index(None, "seller_code", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    order_id: Mapped[UUID] = mapped_column(ForeignKey("orders.id"))
    seller_code: Mapped[str]  # the order's, as its market: payments of many orders are listed by them
    market_code: Mapped[str]
    method: Mapped[PaymentMethod]
    amount_minor: Mapped[int]
    reference: Mapped[str]
    document_id: Mapped[UUID | None]  # the supporting document, in the documents service
    # seller/market/reference of what the gateway received, by which it counts once; none of what came by hand
    gateway_key: Mapped[str | None] = mapped_column(unique=True)
    recorded_by: Mapped[str]
    recorded_at: Mapped[datetime]
    voided_by: Mapped[str | None]
    voided_at: Mapped[datetime | None]
    void_reason: Mapped[str]


class PaymentDiscrepancy(Base):
    """A gateway report that cannot be booked automatically; a person decides what it means.

    An open chargeback is counted and waits here all the same, until the gateway tells how it ended.
    """

    __tablename__ = "payment_discrepancies"
    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        # Told again it is the same.
        UniqueConstraint(
            *("order_id", "kind", "reference", "amount_minor", "currency"),
            name="uq_payment_discrepancies_told",
        ),
        Index(None, "state", "id"),
        Index(None, "payment_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    order_id: Mapped[UUID] = mapped_column(ForeignKey("orders.id"))  # which the gateway named
    seller_code: Mapped[str]
    market_code: Mapped[str]
    kind: Mapped[ReportKind]
    reference: Mapped[str]  # the gateway's own id of the payment, refund or chargeback
    payment_reference: Mapped[str]  # of the payment that was given back; empty of a payment itself
    step: Mapped[ChargebackStep | None]
    said_at: Mapped[datetime | None]  # by the gateway's clock
    amount_minor: Mapped[int]  # of the currency named, which may not be the order's
    currency: Mapped[str]
    why: Mapped[Discrepancy]
    state: Mapped[LineState]  # open, assigned or ignored
    payment_id: Mapped[UUID | None] = mapped_column(ForeignKey("payments.id"))  # which it was recorded as
    refund_id: Mapped[UUID | None] = mapped_column(ForeignKey("refunds.id"))  # … or which refund it is
    reason: Mapped[str]  # why it was set aside
    told_at: Mapped[datetime]
    decided_by: Mapped[str | None]
    decided_at: Mapped[datetime | None]
