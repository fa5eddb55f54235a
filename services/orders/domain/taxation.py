"""Which country's VAT applies to a sale, at which rate, and why: the market's table under the VAT rules.

Sources, all of Directive 2006/112/EC unless named: place of supply of goods, articles 31 to 33 and 36; of
services, 44, 45 and 58; the threshold below which sales to other member states are taxed at home, 59c; the
one-stop shops, 358 to 369x; intra-Community supplies, 138; exports, 146; exemptions, 132 to 151; the customer
as debtor, 196; territories, 5 to 8. Articles 47 to 57 (land, admission, meals, transport, hire) follow where
things happen, which an order does not know: such a class is no business of this table.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum

from shared.events.snapshots import TaxMode, TaxReason, TaxTreatment
from shared.money import tax_contained, tax_on_top
from shared.vat import NORTHERN_IRELAND, TaxPlace, issuer_of

_UNITED_KINGDOM = frozenset({"GB", NORTHERN_IRELAND})
_UNTAXED = frozenset(
    {
        *(TaxTreatment.INTRA_COMMUNITY, TaxTreatment.REVERSE_CHARGE, TaxTreatment.EXPORT),
        *(TaxTreatment.EXEMPT, TaxTreatment.OUTSIDE),
    }
)


class Untaxable(Exception):  # noqa: N818 - reads as what happened
    """The table does not say how a sale is taxed; the text says what is missing."""


class Supply(StrEnum):
    """The kind of supply of a tax class, as the place-of-supply rules distinguish them."""

    GOODS = "goods"
    DIGITAL = "digital"  # downloads, broadcasts, telecommunications: article 58
    SERVICE = "service"  # any other under the general rule: articles 44 and 45


class SamePrice(StrEnum):
    """Which price stays the same wherever the goods go."""

    GROSS = "gross"  # the customer pays the same, and the seller keeps less where the rate is higher
    NET = "net"  # the seller keeps the same


class ChargesTaxed(StrEnum):
    """How shipping, and fees without a tax class of their own, are taxed."""

    STANDARD = "standard"  # at the rate of the class `standard`
    SHARE = "share"  # at the rates of their goods, by value: part of one supply, article 78 b
    MAIN = "main"  # at the rate that most of their goods, by value, have


@dataclass(frozen=True, kw_only=True)
class TaxRate:
    """The rate of a tax class in a place, for a period of days in the market's time zone."""

    place: str  # as shared.vat calls it
    tax_class: str
    rate_basis_points: int
    exemption: str = ""  # a code of VATEX, where the class is exempt there
    valid_from: date | None = None
    valid_until: date | None = None  # the first day on which it is not valid any more

    def holds_on(self, day: date) -> bool:
        """Whether it is valid on a day."""
        begun = self.valid_from is None or self.valid_from <= day
        return begun and (self.valid_until is None or day < self.valid_until)


@dataclass(frozen=True, kw_only=True)
class TaxTable:
    """A market's tax table."""

    rates: tuple[TaxRate, ...]
    taxes_at_destination: bool  # through the one-stop shop; else at home, below the threshold of article 59c
    same_price: SamePrice = SamePrice.GROSS
    supplies: Mapping[str, Supply] = field(default_factory=dict)  # by tax class; goods if not named
    pickup_places: Mapping[str, str] = field(
        default_factory=dict
    )  # by pickup point; the seller's if not named

    def rate(self, place: TaxPlace, tax_class: str, day: date) -> TaxRate:
        """The rate of a class in a place on a day; raises Untaxable."""
        for row in self.rates:
            if row.place == place.code and row.tax_class == tax_class and row.holds_on(day):
                return row
        raise Untaxable(f"its tax class {tax_class} has no rate in {place.code} on {day}")


@dataclass(frozen=True, kw_only=True)
class Sale:
    """The facts that the taxation of a sale depends on."""

    home: TaxPlace  # where the seller is, and goods leave from
    goods_to: TaxPlace  # where the goods go, or are fetched
    customer: TaxPlace  # where the customer is, for services
    fetched: bool = False
    identifier: str = ""  # the customer's VAT identifier, checked


@dataclass(frozen=True, kw_only=True)
class Override:
    """A treatment chosen by a person in place of the table's."""

    treatment: TaxTreatment
    exemption: str = ""


@dataclass(frozen=True, kw_only=True)
class Taxed:
    """How a sale is taxed; without a treatment if the market has rates only."""

    rate_basis_points: int
    treatment: TaxTreatment | None = None
    place: str = ""
    exemption: str = ""

    @property
    def is_untaxed(self) -> bool:
        """Whether no tax is charged because of the kind of sale, rather than because of a zero rate."""
        return self.treatment in _UNTAXED


@dataclass(frozen=True, kw_only=True)
class Taxation:
    """How an order's taxes were decided, and on what basis; stored with the order."""

    home: str
    decided_on: date  # the day whose rates are its own: that of placing, in the market's time zone
    identifier: str  # the customer's, right by its form when the order was decided; or empty
    reasons: tuple[TaxReason, ...]
    override: Override | None = None


def is_open(taxation: Taxation | None, typed: str) -> bool:
    """Whether a person should check the VAT number that a customer gave.

    It is none by its form, so that the customer is taxed as a consumer; or nothing is charged because of it,
    and only VIES can tell whether it is theirs.
    """
    if taxation is None or not typed.strip():
        return False
    by_it = {TaxTreatment.INTRA_COMMUNITY, TaxTreatment.REVERSE_CHARGE}
    return not taxation.identifier or any(reason.treatment in by_it for reason in taxation.reasons)


def decide(table: TaxTable, sale: Sale, tax_class: str, day: date) -> Taxed:
    """How a sale of a class is taxed on a day; raises Untaxable if the table has no rate for it.

    What nobody decides here: reverse charge between businesses of one state (articles 199 to 199b), imports
    (IOSS) and services to businesses outside the Union. They are taxed as if the customer were a consumer,
    until somebody who knows says otherwise (`overridden`).
    """
    supply = table.supplies.get(tax_class, Supply.GOODS)
    where = _where(sale, supply)
    if supply is not Supply.GOODS and sale.home.code == NORTHERN_IRELAND:
        sale = replace(sale, home=TaxPlace(NORTHERN_IRELAND, ""))  # of the Union for goods alone
    if supply is Supply.SERVICE and not _is_foreign_business(sale, goods=False):
        return _at(table, TaxTreatment.HOME, sale.home, tax_class, day)
    if _is_home(sale.home, where):
        return _at(table, TaxTreatment.HOME, sale.home, tax_class, day)
    if sale.home.member and where.member:
        return _within_the_union(table, sale, supply, where, tax_class, day)
    if supply is Supply.GOODS:
        return Taxed(rate_basis_points=0, treatment=TaxTreatment.EXPORT, place=where.code)
    # A seller outside the Union has a one-stop shop for digital services alone: article 358a.
    if where.member and table.taxes_at_destination:
        return _at(table, TaxTreatment.DESTINATION, where, tax_class, day)
    return Taxed(rate_basis_points=0, treatment=TaxTreatment.OUTSIDE, place=where.code)


def overridden(table: TaxTable, sale: Sale, override: Override, tax_class: str, day: date) -> Taxed:
    """How a sale is taxed under an override; raises Untaxable."""
    where = _where(sale, table.supplies.get(tax_class, Supply.GOODS))
    match override.treatment:
        case TaxTreatment.HOME:
            return _at(table, TaxTreatment.HOME, sale.home, tax_class, day)
        case TaxTreatment.DESTINATION:
            return _at(table, TaxTreatment.DESTINATION, where, tax_class, day)
        case TaxTreatment.INTRA_COMMUNITY | TaxTreatment.REVERSE_CHARGE if not sale.identifier:
            raise Untaxable("the customer's VAT identifier is missing or malformed")
        case TaxTreatment.INTRA_COMMUNITY if not where.member or _is_home(sale.home, where):
            raise Untaxable("it does not go to another member state")
    return Taxed(
        rate_basis_points=0,
        treatment=override.treatment,
        place=where.code,
        exemption=override.exemption,
    )


def asked_price(  # noqa: PLR0917 - what a price depends on
    table: TaxTable, mode: TaxMode, home: TaxPlace, taxed: Taxed, tax_class: str, day: date, listed_minor: int
) -> int:
    """The unit price to charge for a list price that, as the market's tax mode counts, includes home tax.

    Of what is not taxed the net price is owed. Raises Untaxable where home has no rate for the class.
    """
    if mode is not TaxMode.GROSS or taxed.treatment is TaxTreatment.HOME:
        return listed_minor
    if not taxed.is_untaxed and table.same_price is SamePrice.GROSS:
        return listed_minor
    inside = table.rate(home, tax_class, day).rate_basis_points
    net = listed_minor - tax_contained(listed_minor, inside)
    return net if taxed.is_untaxed else net + tax_on_top(net, taxed.rate_basis_points)


def reasons_of(taxes: Iterable[Taxed]) -> tuple[TaxReason, ...]:
    """The reason for each tax rate of an order, highest rate first; raises Untaxable if they conflict.

    At one rate there is one reason: papers, credit notes and refunds count by rate, and EN 16931 has one
    breakdown without tax for each category. What is not subject to VAT stands on an invoice with nothing
    else (BR-O-11 to 14), and supplies to two member states can't both be what one invoice delivers (BT-80).
    """
    found: dict[int, list[Taxed]] = {}
    for taxed in taxes:
        if taxed.treatment is not None:
            found.setdefault(taxed.rate_basis_points, []).append(taxed)
    for group in found.values():
        first = group[0]
        for other in group[1:]:
            if not first.rate_basis_points and _kind(first) != _kind(other):
                raise Untaxable(f"{_named(other)} and {_named(first)} can't be on the same order: place two")
    outside = [taxed for group in found.values() for taxed in group if _is_outside(taxed)]
    if outside and len(found) > 1:
        raise Untaxable(f"{_named(outside[0])} and taxed goods can't be on the same order: place two")
    return tuple(
        TaxReason(
            rate_basis_points=rate,
            treatment=_treatment(group),
            exemption=group[0].exemption,
            places=tuple(dict.fromkeys(taxed.place for taxed in group)),
        )
        for rate, group in sorted(found.items(), reverse=True)
    )


def _treatment(group: list[Taxed]) -> TaxTreatment:
    """The treatment shown for a rate; destination rather than home if both occur: it says more."""
    treatments = [taxed.treatment for taxed in group if taxed.treatment is not None]
    return TaxTreatment.DESTINATION if TaxTreatment.DESTINATION in treatments else treatments[0]


def _kind(taxed: Taxed) -> tuple[str, ...]:
    if not taxed.is_untaxed:
        return ("zero",)
    if taxed.treatment is TaxTreatment.INTRA_COMMUNITY:
        return (taxed.treatment, taxed.place)
    return (str(taxed.treatment), taxed.exemption)


def _is_outside(taxed: Taxed) -> bool:
    return taxed.treatment is TaxTreatment.OUTSIDE


def _named(taxed: Taxed) -> str:
    told = "a zero rate" if not taxed.is_untaxed else f"the treatment {taxed.treatment}"
    return f"{told} ({taxed.exemption or taxed.place})"


def _where(sale: Sale, supply: Supply) -> TaxPlace:
    if supply is Supply.GOODS:
        return sale.goods_to
    if sale.customer.code == NORTHERN_IRELAND:
        return TaxPlace("GB", "")
    return sale.customer


def _is_home(home: TaxPlace, where: TaxPlace) -> bool:
    if {home.code, where.code} <= _UNITED_KINGDOM:
        return True
    return home.code == where.code or (home.member != "" and home.member == where.member)


def _within_the_union(  # noqa: PLR0917 - what is known of the sale
    table: TaxTable, sale: Sale, supply: Supply, where: TaxPlace, tax_class: str, day: date
) -> Taxed:
    if _is_foreign_business(sale, goods=supply is Supply.GOODS):
        if supply is not Supply.GOODS:
            return Taxed(rate_basis_points=0, treatment=TaxTreatment.REVERSE_CHARGE, place=where.code)
        if not sale.fetched:  # whoever fetches has to prove where they took it
            return Taxed(rate_basis_points=0, treatment=TaxTreatment.INTRA_COMMUNITY, place=where.code)
    if table.taxes_at_destination or sale.fetched:
        return _at(table, TaxTreatment.DESTINATION, where, tax_class, day)
    return _at(table, TaxTreatment.HOME, sale.home, tax_class, day)


def _is_foreign_business(sale: Sale, *, goods: bool) -> bool:
    """Whether the customer has a VAT identifier of a member state other than the seller's.

    Article 138 (1) b for goods, wherever in the Union these go; articles 44 and 196 for services, of which
    Northern Ireland is no part, and which a seller outside the Union bills under its own law.
    """
    issuer = issuer_of(sale.identifier)
    if not sale.identifier or not sale.home.member or issuer == sale.home.member:
        return False
    return goods or issuer != NORTHERN_IRELAND


def _at(table: TaxTable, treatment: TaxTreatment, place: TaxPlace, tax_class: str, day: date) -> Taxed:
    row = table.rate(place, tax_class, day)
    return Taxed(
        rate_basis_points=row.rate_basis_points,
        treatment=TaxTreatment.EXEMPT if row.exemption else treatment,
        place=place.code,
        exemption=row.exemption,
    )
