"""Pick lists: one walk through a location for many shipments."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Sequence, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column, relationship

from services.shipping.models.mapping import Base
from services.shipping.models.shipments import Shipment
from shared.db import new_id


class PickList(Base):
    """A list of what to take from the shelves of a location."""

    __tablename__ = "pick_lists"
    __table_args__ = (Index("ix_pick_lists_location_id", "location", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    number: Mapped[str]
    location: Mapped[str] = mapped_column(ForeignKey("locations.code"))
    sellers: Mapped[list[str]] = mapped_column(ARRAY(Text))  # of its shipments, each once; who sees it
    markets: Mapped[list[str]] = mapped_column(ARRAY(Text))
    created_by: Mapped[str]
    created_at: Mapped[datetime]

    lines: Mapped[list["PickListLine"]] = relationship(
        order_by=lambda: (PickListLine.bin, PickListLine.sku, PickListLine.shipment_id, PickListLine.line_id),
        cascade="all, delete-orphan",
    )

    @property
    def shipments(self) -> list[Shipment]:
        """The shipments whose lines are on it, each once."""
        return list({line.shipment_id: line.shipment for line in self.lines}.values())


class PickListLine(Base):
    """Units of a shipment's line to take from one shelf; a shipment can be on several lists."""

    __tablename__ = "pick_list_lines"
    __table_args__ = (
        CheckConstraint("units > 0", name="units"),
        CheckConstraint("found between 0 and units", name="found"),
        Index("ix_pick_list_lines_shipment_id", "shipment_id"),
        Index("ix_pick_list_lines_open", "pick_list_id", postgresql_where=text("found is null")),
    )

    pick_list_id: Mapped[UUID] = mapped_column(ForeignKey("pick_lists.id"), primary_key=True)
    shipment_id: Mapped[UUID] = mapped_column(ForeignKey("shipments.id"), primary_key=True)
    line_id: Mapped[UUID] = mapped_column(primary_key=True)
    bin: Mapped[str]  # as the stock had it when the list was made
    sku: Mapped[str]
    name: Mapped[str]
    units: Mapped[int]
    found: Mapped[int | None]  # none until somebody looked, or nobody needs it any more; less is a short pick

    shipment: Mapped[Shipment] = relationship(lazy="selectin")

    @property
    def specifications(self) -> dict[str, str]:
        """The product's specifications, for the picker."""
        goods = next((line.goods for line in self.shipment.lines if line.line_id == self.line_id), None)
        return goods.specifications if goods else {}


pick_list_serials = Sequence("pick_list_serials", metadata=Base.metadata)
