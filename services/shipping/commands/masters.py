"""Making and changing what has a name of its own: carriers, couriers, goods."""

from collections.abc import Mapping
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from services.shipping.models import Carrier, Courier, Goods
from shared import clock, versions

M = TypeVar("M", Carrier, Courier, Goods)


def put(
    session: Session, model: type[M], identity: Mapping[str, str], values: Mapping[str, Any]
) -> tuple[M, bool]:
    """Make a row or change it; answers whether it is new. Raises Stale."""
    changed = {**values, "changed_at": clock.now()}
    row, is_new = versions.made_or_locked(session, model, identity, changed)
    if not is_new:
        versions.change(session, row, changed, *identity.values())
    return row, is_new
