"""Folding of names stored before folding was introduced, so that searches find them too."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import and_, bindparam, or_, select, tuple_, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from services.orders.models import Base, Customer, Order, Product
from shared import clock
from shared.db import new_id
from shared.folding import searchable
from shared.messaging.jobs import enqueue

SLICE = 500  # rows that are locked at a time
LOOK_AGAIN = timedelta(hours=1)


@dataclass(frozen=True)
class Findable:
    """A table whose rows can be found by part of a text."""

    model: type[Base]
    key: Sequence[InstrumentedAttribute[Any]]
    texts: Sequence[InstrumentedAttribute[str]]
    folded: InstrumentedAttribute[str | None]


FINDABLE = (
    Findable(Order, [Order.id], [Order.customer_name], Order.customer_name_folded),
    Findable(Customer, [Customer.id], [Customer.name], Customer.name_folded),
    Findable(
        Product, [Product.seller_code, Product.sku], [Product.name, Product.description], Product.text_folded
    ),
)


def fold_slice(
    session: Session, findable: Findable, before: Sequence[Any] | None = None
) -> Sequence[Any] | None:
    """Fold the next rows of a table, newest first; returns the key of the last one, None if there were none.

    Rows that somebody is changing are passed over: that folds them. The caller owns the transaction.
    """
    emptied = and_(findable.folded != "", *(text == "" for text in findable.texts))  # by the release before
    rows = select(*findable.key, *findable.texts).where(or_(findable.folded.is_(None), emptied))
    if before is not None:
        rows = rows.where(tuple_(*findable.key) < tuple_(*before))
    newest = rows.order_by(*(column.desc() for column in findable.key)).limit(SLICE)
    found = session.execute(newest.with_for_update(skip_locked=True)).all()
    if not found:
        return None
    width = len(findable.key)
    names = [f"key_{place}" for place in range(width)]
    session.connection().execute(
        update(findable.model)
        .where(*(column == bindparam(name) for column, name in zip(findable.key, names, strict=True)))
        .values({findable.folded: bindparam("to")}),
        [{"to": searchable(*row[width:]), **dict(zip(names, row, strict=False))} for row in found],
    )
    return found[-1][:width]


def owe_folding(session: Session, *, look: int) -> None:
    """Schedule the folding of rows that are not folded yet.

    The second look is later: at what was passed over, or stored meanwhile by the release before this one.
    """
    enqueue(
        session,
        "folding",
        key=f"folding:{look}:{new_id()}",
        order_id="folding",
        number="",
        argument={"look": look},
        run_at=clock.now() + (LOOK_AGAIN if look else timedelta()),
    )
