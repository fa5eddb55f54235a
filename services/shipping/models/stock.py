"""Stock levels of locations, and the ledger of movements."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from services.shipping.domain.stock_movements import MovementKind
from services.shipping.models.mapping import Base
from services.shipping.models.shipments import Shipment
from shared.db import word


class StockLevel(Base):
    """How much of a SKU a location has; always the sum of its movements, whose count is its version."""

    __tablename__ = "stock_levels"
    __table_args__ = (
        CheckConstraint("reserved >= 0", name="reserved_not_negative"),
        CheckConstraint("reserved <= on_hand", name="reserved_within_on_hand"),
        CheckConstraint("picked between 0 and reserved", name="picked_within_reserved"),
        Index("ix_stock_levels_location_sku", "location", "sku"),
        Index("ix_stock_levels_untold", "sku", postgresql_where=text("told_version <> version")),
    )

    sku: Mapped[str] = mapped_column(primary_key=True)
    location: Mapped[str] = mapped_column(ForeignKey("locations.code"), primary_key=True)
    on_hand: Mapped[int] = mapped_column(server_default=text("0"))
    reserved: Mapped[int] = mapped_column(server_default=text("0"))
    picked: Mapped[int] = mapped_column(
        server_default=text("0")
    )  # of what is reserved, no longer on its shelf
    bin: Mapped[str] = mapped_column(server_default="")  # the shelf; pick lists go by it
    version: Mapped[int] = mapped_column(server_default=text("0"))
    as_of: Mapped[datetime] = mapped_column(server_default=func.now())  # when it last changed
    told_version: Mapped[int] = mapped_column(server_default=text("0"))  # the newest that stock.changed told
    told_at: Mapped[datetime | None]

    @property
    def available(self) -> int:
        """Units that can still be promised."""
        return self.on_hand - self.reserved


class StockMovement(Base):
    """One change of a level: what happened, for which shipment, by whom; never changed later."""

    __tablename__ = "stock_movements"
    __table_args__ = (
        ForeignKeyConstraint(["sku", "location"], ["stock_levels.sku", "stock_levels.location"]),
        CheckConstraint(
            """case kind
            when 'received' then on_hand_change > 0 and reserved_change = 0 and picked_change = 0
            when 'reserved' then on_hand_change = 0 and reserved_change > 0 and picked_change = 0
            when 'released' then on_hand_change = 0 and reserved_change < 0 and picked_change = 0
            when 'picked' then on_hand_change = 0 and reserved_change = 0 and picked_change <> 0
            when 'shipped' then on_hand_change < 0 and reserved_change = on_hand_change
                and picked_change in (0, on_hand_change)
            when 'returned' then on_hand_change > 0 and reserved_change = 0 and picked_change = 0
            when 'scrapped' then on_hand_change < 0 and reserved_change = 0 and picked_change = 0
            when 'adjusted' then on_hand_change <> 0 and reserved_change = 0 and picked_change = 0
            else false end""",
            name="kind",
        ),
        CheckConstraint(
            """case when kind in ('reserved', 'released', 'picked', 'shipped') then shipment_id is not null
            when kind in ('returned', 'scrapped') then true
            else shipment_id is null end""",
            name="shipment",
        ),
    )

    sku: Mapped[str] = mapped_column(primary_key=True)
    location: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)  # counts the level's movements from 1, no gaps
    kind: Mapped[MovementKind] = mapped_column(word(MovementKind, 30))
    on_hand_change: Mapped[int]
    reserved_change: Mapped[int]
    picked_change: Mapped[int] = mapped_column(server_default=text("0"))
    reason: Mapped[str]
    actor: Mapped[str]
    shipment_id: Mapped[UUID | None] = mapped_column(ForeignKey("shipments.id"), index=True)
    at: Mapped[datetime]

    shipment: Mapped[Shipment | None] = relationship()
