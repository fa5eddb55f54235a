"""One row per order: every transaction about an order begins by locking it."""

from typing import Protocol, TypeVar
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared.messaging.tables import subjects


class _OfOrder(Protocol):
    @property
    def order_id(self) -> UUID: ...


R = TypeVar("R", bound=_OfOrder)


def lock_order(session: Session, order_id: UUID | str) -> None:
    """Have an order to oneself within this service until the transaction ends, known or not.

    Taken first in every transaction about an order, it serialises them and rules out deadlocks.
    """
    mine = insert(subjects).values(subject=str(order_id))
    # An update that changes nothing locks the row where it exists, in the same round trip.
    session.execute(
        mine.on_conflict_do_update(index_elements=[subjects.c.subject], set_={"version": subjects.c.version})
    )


def of_locked_order(session: Session, row: R) -> R:
    """A row as it is once its order is locked; what was read of it before may have changed meanwhile."""
    lock_order(session, row.order_id)
    session.refresh(row)
    return row


def next_version(session: Session, order_id: UUID | str) -> int:
    """Count one change of what this service publishes about an order it does not own."""
    counted = (
        update(subjects)
        .where(subjects.c.subject == str(order_id))
        .values(version=subjects.c.version + 1)
        .returning(subjects.c.version)
    )
    version: int = session.execute(counted).scalar_one()
    return version
