"""What an order is placed under: its market, seller, customer and products, asked for in one statement."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Select, Text, and_, any_, bindparam, func, literal_column, null, select, true
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from services.orders.domain.coupons import CouponTerms
from services.orders.models import (
    Coupon,
    Customer,
    Market,
    Product,
    ProductPrice,
    Seller,
    as_loaded,
    column_names,
    order_numbers,
)
from shared.access import actor_of
from shared.errors import Invalid


class Offer(msgspec.Struct):
    """A product as it is sold in a market."""

    name: str
    tax_class: str
    sales_coefficient: int
    price_minor: int | None  # None: it has no price in this market
    page_url: str = ""  # told for drafts alone


@dataclass(frozen=True, kw_only=True)
class Terms:
    """All that an order takes over when it is placed."""

    market: Market
    seller: Seller
    customer: Customer | None
    number: str
    offers: dict[str, Offer]  # by SKU; only what is active
    coupons: dict[str, CouponTerms]  # by code; valid or not

    def method_name(self, method: str, locale: str) -> str:
        """A shipping method's name in a language, or in the market's own, or its code."""
        names = self.market.shipping_methods.get(method, {})
        own = self.market.locale
        tried = (locale, locale.partition("_")[0], own, own.partition("_")[0])
        return next((names[name] for name in tried if name in names), method)


# Plain columns: the unit of work would cost more than the question itself, and has nothing to keep here.
_MASTERS = (Market, Seller, Customer)
_markets, _sellers, _customers, _products, _prices, _coupons = (
    model.__table__.c for model in (*_MASTERS, Product, ProductPrice, Coupon)
)
_PRICE = (
    select(_prices.price_minor)
    .where(
        _prices.seller_code == _products.seller_code,
        _prices.sku == _products.sku,
        _prices.market_code == bindparam("market"),
    )
    .correlate(Product.__table__)
    .scalar_subquery()
)
_OFFER = {
    "name": _products.name,
    "tax_class": _products.tax_class,
    "sales_coefficient": _products.sales_coefficient,
    "price_minor": _PRICE,
}
_COUPONS = (
    select(func.jsonb_object_agg(_coupons.code, func.to_jsonb(literal_column("coupons"))))
    .where(
        _coupons.seller_code == bindparam("seller"),
        _coupons.market_code == bindparam("market"),
        _coupons.code == any_(bindparam("coupons", type_=ARRAY(Text))),
    )
    .scalar_subquery()
)


def _question(number: Any, **offer: Any) -> Select[*tuple[Any, ...]]:
    offers = (
        select(
            func.jsonb_object_agg(
                _products.sku,
                func.jsonb_build_object(*(part for named in offer.items() for part in named)),
            )
        )
        .where(
            _products.seller_code == bindparam("seller"),
            _products.sku == any_(bindparam("skus", type_=ARRAY(Text))),
            _products.active,
        )
        .scalar_subquery()
    )
    return (
        select(*_markets, *_sellers, *_customers, number, offers, _COUPONS)
        .join_from(Market.__table__, Seller.__table__, true())
        .outerjoin(
            Customer.__table__,
            and_(
                _customers.id == bindparam("customer_id"),
                _customers.seller_code == _sellers.code,
                _customers.erased_at.is_(None),
            ),
        )
        .where(_markets.code == bindparam("market"), _sellers.code == bindparam("seller"))
    )


_OF_ORDER = _question(order_numbers.next_value(), **_OFFER)
_OF_DRAFT = _question(null(), **_OFFER, page_url=_products.page_url)


def terms_of(
    session: Session,
    *,
    market: str,
    seller: str,
    customer_id: UUID | None,
    skus: Iterable[str],
    coupons: Iterable[str] = (),
    is_draft: bool = False,
) -> Terms:
    """The terms for an order, with a number for it; or for a draft, which gets none.

    Raises Invalid where market, seller or customer is unknown; another seller's things are unknown too.
    """
    _refuse_unseen(session, market, seller)
    asked = {
        "market": market,
        "seller": seller,
        "customer_id": customer_id,
        "skus": sorted(set(skus)),
        "coupons": sorted(set(coupons)),
    }
    found = session.connection().execute(_OF_DRAFT if is_draft else _OF_ORDER, asked).one_or_none()
    if found is None:
        missing = "seller" if session.get(Market, market) else "market"
        raise Invalid(**{missing: f"there is no such {missing}"})
    *masters, number, offers, granted = found
    values = iter(masters)
    known: list[Any] = [
        as_loaded(model, **{name: next(values) for name in column_names(model)}) for model in _MASTERS
    ]
    customer = known[2] if known[2].id else None
    if customer_id is not None and customer is None:
        raise Invalid(**{"customer.id": "there is no such customer"})
    return Terms(
        market=known[0],
        seller=known[1],
        customer=customer,
        number=f"{market.upper()}-{number}",
        offers=msgspec.convert(offers or {}, dict[str, Offer]),
        coupons=msgspec.convert(granted or {}, dict[str, CouponTerms]),
    )


def _refuse_unseen(session: Session, market: str, seller: str) -> None:
    actor = actor_of(session)
    unseen: dict[str, Any] = {}
    if not actor.may_see_market(market):
        unseen["market"] = "there is no such market"
    if not actor.may_see_seller(seller):
        unseen["seller"] = "there is no such seller"
    if unseen:
        raise Invalid(**unseen)
