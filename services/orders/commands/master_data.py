"""Markets, sellers, products and coupons: created or replaced. The caller owns the transaction."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.orders.domain.taxation import TaxRate, TaxTable
from services.orders.models import Coupon, Market, Product, ProductPrice, Seller
from services.orders.queries.visibility import in_own_markets
from shared import versions
from shared.access import actor_of, require_current, visible
from shared.db import locked
from shared.errors import Invalid, NotFound, Refused
from shared.events.snapshots import TaxRounding
from shared.folding import searchable
from shared.skus import unfit

M = TypeVar("M", Market, Seller, Product, Coupon)

_NO_LIMITS = {
    "free_shipping": False,
    "minimum_minor": None,
    "most_uses": None,
    "most_uses_per_customer": None,
}


def put_market(session: Session, code: str, **rules: Any) -> Market:
    """Create or replace a market. Raises Stale, Refused (currency_fixed) for another currency or tax mode.

    Every price in it counts in that currency and that way. A new one rounds tax per rate, if nothing is said.
    """
    if not actor_of(session).may_see_market(code):
        raise NotFound("market", code)
    made = {"tax_rounding": TaxRounding.PER_RATE} | rules
    market, is_new = versions.made_or_locked(session, Market, {"code": code}, made)
    if not is_new:
        require_current(session, market.version, code)
        if (market.currency, market.tax_mode) != (rules["currency"], rules["tax_mode"]):
            raise Refused("currency_fixed", "a market's currency and tax mode can't be changed")
        versions.change(session, market, rules, code)
    return market


def put_tax_table(
    session: Session, market: str, *, rates: Sequence[Mapping[str, Any]], **choices: Any
) -> Market:
    """Set the tax table of a market, which is a change of the market.

    Raises NotFound, Stale.
    """
    if not actor_of(session).may_see_market(market):
        raise NotFound("market", market)
    row = locked(session, Market, market)
    table = TaxTable(rates=tuple(TaxRate(**rate) for rate in rates), **choices)
    versions.change(session, row, {"tax_table": table}, market)
    return row


def put_seller(session: Session, code: str, **seller: Any) -> Seller:
    """Create or replace a seller; new documents and e-mails show the change. Raises NotFound, Stale."""
    if not actor_of(session).may_see_seller(code):
        raise NotFound("seller", code)
    return _put(session, Seller, {"code": code}, seller)


def put_product(
    session: Session, seller: str, sku: str, *, prices: Mapping[str, int], **product: Any
) -> Product:
    """Create or replace a product and its prices; placed orders are not affected.

    Prices in markets out of the caller's sight stay as they are. Raises NotFound for another's seller,
    Stale, Invalid for a price in an unknown market or a new SKU outside the alphabet.
    """
    if not actor_of(session).may_see_seller(seller) or session.get(Seller, seller) is None:
        raise NotFound("seller", seller)
    if (wrong := unfit(sku)) and session.get(Product, (seller, sku)) is None:
        raise Invalid(sku=wrong)
    markets = visible(session, select(Market.code), market=Market.code)
    if unknown := prices.keys() - set(session.scalars(markets.where(Market.code.in_(prices)))):
        raise Invalid(**{f"prices.{market}": "there is no such market" for market in sorted(unknown)})
    identity = {"seller_code": seller, "sku": sku}
    product["text_folded"] = searchable(product["name"], product["description"])
    _put(session, Product, identity, product)  # its lock serialises what follows
    gone = delete(ProductPrice).filter_by(**identity).where(ProductPrice.market_code.in_(markets))
    session.execute(gone)
    if prices:
        rows = [identity | {"market_code": market, "price_minor": price} for market, price in prices.items()]
        session.execute(insert(ProductPrice), rows)
    return session.get_one(Product, (seller, sku), populate_existing=True, options=[in_own_markets(session)])


def put_coupon(session: Session, seller: str, market: str, code: str, **coupon: Any) -> Coupon:
    """Create or replace a coupon in a market; placed orders are not affected.

    Limits that are not named are none. Orders that used the code before count for those that are set now.
    Raises NotFound for another's seller or an unknown market, Stale.
    """
    if not actor_of(session).may_see_seller(seller) or session.get(Seller, seller) is None:
        raise NotFound("seller", seller)
    if not actor_of(session).may_see_market(market) or session.get(Market, market) is None:
        raise NotFound("market", market)
    identity = {"seller_code": seller, "market_code": market, "code": code}
    return _put(session, Coupon, identity, _NO_LIMITS | coupon)


def _put(session: Session, model: type[M], identity: Mapping[str, str], values: Mapping[str, Any]) -> M:
    """Create or update a row. Raises Stale."""
    row, is_new = versions.made_or_locked(session, model, identity, values)
    if not is_new:
        versions.change(session, row, values, *identity.values())
    return row
