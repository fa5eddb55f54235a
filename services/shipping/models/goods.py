"""Goods, as the warehouse sees them."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.shipping.models.mapping import Base


class Goods(Base):
    """Warehouse data of a seller's SKU, beyond what orders provides."""

    __tablename__ = "goods"
    __table_args__ = (CheckConstraint("weight_grams >= 0", name="weight"),)

    seller: Mapped[str] = mapped_column(primary_key=True)
    sku: Mapped[str] = mapped_column(primary_key=True)
    barcode: Mapped[str]  # what a scanner may read instead of the SKU; empty where it reads that
    specifications: Mapped[dict[str, str]] = mapped_column(
        JSONB
    )  # what a picker looks at: colour, size, care
    weight_grams: Mapped[int]  # of a stock-keeping unit; 0 where nobody weighed it
    available_on: Mapped[date | None]  # ordered before that day, it is not released before it
    version: Mapped[int] = mapped_column(default=1)
    changed_at: Mapped[datetime]
