"""Returns, from request to close."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column, relationship

from services.orders.domain.return_status import actions
from services.orders.models.mapping import Base
from services.orders.models.refunds import Refund
from shared.db import new_id
from shared.events.snapshots import CloseReason, RefundState, ReturnReason, ReturnStatus
from shared.state_machine import Refusal


class Return(Base):
    """A return of some units of an order."""

    __tablename__ = "returns"
    __table_args__ = (
        Index(None, "order_id"),
        Index(None, "status", "id"),
        Index(None, "seller_code", "status", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    order_id: Mapped[UUID] = mapped_column(ForeignKey("orders.id"))
    seller_code: Mapped[str]  # the order's, as is the market: lists are bound by them
    market_code: Mapped[str]
    number: Mapped[str] = mapped_column(unique=True)
    status: Mapped[ReturnStatus]
    reason: Mapped[ReturnReason]
    note: Mapped[str]  # in the words of whoever asked; may be personal, so it is told to nobody
    by_customer: Mapped[bool]
    requested_by: Mapped[str]
    requested_at: Mapped[datetime]
    decided_by: Mapped[str | None]
    approved_at: Mapped[datetime | None]
    answer: Mapped[str]  # what the customer is told: how to send it, or why not
    expires_at: Mapped[datetime | None]
    received_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    close_reason: Mapped[CloseReason | None]
    exchange_order_id: Mapped[UUID | None] = mapped_column(ForeignKey("orders.id"))

    lines: Mapped[list["ReturnLine"]] = relationship(order_by="ReturnLine.position", lazy="selectin")
    # By the order too, for which refunds have an index.
    refunds: Mapped[list[Refund]] = relationship(
        primaryjoin=(
            "and_(Return.order_id == foreign(Refund.order_id), Return.id == foreign(Refund.return_id))"
        ),
        viewonly=True,
        lazy="selectin",
    )

    @property
    def actions(self) -> Mapping[str, Refusal | None]:
        """Each action with what blocks it, or None if it is possible now."""
        return actions(
            self.status, refunded=any(one.state is not RefundState.WITHDRAWN for one in self.refunds)
        )


class ReturnLine(Base):
    """How much of an order line is returned, in sales units."""

    __tablename__ = "return_lines"
    __table_args__ = (
        CheckConstraint("requested_quantity > 0", name="something_requested"),
        CheckConstraint(
            "least(received_quantity, restocked_quantity, scrapped_quantity) >= 0", name="not_negative"
        ),
        Index(None, "line_id"),
    )

    return_id: Mapped[UUID] = mapped_column(ForeignKey("returns.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    line_id: Mapped[UUID] = mapped_column(ForeignKey("order_lines.id"))
    sku: Mapped[str]
    requested_quantity: Mapped[int]
    received_quantity: Mapped[int]
    restocked_quantity: Mapped[int]
    scrapped_quantity: Mapped[int]
