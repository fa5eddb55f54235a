"""How an order's parts are taxed: by the market's rates alone, or by its tax table and destination."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

from services.orders.domain.taxation import (
    Override,
    Sale,
    Taxation,
    Taxed,
    TaxTable,
    Untaxable,
    asked_price,
    decide,
    overridden,
    reasons_of,
)
from services.orders.models import Market, Seller
from services.orders.pricing.contents import DeliveryInput
from shared.events.snapshots import Address, TaxMode
from shared.vat import TaxPlace, checked_vat_identifier, place_called, place_of, vat_identifier

Kept = Mapping[tuple[int, str], Taxed]  # by place of the delivery group and tax class


class Taxing(Protocol):
    """Taxing rules."""

    def tax(self, tax_class: str, group: int) -> Taxed:
        """How a tax class is taxed in the delivery group at this position; raises Untaxable."""

    def asked(self, tax_class: str, group: int, listed_minor: int) -> int:
        """The unit price to charge there for this list price of the market; raises Untaxable."""

    def taxation(self, taxes: Sequence[Taxed]) -> Taxation | None:
        """The record of how these taxes were decided, to be stored with the order; raises Untaxable."""


@dataclass(frozen=True)
class ByMarket:
    """The market's rates, wherever goods go."""

    rates: Mapping[str, int]  # basis points by tax class

    def tax(self, tax_class: str, group: int) -> Taxed:  # noqa: ARG002
        """The rate of the class."""
        if tax_class not in self.rates:
            raise Untaxable(f"its tax class {tax_class} has no rate in this market")
        return Taxed(rate_basis_points=self.rates[tax_class])

    def asked(self, tax_class: str, group: int, listed_minor: int) -> int:  # noqa: ARG002
        """The list price."""
        return listed_minor

    def taxation(self, taxes: Sequence[Taxed]) -> None:
        """No record: there is nothing to explain."""


@dataclass(frozen=True, kw_only=True)
class ByTable:
    """The market's table, for the seller's country, the customer and each delivery group."""

    table: TaxTable
    mode: TaxMode
    day: date
    sales: Sequence[Sale]  # of each delivery group
    elsewhere: Sale  # of what is in none yet
    override: Override | None = None
    kept: Kept = field(default_factory=dict)  # what was decided before and stays
    # What was looked up already: an order of a thousand lines has a handful of classes.
    _taxes: dict[tuple[int, str], Taxed] = field(default_factory=dict, init=False)
    _prices: dict[tuple[int, str, int], int] = field(default_factory=dict, init=False)

    def tax(self, tax_class: str, group: int) -> Taxed:
        """What was decided before, or else what the table says."""
        key = (group, tax_class)
        if key not in self._taxes:
            self._taxes[key] = self.kept.get(key) or self._decided(tax_class, group)
        return self._taxes[key]

    def asked(self, tax_class: str, group: int, listed_minor: int) -> int:
        """The list price, adjusted for the tax charged there instead of home tax."""
        key = (group, tax_class, listed_minor)
        if key not in self._prices:
            taxed, home = self.tax(tax_class, group), self.elsewhere.home
            price = asked_price(self.table, self.mode, home, taxed, tax_class, self.day, listed_minor)
            self._prices[key] = price
        return self._prices[key]

    def taxation(self, taxes: Sequence[Taxed]) -> Taxation:
        """The day, the customer's VAT identifier and the reason for each rate."""
        return Taxation(
            home=self.elsewhere.home.code,
            decided_on=self.day,
            identifier=self.elsewhere.identifier,
            reasons=reasons_of(taxes),
            override=self.override,
        )

    def _decided(self, tax_class: str, group: int) -> Taxed:
        sale = self.sales[group] if group < len(self.sales) else self.elsewhere
        if self.override is not None:
            return overridden(self.table, sale, self.override, tax_class, self.day)
        return decide(self.table, sale, tax_class, self.day)


def table_of(market: Market, seller: Seller) -> TaxTable | None:
    """The tax table for a seller's orders; None, meaning the market's rates, if it has no VAT identifier."""
    return market.tax_table if vat_identifier(seller.vat_number) else None


def by_table(  # noqa: PLR0917 - all that is known of the order
    table: TaxTable,
    market: Market,
    seller: Seller,
    groups: Sequence[DeliveryInput],
    billing: Address | None,
    vat_number: str,
    day: date,
    override: Override | None = None,
) -> ByTable:
    """The taxing rules for these delivery groups and this customer, with the VAT number as entered.

    What is fetched is where the table has the pickup point, or at home. The customer of a service is where
    the bill goes: article 24b of Implementing Regulation 282/2011 takes that for where they live.
    """
    home = _place(seller.address)
    identifier = checked_vat_identifier(vat_number)
    sales = []
    for group in groups:
        address = group.get("address")
        point = group.get("pickup_point") or ""
        sales.append(
            Sale(
                home=home,
                goods_to=_place(address)
                if address
                else place_called(table.pickup_places.get(point, home.code)),
                customer=_place(billing) if billing else home,
                fetched=not address,
                identifier=identifier,
            )
        )
    at_home = Sale(
        home=home,
        goods_to=home,
        customer=_place(billing) if billing else home,
        identifier=identifier,
    )
    return ByTable(
        table=table, mode=market.tax_mode, day=day, sales=sales, elsewhere=at_home, override=override
    )


def _place(address: Address) -> TaxPlace:
    return place_of(address.country, address.postcode, address.city)
