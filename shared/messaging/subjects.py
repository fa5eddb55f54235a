"""One row per order: every transaction about an order begins by locking it."""

from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared.messaging.tables import subjects


def lock_order(session: Session, order_id: UUID | str) -> None:
    """Have an order to oneself within this service until the transaction ends, known or not.

    Taken first in every transaction about an order, it serialises them and rules out deadlocks.
    """
    subject = str(order_id)
    found = select(subjects.c.subject).where(subjects.c.subject == subject).with_for_update()
    if session.execute(found).first() is None:
        # A concurrent first transaction makes this wait for it, after which the row is there to lock.
        session.execute(insert(subjects).values(subject=subject).on_conflict_do_nothing())
        session.execute(found)


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
