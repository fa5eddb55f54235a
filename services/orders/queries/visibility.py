"""Which customers and prices a caller may see; several markets may share them."""

from typing import Any

from sqlalchemy import ColumnElement, Text, select, type_coerce
from sqlalchemy.dialects.postgresql import JSONB, array
from sqlalchemy.orm import Session, selectinload

from services.orders.models import Customer, Product, ProductPrice
from shared.access import EVERYTHING, S, actor_of, visible


def visible_customers(session: Session, page: S) -> S:
    """Limit a query to customers that the caller may see: of their sellers, and of any of their markets."""
    return visible(session, page, Customer.seller_code).where(*in_sight(session))


def in_sight(session: Session) -> list[ColumnElement[bool]]:
    """The conditions on a customer's markets under which the caller may see it."""
    markets = actor_of(session).markets
    if EVERYTHING in markets:
        return []
    return [type_coerce(Customer.markets, JSONB).has_any(array(sorted(markets), type_=Text))]


def in_own_markets(session: Session) -> Any:
    """Load products with only their prices in markets that the caller may see."""
    own = visible(session, select(ProductPrice.market_code), market=ProductPrice.market_code)
    return selectinload(Product.prices.and_(*([own.whereclause] if own.whereclause is not None else [])))
