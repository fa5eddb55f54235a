"""Parcels: what a shipment is packed in, and what is in each."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Sequence, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from services.shipping.domain.tracking_progress import Scan
from services.shipping.models.carriers import TrackingEvent
from services.shipping.models.mapping import Base, one_of
from shared.db import new_id, word
from shared.events.snapshots import TrackingStatus


class Parcel(Base):
    """A parcel with its tracking number and label."""

    __tablename__ = "parcels"
    __table_args__ = (
        UniqueConstraint("shipment_id", "position", deferrable=True, initially="DEFERRED"),
        CheckConstraint(one_of("tracking_status", TrackingStatus), name="tracking_status"),
        CheckConstraint("weight_grams >= 0", name="weight"),
        CheckConstraint("least(length_mm, width_mm, height_mm) >= 0", name="size"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    shipment_id: Mapped[UUID] = mapped_column(ForeignKey("shipments.id"))
    position: Mapped[int]  # among the shipment's parcels, from 1
    carrier: Mapped[str]
    tracking_number: Mapped[str] = mapped_column(index=True)
    tracking_url: Mapped[str]
    own_number: Mapped[str] = mapped_column(server_default=text("''"))  # which Waybill's own carrier gave it
    weight_grams: Mapped[int] = mapped_column(server_default=text("0"))  # 0 where nobody weighed it
    length_mm: Mapped[int] = mapped_column(server_default=text("0"))  # sizes: 0 where nobody measured it
    width_mm: Mapped[int] = mapped_column(server_default=text("0"))
    height_mm: Mapped[int] = mapped_column(server_default=text("0"))
    label_document_id: Mapped[UUID | None]
    tracking_status: Mapped[TrackingStatus | None] = mapped_column(word(TrackingStatus, 30))
    tracked_at: Mapped[datetime | None]  # when that was so

    contents: Mapped[list["ParcelContent"]] = relationship(
        order_by="ParcelContent.line_id", cascade="all, delete-orphan", lazy="selectin"
    )
    events: Mapped[list[TrackingEvent]] = relationship(
        order_by=TrackingEvent.at, passive_deletes=True, lazy="selectin"
    )

    @property
    def scan(self) -> Scan | None:
        """Where the carrier last reported it."""
        if self.tracking_status is None or self.tracked_at is None:
            return None
        return Scan(status=self.tracking_status, at=self.tracked_at)


class ParcelContent(Base):
    """How much of a line is in a parcel."""

    __tablename__ = "parcel_contents"
    __table_args__ = (CheckConstraint("units > 0", name="units"),)

    parcel_id: Mapped[UUID] = mapped_column(ForeignKey("parcels.id", ondelete="CASCADE"), primary_key=True)
    line_id: Mapped[UUID] = mapped_column(primary_key=True)
    units: Mapped[int]  # stock-keeping units


parcel_serials = Sequence("parcel_serials", metadata=Base.metadata)  # what tracking numbers are made of
