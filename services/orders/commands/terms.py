"""What an order is placed under: its market, seller, customer and products, asked for in one statement."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Text, and_, any_, bindparam, func, select, true
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from services.orders.models import Customer, Market, Product, ProductPrice, Seller, order_numbers
from shared.access import actor_of
from shared.errors import Invalid


class Offer(msgspec.Struct):
    """A product as it is sold in a market."""

    name: str
    tax_class: str
    sales_coefficient: int
    price_minor: int | None  # None: it has no price in this market


@dataclass(frozen=True, kw_only=True)
class Terms:
    """All that an order takes over when it is placed."""

    market: Market
    seller: Seller
    customer: Customer | None
    number: str
    offers: dict[str, Offer]  # by SKU; only what is active

    def method_name(self, method: str, locale: str) -> str:
        """A shipping method's name in a language, or in the market's own, or its code."""
        names = self.market.shipping_methods[method]
        own = self.market.locale
        tried = (locale, locale.partition("_")[0], own, own.partition("_")[0])
        return next((names[name] for name in tried if name in names), method)


_OFFER = func.jsonb_build_object(
    *("name", Product.name),
    *("tax_class", Product.tax_class),
    *("sales_coefficient", Product.sales_coefficient),
    *("price_minor", ProductPrice.price_minor),
)
_OFFERS = (
    select(func.jsonb_object_agg(Product.sku, _OFFER))
    .outerjoin(
        ProductPrice,
        and_(
            ProductPrice.seller_code == Product.seller_code,
            ProductPrice.sku == Product.sku,
            ProductPrice.market_code == bindparam("market"),
        ),
    )
    .where(
        Product.seller_code == bindparam("seller"),
        Product.sku == any_(bindparam("skus", type_=ARRAY(Text))),
        Product.active,
    )
    .scalar_subquery()
)
_TERMS = (
    select(Market, Seller, Customer, order_numbers.next_value().label("number"), _OFFERS.label("offers"))
    .join_from(Market, Seller, true())
    .outerjoin(Customer, and_(Customer.id == bindparam("customer_id"), Customer.seller_code == Seller.code))
    .where(Market.code == bindparam("market"), Seller.code == bindparam("seller"))
)


def terms_of(
    session: Session, *, market: str, seller: str, customer_id: UUID | None, skus: Iterable[str]
) -> Terms:
    """The terms for an order, with a number for it.

    Raises Invalid where market, seller or customer is unknown; another seller's things are unknown too.
    """
    _refuse_unseen(session, market, seller)
    asked = {"market": market, "seller": seller, "customer_id": customer_id, "skus": sorted(set(skus))}
    found = session.execute(_TERMS, asked).one_or_none()
    if found is None:
        missing = "seller" if session.get(Market, market) else "market"
        raise Invalid(**{missing: f"there is no such {missing}"})
    if customer_id is not None and found.Customer is None:
        raise Invalid(**{"customer.id": "there is no such customer"})
    return Terms(
        market=found.Market,
        seller=found.Seller,
        customer=found.Customer,
        number=f"{found.Market.code.upper()}-{found.number}",
        offers=msgspec.convert(found.offers or {}, dict[str, Offer]),
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
