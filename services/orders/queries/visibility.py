"""What a caller may see of a list: nothing of anybody else's."""

from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, Text, select, type_coerce
from sqlalchemy.dialects.postgresql import JSONB, array
from sqlalchemy.orm import Session, selectinload

from services.orders.models import Customer, Product, ProductPrice
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


def visible_customers(session: Session, page: S) -> S:
    """Only customers that the caller may see: of the sellers, and with any of the markets."""
    return visible(session, page, Customer.seller_code).where(*in_sight(session))


def in_sight(session: Session) -> list[ColumnElement[bool]]:
    """What the markets of a customer must be for the caller to see it."""
    markets = actor_of(session).markets
    if EVERYTHING in markets:
        return []
    return [type_coerce(Customer.markets, JSONB).has_any(array(sorted(markets), type_=Text))]


def in_own_markets(session: Session) -> Any:
    """Have products loaded with their prices, in the markets that the caller may see."""
    own = visible(session, select(ProductPrice.market_code), market=ProductPrice.market_code)
    return selectinload(Product.prices.and_(*([own.whereclause] if own.whereclause is not None else [])))


def one_of(column: Any, values: Any) -> Any:
    """Whether a column has one of some values; of a single one, rows come in order out of its index."""
    values = sorted(values)
    return column == values[0] if len(values) == 1 else column.in_(values)
