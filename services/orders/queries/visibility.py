"""What a caller may see of a list: nothing of anybody else's."""

from typing import Any, TypeVar

from sqlalchemy import Select
from sqlalchemy.orm import Session

from shared.access import EVERYTHING, actor_of

S = TypeVar("S", bound=Select[*tuple[Any, ...]])


def visible(session: Session, page: S, seller: Any = None, market: Any = None) -> S:
    """Only what the caller may see, by the columns that name whose it is."""
    actor = actor_of(session)
    if seller is not None and EVERYTHING not in actor.sellers:
        page = page.where(one_of(seller, actor.sellers))
    if market is not None and EVERYTHING not in actor.markets:
        page = page.where(one_of(market, actor.markets))
    return page


def one_of(column: Any, values: Any) -> Any:
    """Whether a column has one of some values; of a single one, rows come in order out of its index."""
    values = sorted(values)
    return column == values[0] if len(values) == 1 else column.in_(values)
