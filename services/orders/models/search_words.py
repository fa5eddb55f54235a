"""Search words of orders."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Mapped, mapped_column

from services.orders.domain.search_words import WordKind
from services.orders.models.mapping import Base


class OrderWord(Base):
    """An exact word by which an order can be found.

    The key is the index that lists use: the orders of a word in the order of the list, however many there
    are. No foreign key, which would cost every order placed some checks: orders are never deleted.
    """

    __tablename__ = "order_words"

    kind: Mapped[WordKind] = mapped_column(primary_key=True)
    word: Mapped[str] = mapped_column(primary_key=True)
    placed_at: Mapped[datetime] = mapped_column(primary_key=True)
    order_id: Mapped[UUID] = mapped_column(primary_key=True)
