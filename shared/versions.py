"""Named, versioned rows: created or updated as a whole, with protection against lost updates."""

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared.access import require_current
from shared.db import locked

M = TypeVar("M")


def made_or_locked(
    session: Session, model: type[M], identity: Mapping[str, Any], values: Mapping[str, Any]
) -> tuple[M, bool]:
    """The row with this key, locked, and whether it was just created; an existing row is unchanged.

    Two who make it at once are both right: the second one changes what the first one made. `identity` is the
    primary key, in its order.
    """
    made = insert(cast(Any, model)).values(**identity, version=1, **values).on_conflict_do_nothing()
    is_new = session.execute(made.returning(cast(Any, model).version)).first() is not None
    return locked(session, model, tuple(identity.values())), is_new


def change(session: Session, row: Any, values: Mapping[str, Any], *names: object) -> None:
    """Update a locked row and its version; raises Stale if the actor acted on another version."""
    require_current(session, row.version, *names)
    for field, value in values.items():
        setattr(row, field, value)
    row.version += 1
    session.flush()
