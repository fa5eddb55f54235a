"""Carriers with tracking numbers, couriers by name, and carriers' reports."""

from datetime import datetime
from urllib.parse import quote
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, text
from sqlalchemy.orm import Mapped, mapped_column

from services.shipping.domain.queues import STALLED_AFTER_DAYS
from services.shipping.models.mapping import Base, one_of
from shared.db import word
from shared.events.snapshots import TrackingStatus


class Carrier(Base):
    """A company that carries parcels; parcels may also name carriers that are not listed here."""

    __tablename__ = "carriers"
    __table_args__ = (CheckConstraint("stalled_after_days > 0", name="stalled_after_days"),)

    code: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    tracking_link: Mapped[str]  # with {number} in it
    stalled_after_days: Mapped[int] = mapped_column(server_default=text(str(STALLED_AFTER_DAYS)))
    version: Mapped[int] = mapped_column(default=1)
    changed_at: Mapped[datetime]

    def link_to(self, tracking_number: str) -> str:
        """The page where a customer can track a parcel."""
        return self.tracking_link.replace("{number}", quote(tracking_number, safe=""))


class Courier(Base):
    """A person who delivers a seller's goods."""

    __tablename__ = "couriers"

    seller: Mapped[str] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    phone: Mapped[str]
    email: Mapped[str] = mapped_column(server_default=text("''"))  # where they are told of their deliveries
    active: Mapped[bool]
    version: Mapped[int] = mapped_column(default=1)
    changed_at: Mapped[datetime]


class TrackingEvent(Base):
    """A carrier's report about a parcel; a repeated report is the same row."""

    __tablename__ = "tracking_events"
    __table_args__ = (CheckConstraint(one_of("status", TrackingStatus), name="status"),)

    parcel_id: Mapped[UUID] = mapped_column(ForeignKey("parcels.id", ondelete="CASCADE"), primary_key=True)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    status: Mapped[TrackingStatus] = mapped_column(word(TrackingStatus, 30), primary_key=True)
    place: Mapped[str]
    note: Mapped[str]  # the carrier's own words; they may name who signed
    heard_at: Mapped[datetime]
