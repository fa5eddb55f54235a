"""Locations: where goods are kept, and where customers collect them."""

from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, CheckConstraint, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.shipping.domain.locations import LocationKind
from services.shipping.models.mapping import Base, one_of
from shared.db import word


class Location(Base):
    """Where stock is kept and shipments start."""

    __tablename__ = "locations"
    __table_args__ = (CheckConstraint(one_of("kind", LocationKind), name="kind"),)

    code: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    seller: Mapped[str]  # whose orders it serves; * for everyone's
    country: Mapped[str]  # ISO 3166-1 alpha-2
    priority: Mapped[int]  # the lowest is asked first
    kind: Mapped[LocationKind] = mapped_column(word(LocationKind, 30), server_default=LocationKind.WAREHOUSE)
    active: Mapped[bool] = mapped_column(server_default=text("true"))  # else nothing new is asked of it
    # What it serves; nothing named: all of them.
    markets: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    method_kinds: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    address: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))  # where customers come
    handling_days: Mapped[int] = mapped_column(server_default=text("2"))  # from the order to its leaving
    pickup_reminder_days: Mapped[int] = mapped_column(server_default=text("3"))  # after it is ready
    pickup_days: Mapped[int] = mapped_column(server_default=text("7"))  # then it is kept no longer
    version: Mapped[int] = mapped_column(default=1)
    changed_at: Mapped[datetime]
