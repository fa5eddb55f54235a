"""What a caller may see of customers and prices, which several markets may share."""

from typing import Any

from sqlalchemy import ColumnElement, Text, select, type_coerce
from sqlalchemy.dialects.postgresql import JSONB, array
from sqlalchemy.orm import Session, selectinload

from services.orders.models import Customer, Product, ProductPrice
from shared.access import EVERYTHING, S, actor_of, visible


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
