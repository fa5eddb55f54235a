"""One row per order: every transaction about an order begins by locking it."""

from collections.abc import Iterator
from typing import Protocol, TypeVar
from uuid import UUID
from weakref import WeakKeyDictionary

from sqlalchemy import text, update
from sqlalchemy.orm import Session, SessionTransaction

from shared.messaging.tables import subjects

# An update that changes nothing locks the row where it exists, in the same round trip.
_LOCK = text("""
    insert into subjects (subject) values (:subject)
    on conflict (subject) do update set version = subjects.version
""")


class _OfOrder(Protocol):
    @property
    def order_id(self) -> UUID: ...


R = TypeVar("R", bound=_OfOrder)


def lock_order(session: Session, order_id: UUID | str) -> None:
    """Have an order to oneself within this service until the transaction ends, known or not.

    Taken first in every transaction about an order, it serialises them and rules out deadlocks. Whoever has
    it already does not ask for it again.
    """
    subject = str(order_id)
    locked = _locked(session)
    if not any(subject in locked.get(transaction, ()) for transaction in _transactions(session)):
        session.execute(_LOCK, {"subject": subject})
        note_locked(session, subject)


def note_locked(session: Session, subject: str) -> None:
    """Remember that this transaction has locked an order, until it ends or is taken back to a savepoint."""
    innermost = next(_transactions(session))
    _locked(session).setdefault(innermost, set()).add(subject)


def _locked(session: Session) -> WeakKeyDictionary[SessionTransaction, set[str]]:
    locked: WeakKeyDictionary[SessionTransaction, set[str]]
    locked = session.info.setdefault("locked", WeakKeyDictionary())
    return locked


def _transactions(session: Session) -> Iterator[SessionTransaction]:
    """The session's transaction from its innermost savepoint outwards; what those hold, this one holds."""
    transaction = session.get_nested_transaction() or session.get_transaction()
    while transaction is not None:
        yield transaction
        transaction = transaction.parent


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
