"""Handovers to customers: pickups, appointments and proofs."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from services.shipping.models.mapping import Base, one_of
from shared.db import word
from shared.events.snapshots import AppointmentKind


class Pickup(Base):
    """A shipment that waits for pickup, and the code it is handed out for."""

    __tablename__ = "pickups"
    __table_args__ = (CheckConstraint("serial > 0 and wrong_tries >= 0", name="code"),)

    shipment_id: Mapped[UUID] = mapped_column(ForeignKey("shipments.id"), primary_key=True)
    serial: Mapped[int] = mapped_column(server_default=text("1"))  # which code holds; itself stored nowhere
    wrong_tries: Mapped[int] = mapped_column(server_default=text("0"))  # with this code
    collect_by: Mapped[datetime]
    reminded_at: Mapped[datetime | None]


class SignOff(Base):
    """The proof that a shipment reached its customer: who took it, when, and who recorded it."""

    __tablename__ = "sign_offs"

    shipment_id: Mapped[UUID] = mapped_column(ForeignKey("shipments.id"), primary_key=True)
    name: Mapped[str]  # whoever took it; empty where nobody signed, or once the person was erased
    note: Mapped[str]
    document_id: Mapped[UUID | None]  # a stored proof, such as a signed slip
    recorded_by: Mapped[str]
    at: Mapped[datetime]


class Appointment(Base):
    """An appointment at a customer's: to deliver goods, install them, or do a service."""

    __tablename__ = "appointments"
    __table_args__ = (
        CheckConstraint(one_of("kind", AppointmentKind), name="kind"),
        CheckConstraint("starts_at < ends_at", name="window"),
        Index("ix_appointments_starts_at", "starts_at", "shipment_id", "kind"),
    )

    shipment_id: Mapped[UUID] = mapped_column(ForeignKey("shipments.id"), primary_key=True)
    kind: Mapped[AppointmentKind] = mapped_column(word(AppointmentKind, 30), primary_key=True)
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    note: Mapped[str]
    times_scheduled: Mapped[int] = mapped_column(server_default=text("1"))
    scheduled_by: Mapped[str]
    signed_at: Mapped[datetime | None]
    signed_by: Mapped[str] = mapped_column(server_default=text("''"))  # the customer's name
