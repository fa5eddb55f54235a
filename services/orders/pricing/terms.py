"""The terms of an order: market, seller, customer and products, and what they do not allow."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import msgspec
from sqlalchemy import Select, Text, and_, any_, bindparam, func, literal_column, null, select, true
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from services.orders.domain.coupons import CouponTerms
from services.orders.domain.periods import today_in
from services.orders.domain.taxation import ChargesTaxed, Override, Taxed, Untaxable
from services.orders.models import (
    Coupon,
    Customer,
    DeliveryGroup,
    Market,
    Product,
    ProductPrice,
    Seller,
    as_loaded,
    column_names,
    order_numbers,
)
from services.orders.pricing.contents import DeliveryInput, FeeInput, LineInput, OrderContents
from services.orders.pricing.taxes import ByMarket, Taxing, by_table, table_of
from shared.access import actor_of
from shared.db import new_id
from shared.errors import Invalid
from shared.events.snapshots import Address


class Offer(msgspec.Struct):
    """A product as it is sold in a market."""

    name: str
    tax_class: str
    sales_coefficient: int
    price_minor: int | None  # None: it has no price in this market
    page_url: str = ""


@dataclass(frozen=True, kw_only=True)
class Terms:
    """Everything that an order takes over when it is placed."""

    market: Market
    seller: Seller
    customer: Customer | None
    offers: dict[str, Offer]  # by SKU; only what is active
    coupons: dict[str, CouponTerms]  # by code; valid or not
    number: str | None  # drawn for the order that is to be placed
    taxing: Taxing

    def taxed(
        self,
        groups: Sequence[DeliveryInput],
        billing: Address | None,
        vat_number: str,
        at: datetime,
        override: Override | None = None,
    ) -> "Terms":
        """The same terms, with the taxing rules for an order to these places at an instant.

        Where the market keeps no table they are the same. Raises Invalid for an override where there is none.
        """
        table = table_of(self.market, self.seller)
        if table is None:
            if override is not None:
                raise Invalid(tax="the market has no tax table, or the seller has no VAT identifier")
            return self
        day = today_in(self.market.time_zone, at)
        arguments = (table, self.market, self.seller, groups, billing, vat_number, day, override)
        return replace(self, taxing=by_table(*arguments))

    def tax_of(self, line: LineInput) -> Taxed:
        """How a line is taxed; raises Untaxable."""
        return self.taxing.tax(self.offers[line["sku"]].tax_class, line.get("delivery_group", 0))

    def asked_price(self, line: LineInput) -> int | None:
        """The unit price of a line at the market's price, None if it has none; raises Untaxable."""
        offer = self.offers[line["sku"]]
        if offer.price_minor is None:
            return None
        return self.taxing.asked(offer.tax_class, line.get("delivery_group", 0), offer.price_minor)

    def price_of(self, line: LineInput) -> int:
        """The unit price of a line: as given, or else the market's price for where it goes."""
        price = line.get("unit_price_minor")
        if price is None:
            price = self.asked_price(line)
        assert price is not None, "a line without a price is not feasible"
        return price

    def line_total(self, line: LineInput) -> int:
        """The price of the line, less its discount."""
        return self.price_of(line) * line["quantity"] - line.get("discount_minor", 0)

    def group_rows(self, groups: Sequence[DeliveryInput], locale: str) -> list[DeliveryGroup]:
        """The delivery groups of an order to place, as rows."""
        return [as_loaded(DeliveryGroup, id=new_id(), **self.group_columns(one, locale)) for one in groups]

    def group_columns(self, given: DeliveryInput, locale: str) -> dict[str, Any]:
        """The columns of a delivery group from its input; what is not given is null or empty."""
        columns = {name: given.get(name) for name in DeliveryInput.__annotations__}
        columns["method"] = method = given.get("method", "")
        return columns | {
            "method_name": self.method_name(method, locale),
            "shipping_minor": given.get("shipping_minor", 0),
            "waived_minor": 0,
        }

    def method_name(self, method: str, locale: str) -> str:
        """A shipping method's name in this language, in the market's own, or else its code."""
        names = self.market.shipping_methods.get(method, {})
        own = self.market.locale
        tried = (locale, locale.partition("_")[0], own, own.partition("_")[0])
        return next((names[name] for name in tried if name in names), method)


# Plain columns: the unit of work would cost more than the question itself, and has nothing to keep here.
_ROWS = (Market, Seller, Customer)
_markets, _sellers, _customers, _products, _prices, _coupons = (
    model.__table__.c for model in (*_ROWS, Product, ProductPrice, Coupon)
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
    "page_url": _products.page_url,
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
_OFFERS = (
    select(
        func.jsonb_object_agg(
            _products.sku, func.jsonb_build_object(*(part for named in _OFFER.items() for part in named))
        )
    )
    .where(
        _products.seller_code == bindparam("seller"),
        _products.sku == any_(bindparam("skus", type_=ARRAY(Text))),
        _products.active,
    )
    .scalar_subquery()
)


def _question(number: Any) -> Select[*tuple[Any, ...]]:
    return (
        select(*_markets, *_sellers, *_customers, _OFFERS, _COUPONS, number)
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


_TERMS = _question(null())
_NUMBERED_TERMS = _question(order_numbers.next_value())


def terms_of(
    session: Session, seller: str, market: str, contents: OrderContents, *, numbered: bool = False
) -> Terms:
    """The current terms for an order or a draft with these contents.

    Numbered, they come with a number drawn for the order: placing spares a round trip by that.

    Raises Invalid where market, seller or customer is unknown; another seller's things are unknown too.
    """
    _refuse_unseen(session, market, seller)
    customer_id = contents.get("customer", {}).get("id")
    asked = {
        "market": market,
        "seller": seller,
        "customer_id": customer_id,
        "skus": sorted({line["sku"] for line in contents.get("lines", ())}),
        "coupons": sorted(set(contents.get("coupons", ()))),
    }
    found = session.connection().execute(_NUMBERED_TERMS if numbered else _TERMS, asked).one_or_none()
    if found is None:
        missing = "seller" if session.get(Market, market) else "market"
        raise Invalid(**{missing: f"there is no such {missing}"})
    *columns, offers, granted, number = found
    values = iter(columns)
    rows: list[Any] = [
        as_loaded(model, **{name: next(values) for name in column_names(model)}) for model in _ROWS
    ]
    customer = rows[2] if rows[2].id else None
    if customer is not None and not actor_of(session).may_see_any(seller, customer.markets):
        customer = None
    if customer_id is not None and customer is None:
        raise Invalid(**{"customer.id": "there is no such customer"})
    return Terms(
        market=rows[0],
        seller=rows[1],
        customer=customer,
        offers=msgspec.convert(offers or {}, dict[str, Offer]),
        coupons=msgspec.convert(granted or {}, dict[str, CouponTerms]),
        number=number and f"{market.upper()}-{number}",
        taxing=ByMarket(rows[0].tax_rates),
    )


def refuse_impossible(
    terms: Terms, contents: OrderContents, *, ordered_at: datetime, known_days: Collection[date] = ()
) -> None:
    """Raise Invalid unless market, seller and products allow the order.

    No group may be wanted on a day before the order, but for days that stood in it already.
    """
    if wrong := impossibilities(terms, contents, ordered_at=ordered_at, known_days=known_days):
        raise Invalid(**wrong)


def impossibilities(
    terms: Terms, contents: OrderContents, *, ordered_at: datetime, known_days: Collection[date] = ()
) -> dict[str, str]:
    """The fields that market, seller or products do not allow, each with the reason."""
    delivery_groups, lines = contents.get("delivery_groups", ()), contents.get("lines", ())
    wrong: dict[str, str] = {}
    methods = terms.market.payment_methods
    if contents.get("payment_method") not in methods:
        wrong["payment_method"] = f"must be one of the market's: {', '.join(methods)}"
    wrong.update(_wrong_with_groups(terms, delivery_groups, lines))
    first = today_in(terms.market.time_zone, ordered_at)
    for place, group in enumerate(delivery_groups):
        wanted = group.get("requested_on")
        if wanted is not None and wanted < first and wanted not in known_days:
            wrong[f"delivery_groups.{place}.requested_on"] = f"is before the order's own date, {first}"
    for place, line in enumerate(lines):
        wrong.update((f"lines.{place}.{field}", reason) for field, reason in _wrong_with_line(terms, line))
        if line.get("delivery_group", 0) >= len(delivery_groups):
            wrong[f"lines.{place}.delivery_group"] = "there is no such delivery group"
    for place, fee in enumerate(contents.get("fees", ())):
        if reason := untaxable(terms, fee):
            wrong[f"fees.{place}.tax_class"] = reason
    return wrong


def is_impossible(terms: Terms, line: LineInput) -> bool:
    """Whether a line can't be sold as requested."""
    return any(_wrong_with_line(terms, line))


def untaxable(terms: Terms, fee: FeeInput) -> str | None:
    """Why a fee can't be taxed, or None."""
    tax_class = fee.get("tax_class")
    if tax_class is None and terms.market.charges_taxed is not ChargesTaxed.STANDARD:
        return None  # as its goods are
    try:
        terms.taxing.tax(tax_class or "standard", 0)
    except Untaxable as error:
        return str(error)
    return None


def _refuse_unseen(session: Session, market: str, seller: str) -> None:
    actor = actor_of(session)
    unseen: dict[str, Any] = {}
    if not actor.may_see_market(market):
        unseen["market"] = "there is no such market"
    if not actor.may_see_seller(seller):
        unseen["seller"] = "there is no such seller"
    if unseen:
        raise Invalid(**unseen)


def _wrong_with_groups(
    terms: Terms, groups: Sequence[DeliveryInput], lines: Sequence[LineInput]
) -> Iterator[tuple[str, str]]:
    methods = terms.market.shipping_methods
    with_lines = {line.get("delivery_group", 0) for line in lines}
    for place, group in enumerate(groups):
        if group.get("method") not in methods:
            yield f"delivery_groups.{place}.method", f"must be one of the market's: {', '.join(methods)}"
        if not (group.get("address") or group.get("pickup_point")):
            yield f"delivery_groups.{place}.address", "an address or a pickup point is needed"
        if place not in with_lines:
            yield f"delivery_groups.{place}", "has no lines"


def _wrong_with_line(terms: Terms, line: LineInput) -> Iterator[tuple[str, str]]:
    offer = terms.offers.get(line["sku"])
    if offer is None:
        yield "sku", "the seller has no such product"
        return
    price = line.get("unit_price_minor")
    try:
        terms.tax_of(line)
        price = terms.asked_price(line) if price is None else price
    except Untaxable as error:
        yield "sku", str(error)
        return
    if price is None:
        yield "unit_price_minor", "the product has no price in this market: give one"
    elif line.get("discount_minor", 0) > price * line["quantity"]:
        yield "discount_minor", "is more than the line costs"
