"""Locations, their stock, and the ledger of its movements."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from services.shipping.domain.stock_movements import MovementKind
from services.shipping.models.mapping import Base, word
from services.shipping.models.shipments import Shipment


class Location(Base):
    """Where stock is kept and shipments start."""

    __tablename__ = "locations"

    code: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    seller: Mapped[str]  # whose orders it serves; * for everyone's
    country: Mapped[str]  # ISO 3166-1 alpha-2
    priority: Mapped[int]  # the lowest is asked first
    version: Mapped[int] = mapped_column(default=1)
    changed_at: Mapped[datetime]


class StockLevel(Base):
    """How much of a SKU a location has; always the sum of its movements, by whose number it is versioned."""

    __tablename__ = "stock_levels"
    __table_args__ = (
        CheckConstraint("reserved >= 0", name="reserved_not_negative"),
        CheckConstraint("reserved <= on_hand", name="reserved_within_on_hand"),
        Index("ix_stock_levels_location_sku", "location", "sku"),
    )

    sku: Mapped[str] = mapped_column(primary_key=True)
    location: Mapped[str] = mapped_column(ForeignKey("locations.code"), primary_key=True)
    on_hand: Mapped[int] = mapped_column(server_default=text("0"))
    reserved: Mapped[int] = mapped_column(server_default=text("0"))
    version: Mapped[int] = mapped_column(server_default=text("0"))
    as_of: Mapped[datetime] = mapped_column(server_default=func.now())  # when it last changed

    @property
    def available(self) -> int:
        """Units that can still be promised."""
        return self.on_hand - self.reserved


class StockMovement(Base):
    """One change of a level: what happened, for which shipment, by whom; never changed afterwards."""

    __tablename__ = "stock_movements"
    __table_args__ = (
        ForeignKeyConstraint(["sku", "location"], ["stock_levels.sku", "stock_levels.location"]),
        CheckConstraint(
            """case kind
            when 'received' then on_hand_change > 0 and reserved_change = 0
            when 'reserved' then on_hand_change = 0 and reserved_change > 0
            when 'released' then on_hand_change = 0 and reserved_change < 0
            when 'shipped' then on_hand_change < 0 and reserved_change = on_hand_change
            when 'adjusted' then on_hand_change <> 0 and reserved_change = 0
            else false end""",
            name="kind",
        ),
        CheckConstraint(
            "(kind in ('reserved', 'released', 'shipped')) = (shipment_id is not null)", name="shipment"
        ),
    )

    sku: Mapped[str] = mapped_column(primary_key=True)
    location: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)  # counts the level's movements from 1, no gaps
    kind: Mapped[MovementKind] = mapped_column(word(MovementKind))
    on_hand_change: Mapped[int]
    reserved_change: Mapped[int]
    reason: Mapped[str]
    actor: Mapped[str]
    shipment_id: Mapped[UUID | None] = mapped_column(ForeignKey("shipments.id"), index=True)
    at: Mapped[datetime]

    shipment: Mapped[Shipment | None] = relationship()
