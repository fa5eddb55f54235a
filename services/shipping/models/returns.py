"""Returns by customers: what is expected, and what was received."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column, relationship

from services.shipping.domain.inspection import Condition, ReturnStatus
from services.shipping.models.mapping import Base, one_of
from shared.db import word


class ExpectedReturn(Base):
    """A return approved by orders."""

    __tablename__ = "expected_returns"
    __table_args__ = (
        CheckConstraint(one_of("status", ReturnStatus), name="status"),
        CheckConstraint(
            "(status = 'received') = (received_at is not null and location is not null)", name="received"
        ),
        Index("ix_expected_returns_status_id", "status", "id"),
        Index("ix_expected_returns_seller_status_id", "seller", "status", "id"),
        Index("ix_expected_returns_order_id", "order_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)  # orders' id of the return
    order_id: Mapped[UUID] = mapped_column(ForeignKey("order_states.order_id"))
    order_number: Mapped[str]
    seller: Mapped[str]
    market: Mapped[str]
    status: Mapped[ReturnStatus] = mapped_column(word(ReturnStatus, 30))
    location: Mapped[str | None] = mapped_column(ForeignKey("locations.code"))  # where it came in
    received_by: Mapped[str]
    note: Mapped[str]
    version: Mapped[int] = mapped_column(default=1)
    expected_at: Mapped[datetime]
    received_at: Mapped[datetime | None]

    lines: Mapped[list["ExpectedLine"]] = relationship(
        order_by="ExpectedLine.position", cascade="all, delete-orphan", lazy="selectin"
    )


class ExpectedLine(Base):
    """How much of an order line is expected back."""

    __tablename__ = "expected_lines"
    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity"),
        CheckConstraint("coefficient > 0", name="coefficient"),
    )

    return_id: Mapped[UUID] = mapped_column(ForeignKey("expected_returns.id"), primary_key=True)
    line_id: Mapped[UUID] = mapped_column(primary_key=True)
    position: Mapped[int]
    sku: Mapped[str]
    name: Mapped[str]
    quantity: Mapped[int]  # sales units
    coefficient: Mapped[int]  # stock-keeping units in one of them

    findings: Mapped[list["Finding"]] = relationship(
        order_by="Finding.condition", cascade="all, delete-orphan", lazy="selectin"
    )

    @property
    def received(self) -> int:
        """Sales units received."""
        return sum(finding.quantity for finding in self.findings)

    @property
    def restocked(self) -> int:
        """Sales units received that went back to stock."""
        return sum(one.quantity for one in self.findings if one.condition is Condition.SELLABLE)


class Finding(Base):
    """How many units of a line came back in one condition."""

    __tablename__ = "findings"
    __table_args__ = (
        ForeignKeyConstraint(
            ["return_id", "line_id"], ["expected_lines.return_id", "expected_lines.line_id"]
        ),
        CheckConstraint(one_of("condition", Condition), name="condition"),
        CheckConstraint("quantity > 0", name="quantity"),
    )

    return_id: Mapped[UUID] = mapped_column(primary_key=True)
    line_id: Mapped[UUID] = mapped_column(primary_key=True)
    condition: Mapped[Condition] = mapped_column(word(Condition, 30), primary_key=True)
    quantity: Mapped[int]  # sales units
