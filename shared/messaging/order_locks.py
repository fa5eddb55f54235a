"""One row per order, which every transaction about that order locks first."""

from collections.abc import Iterator
from typing import Protocol, TypeVar
from uuid import UUID
from weakref import WeakKeyDictionary

from sqlalchemy import text, update
from sqlalchemy.orm import Session, SessionTransaction

from shared.messaging.tables import subjects

# An update that is not done locks the row where it exists, in the same round trip, and writes none.
_LOCK = text("""
    insert into subjects (subject) values (:subject)
    on conflict (subject) do update set version = subjects.version where false
""")


class _OfOrder(Protocol):
    @property
    def order_id(self) -> UUID: ...


R = TypeVar("R", bound=_OfOrder)


def lock_order(session: Session, order_id: UUID | str) -> None:
    """Lock an order within this service until the transaction ends, whether or not it is known yet.

    Taken first in every transaction about an order, it serialises them and rules out deadlocks. Whoever has
    it already does not ask for it again.
    """
    subject = str(order_id)
    locked = _locked(session)
    if not any(subject in locked.get(transaction, ()) for transaction in _transactions(session)):
        session.execute(_LOCK, {"subject": subject})
        note_locked(session, subject)


def note_locked(session: Session, subject: str) -> None:
    """Remember that this transaction has locked an order, until it ends or rolls back to a savepoint."""
    innermost = next(_transactions(session))
    _locked(session).setdefault(innermost, set()).add(subject)


def _locked(session: Session) -> WeakKeyDictionary[SessionTransaction, set[str]]:
    locked: WeakKeyDictionary[SessionTransaction, set[str]]
    locked = session.info.setdefault("locked", WeakKeyDictionary())
    return locked


def _transactions(session: Session) -> Iterator[SessionTransaction]:
    """The session's transactions from the innermost savepoint outwards; locks of outer ones count too."""
    transaction = session.get_nested_transaction() or session.get_transaction()
    while transaction is not None:
        yield transaction
        transaction = transaction.parent


def of_locked_order(session: Session, row: R) -> R:
    """Lock a row's order and re-read the row, which may have changed in the meantime."""
    lock_order(session, row.order_id)
    session.refresh(row)
    return row


def next_version(session: Session, order_id: UUID | str) -> int:
    """The next version number of what this service publishes about another service's order."""
    counted = (
        update(subjects)
        .where(subjects.c.subject == str(order_id))
        .values(version=subjects.c.version + 1)
        .returning(subjects.c.version)
    )
    version: int = session.execute(counted).scalar_one()
    return version
