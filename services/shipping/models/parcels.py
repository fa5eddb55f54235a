"""Parcels: the boxes that a shipment goes in."""

from uuid import UUID

from sqlalchemy import ForeignKey, Sequence
from sqlalchemy.orm import Mapped, mapped_column

from services.shipping.models.mapping import Base
from shared.db import new_id


class Parcel(Base):
    """A box with its tracking number and label."""

    __tablename__ = "parcels"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    shipment_id: Mapped[UUID] = mapped_column(ForeignKey("shipments.id"), index=True)
    carrier: Mapped[str]
    tracking_number: Mapped[str] = mapped_column(index=True)
    tracking_url: Mapped[str]
    weight_grams: Mapped[int] = mapped_column(default=0)  # 0 where nobody weighed it
    label_document_id: Mapped[UUID | None]


parcel_serials = Sequence("parcel_serials", metadata=Base.metadata)  # what tracking numbers are made of
