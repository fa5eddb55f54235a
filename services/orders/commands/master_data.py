"""Markets, sellers, products and coupons: made or changed as a whole. The caller owns the transaction."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.orders.domain.taxation import TaxRate, TaxTable
from services.orders.models import Base, Coupon, Market, Product, ProductPrice, Seller
from services.orders.queries.visibility import in_own_markets
from shared.access import actor_of, visible
from shared.errors import Invalid, NotFound, Refused
from shared.events.snapshots import TaxRounding
from shared.folding import searchable
from shared.skus import unfit

_NO_LIMITS = {
    "free_shipping": False,
    "minimum_minor": None,
    "most_uses": None,
    "most_uses_per_customer": None,
}


def put_market(session: Session, code: str, **rules: Any) -> Market:
    """Make or change a market. Raises Refused (currency_fixed) for another currency or tax mode than before.

    Every price in it counts in that currency and that way. A new one rounds tax per rate, if nothing is said.
    """
    if not actor_of(session).may_see_market(code):
        raise NotFound("market", code)
    unchanged = (Market.currency == rules["currency"]) & (Market.tax_mode == rules["tax_mode"])
    if "tax_rounding" not in rules:
        known = session.get(Market, code)
        rules["tax_rounding"] = known.tax_rounding if known else TaxRounding.PER_RATE
    if not _upsert(session, Market, {"code": code}, rules, where=unchanged):
        raise Refused("currency_fixed", "a market's currency and tax mode can't be changed")
    return session.get_one(Market, code, populate_existing=True)


def put_tax_table(
    session: Session, market: str, *, rates: Sequence[Mapping[str, Any]], **choices: Any
) -> TaxTable:
    """Have a market's sales taxed by a table from now on; raises NotFound."""
    row = (
        session.get(Market, market, with_for_update=True)
        if actor_of(session).may_see_market(market)
        else None
    )
    if row is None:
        raise NotFound("market", market)
    row.tax_table = table = TaxTable(rates=tuple(TaxRate(**rate) for rate in rates), **choices)
    session.flush()
    return table


def put_seller(session: Session, code: str, **seller: Any) -> Seller:
    """Make or change a seller; papers and e-mails made from now on show it so."""
    if not actor_of(session).may_see_seller(code):
        raise NotFound("seller", code)
    _upsert(session, Seller, {"code": code}, seller)
    return session.get_one(Seller, code, populate_existing=True)


def put_product(
    session: Session, seller: str, sku: str, *, prices: Mapping[str, int], **product: Any
) -> Product:
    """Make or change a product and its prices; placed orders keep what they were placed with.

    Prices in markets out of the caller's sight stay as they are. Raises NotFound for another's seller,
    Invalid for a price in an unknown market or a new SKU outside the alphabet.
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
    _upsert(session, Product, identity, product)  # the row's lock serialises what follows
    gone = delete(ProductPrice).filter_by(**identity).where(ProductPrice.market_code.in_(markets))
    session.execute(gone)
    if prices:
        rows = [identity | {"market_code": market, "price_minor": price} for market, price in prices.items()]
        session.execute(insert(ProductPrice), rows)
    return session.get_one(Product, (seller, sku), populate_existing=True, options=[in_own_markets(session)])


def put_coupon(session: Session, seller: str, market: str, code: str, **coupon: Any) -> Coupon:
    """Make or change what a code takes off in a market; placed orders keep what it took off them.

    Limits that are not named are none. Orders that used the code before count for those that are set now.
    Raises NotFound for another's seller or an unknown market.
    """
    if not actor_of(session).may_see_seller(seller) or session.get(Seller, seller) is None:
        raise NotFound("seller", seller)
    if not actor_of(session).may_see_market(market) or session.get(Market, market) is None:
        raise NotFound("market", market)
    identity = {"seller_code": seller, "market_code": market, "code": code}
    _upsert(session, Coupon, identity, _NO_LIMITS | coupon)
    return session.get_one(Coupon, (seller, market, code), populate_existing=True)


def _upsert(
    session: Session,
    model: type[Base],
    identity: Mapping[str, Any],
    values: Mapping[str, Any],
    where: Any = None,
) -> bool:
    """Insert a row or update it; False where there is one that `where` does not allow to be changed."""
    stored = (
        insert(model)
        .values(**identity, **values)
        .on_conflict_do_update(index_elements=list(identity), set_=dict(values), where=where)
        .returning(*(getattr(model, name) for name in identity))
    )
    return session.execute(stored).first() is not None
