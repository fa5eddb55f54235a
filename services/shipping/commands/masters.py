"""Making and changing what has a name of its own: carriers, couriers, goods."""

from collections.abc import Mapping
from typing import Any, TypeVar

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.shipping.models import Carrier, Courier, Goods
from shared import clock
from shared.access import require_current
from shared.db import locked

M = TypeVar("M", Carrier, Courier, Goods)


def put(
    session: Session, model: type[M], identity: Mapping[str, str], values: Mapping[str, Any]
) -> tuple[M, bool]:
    """Make a row or change it; answers whether it is new. Raises Stale.

    Two who make it at once are both right: the second one changes what the first one made.
    """
    changed = {**values, "changed_at": clock.now()}
    made = insert(model).values(**identity, version=1, **changed).on_conflict_do_nothing()
    is_new = session.execute(made.returning(model.version)).first() is not None
    row = locked(session, model, tuple(identity.values()))
    if not is_new:
        require_current(session, row.version, *identity.values())
        for field, value in changed.items():
            setattr(row, field, value)
        row.version += 1
    return row, is_new
