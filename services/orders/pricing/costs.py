"""What an order costs under its terms."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from services.orders.domain.coupons import share_of
from services.orders.domain.taxation import ChargesTaxed, Taxation, Taxed, Untaxable
from services.orders.domain.totals import (
    Charge,
    rates_rounded_too_far,
    spread_discount,
    tax_of_each,
    totals_of,
)
from services.orders.models import DeliveryGroup
from services.orders.pricing.contents import DiscountInput, FeeInput, LineInput, OrderContents
from services.orders.pricing.coupons import Redemption
from services.orders.pricing.terms import Terms
from shared.errors import Invalid
from shared.events.snapshots import ChargeKind, TaxRounding, TaxTreatment, Totals
from shared.money import minor_digits, split

LARGEST_TOTAL_MINOR = 10**15  # far above any order, far below what a bigint holds


@dataclass(frozen=True, kw_only=True)
class PricedLine:
    """The price of a line. Its fields have the names of an order line's columns."""

    sku: str
    name: str
    quantity: int
    unit_price_minor: int
    list_price_minor: int | None
    price_set_by: str | None
    discount_minor: int
    total_minor: int
    tax_class: str
    tax_rate_basis_points: int
    tax_minor: int
    order_discount_minor: int  # its share of the order's discounts, and the tax of that
    order_discount_tax_minor: int
    sales_coefficient: int
    tax_treatment: TaxTreatment | None  # None where the market's rates are all there is to know
    tax_place: str | None  # whose tax it is


@dataclass(frozen=True, kw_only=True)
class SideCharge:
    """A charge or discount that is not a line. Its fields have the names of a fee's columns."""

    kind: ChargeKind
    name: str
    amount_minor: int
    tax_rate_basis_points: int
    tax_minor: int
    group_id: UUID | None = None  # whose shipping it is
    share_basis_points: int | None = None  # of the goods, if a discount was granted as that
    tax_class: str | None = None  # empty where it is taxed as its goods are; none of a discount


@dataclass(frozen=True, kw_only=True)
class Costs:
    """The cost of an order, and of each of its parts."""

    lines: Sequence[PricedLine]
    others: Sequence[SideCharge]
    totals: Totals
    taxation: Taxation | None  # how its taxes were decided, where a table says


@dataclass(frozen=True)
class _Beside:
    """A charge that is not a line, or the part of one that is taxed at this rate."""

    name: str
    charge: Charge
    tax_class: str
    group_id: UUID | None = None


def costs_of(
    terms: Terms,
    contents: OrderContents,
    groups: Sequence[DeliveryGroup] = (),
    redeemed: Sequence[Redemption] = (),
) -> Costs:
    """The cost of an order with these contents, delivered in these groups.

    Raises Invalid where discounts exceed the goods, the total is absurd, or no tax is known for something.
    """
    lines = contents.get("lines", ())
    taxed = _taxes(terms, lines)
    goods = [
        Charge(ChargeKind.LINE, terms.line_total(line), tax.rate_basis_points)
        for line, tax in zip(lines, taxed, strict=True)
    ]
    named, others_taxed = _charges_beside(terms, groups, lines, goods, contents.get("fees", ()))
    of_coupons = [one.discount for one in redeemed if one.amount_minor]
    granted, left = _granted([*contents.get("discounts", ()), *of_coupons], goods)
    mode, rounding = terms.market.tax_mode, terms.market.tax_rounding
    beside = [one.charge for one in named]
    once: set[int] = set()
    if rounding is TaxRounding.PER_LINE:
        unit = 10 ** minor_digits(terms.market.currency)
        for charged in (goods, left):
            once |= rates_rounded_too_far(charged + beside, mode, unit)
    taxes = tax_of_each(left + beside, mode, rounding, once)
    taxes_left, taxes_beside = taxes[: len(goods)], taxes[len(goods) :]
    line_taxes = tax_of_each(goods + beside, mode, rounding, once)[: len(goods)] if granted else taxes_left
    line_discounts = [
        (charge.amount_minor - after.amount_minor, tax - tax_after)
        for charge, after, tax, tax_after in zip(goods, left, line_taxes, taxes_left, strict=True)
    ]
    taken_off = [charge for _, charge in granted]
    discount_taxes = _taxes_of_discounts(goods, line_discounts, taken_off)
    totals = totals_of(goods + beside + taken_off, [*line_taxes, *taxes_beside, *discount_taxes], mode)
    if totals.discounts_minor > totals.lines_minor:
        raise Invalid(discounts="are more than the goods cost")
    if totals.total_minor > LARGEST_TOTAL_MINOR:
        raise Invalid(lines=f"cost more than {LARGEST_TOTAL_MINOR} in all")
    return Costs(
        lines=[_priced(terms, *line) for line in zip(lines, taxed, line_taxes, line_discounts, strict=True)],
        others=[
            *(
                _beside(one.name, one.charge, tax, group_id=one.group_id, tax_class=one.tax_class)
                for one, tax in zip(named, taxes_beside, strict=True)
            ),
            *(
                _beside(given["name"], charge, tax, share_basis_points=given.get("share_basis_points"))
                for (given, charge), tax in zip(granted, discount_taxes, strict=True)
            ),
        ],
        totals=totals,
        taxation=_taxation(terms, [*taxed, *others_taxed]),
    )


def _granted(
    discounts: Iterable[DiscountInput], goods: list[Charge]
) -> tuple[list[tuple[DiscountInput, Charge]], list[Charge]]:
    """Each discount's shares by tax rate, and what they leave of the goods."""
    granted: list[tuple[DiscountInput, Charge]] = []
    left = goods
    for discount in discounts:
        shares, left = spread_discount(discount["amount_minor"], left)
        granted += [(discount, share) for share in shares]
    return granted, left


def _taxes(terms: Terms, lines: Sequence[LineInput]) -> list[Taxed]:
    """How each line is taxed; raises Invalid."""
    taxed = []
    for place, line in enumerate(lines):
        try:
            taxed.append(terms.tax_of(line))
        except Untaxable as error:
            raise Invalid(**{f"lines.{place}.sku": str(error)}) from error
    return taxed


def _taxation(terms: Terms, taxed: Sequence[Taxed]) -> Taxation | None:
    try:
        return terms.taxing.taxation(taxed)
    except Untaxable as error:
        raise Invalid(lines=str(error)) from error


def _charges_beside(
    terms: Terms,
    groups: Sequence[DeliveryGroup],
    lines: Sequence[LineInput],
    goods: Sequence[Charge],
    fees: Sequence[FeeInput],
) -> tuple[list[_Beside], list[Taxed]]:
    """Shipping and fees, one charge per tax rate; and the taxes of those that have a class of their own.

    Shipping goes with the goods of its delivery group, a fee with all. Raises Invalid.
    """
    found: list[_Beside] = []
    taxed: list[Taxed] = []

    def of_class(tax_class: str, place: int, field: str) -> int:
        try:
            tax = terms.taxing.tax(tax_class, place)
        except Untaxable as error:
            raise Invalid(**{field: str(error)}) from error
        taxed.append(tax)
        return tax.rate_basis_points

    follows = terms.market.charges_taxed is not ChargesTaxed.STANDARD
    for place, group in enumerate(groups):
        of_it = [at for at, line in enumerate(lines) if line.get("delivery_group", 0) == place]
        price = group.shipping_minor - group.waived_minor
        if not price:
            continue
        if follows and of_it:
            found += [
                _Beside(group.method_name, Charge(ChargeKind.SHIPPING, amount, rate), "", group.id)
                for rate, amount in _as_goods(terms, price, lines, goods, of_it)
            ]
        else:
            rate = of_class("standard", place, f"delivery_groups.{place}.shipping_minor")
            charge = Charge(ChargeKind.SHIPPING, price, rate)
            found.append(_Beside(group.method_name, charge, "standard", group.id))
    for place, fee in enumerate(fees):
        tax_class = fee.get("tax_class")
        if tax_class is None and follows and lines:
            found += [
                _Beside(fee["name"], Charge(ChargeKind.FEE, amount, rate), "")
                for rate, amount in _as_goods(terms, fee["amount_minor"], lines, goods, range(len(lines)))
            ]
        else:
            rate = of_class(tax_class or "standard", 0, f"fees.{place}.tax_class")
            charge = Charge(ChargeKind.FEE, fee["amount_minor"], rate)
            found.append(_Beside(fee["name"], charge, tax_class or "standard"))
    return found, taxed


def _as_goods(
    terms: Terms, amount_minor: int, lines: Sequence[LineInput], goods: Sequence[Charge], of: Iterable[int]
) -> Iterator[tuple[int, int]]:
    """Divide an amount among the tax rates of these goods, or give it to the one that most have by value.

    Goods that cost nothing count by units. Shares of gross amounts are the shares of their net amounts too.
    """
    worth: Counter[int] = Counter()
    units: Counter[int] = Counter()
    for at in of:
        worth[goods[at].rate_basis_points] += goods[at].amount_minor
        units[goods[at].rate_basis_points] += lines[at]["quantity"]
    weights = worth if any(worth.values()) else units
    rates = sorted(weights, reverse=True)
    if terms.market.charges_taxed is ChargesTaxed.MAIN:
        yield max(rates, key=weights.__getitem__), amount_minor
        return
    for rate, share in zip(rates, split(amount_minor, [weights[rate] for rate in rates]), strict=True):
        if share:
            yield rate, share


def following(
    terms: Terms, lines: Sequence[LineInput], discounts: Sequence[DiscountInput]
) -> list[DiscountInput]:
    """The discounts on these goods: one granted as a percentage follows their value.

    Together they take off no more than is there.
    """
    goods = sum(terms.line_total(line) for line in lines)
    fixed = sum(each["amount_minor"] for each in discounts if not each.get("share_basis_points"))
    left = max(0, goods - fixed)
    followed: list[DiscountInput] = []
    for discount in discounts:
        if share := discount.get("share_basis_points"):
            amount = min(share_of(goods, share), left)
            left -= amount
            followed.append({**discount, "amount_minor": amount})
        else:
            followed.append(discount)
    return followed


def _beside(
    name: str,
    charge: Charge,
    tax_minor: int,
    *,
    group_id: UUID | None = None,
    share_basis_points: int | None = None,
    tax_class: str | None = None,
) -> SideCharge:
    return SideCharge(
        kind=charge.kind,
        name=name,
        amount_minor=charge.amount_minor,
        tax_rate_basis_points=charge.rate_basis_points,
        tax_minor=tax_minor,
        group_id=group_id,
        share_basis_points=share_basis_points,
        tax_class=tax_class,
    )


def _taxes_of_discounts(
    goods: Sequence[Charge], line_discounts: Sequence[tuple[int, int]], discounts: Sequence[Charge]
) -> list[int]:
    """The tax of each discount: its share of the tax that lines at its rate lose through all discounts."""
    lost: defaultdict[int, int] = defaultdict(int)
    for line, (_, tax) in zip(goods, line_discounts, strict=True):
        lost[line.rate_basis_points] += tax
    taxes = [0] * len(discounts)
    for rate in {charge.rate_basis_points for charge in discounts}:
        places = [place for place, charge in enumerate(discounts) if charge.rate_basis_points == rate]
        shares = split(-lost[rate], [-discounts[place].amount_minor for place in places])
        for place, share in zip(places, shares, strict=True):
            taxes[place] = share
    return taxes


def _priced(
    terms: Terms, line: LineInput, taxed: Taxed, tax_minor: int, order_discount: tuple[int, int]
) -> PricedLine:
    offer = terms.offers[line["sku"]]
    price = terms.price_of(line)
    return PricedLine(
        sku=line["sku"],
        name=line.get("name") or offer.name,
        quantity=line["quantity"],
        unit_price_minor=price,
        list_price_minor=offer.price_minor,
        price_set_by=None if price == terms.asked_price(line) else line.get("price_set_by"),
        discount_minor=line.get("discount_minor", 0),
        total_minor=terms.line_total(line),
        tax_class=offer.tax_class,
        tax_rate_basis_points=taxed.rate_basis_points,
        tax_minor=tax_minor,
        order_discount_minor=order_discount[0],
        order_discount_tax_minor=order_discount[1],
        sales_coefficient=offer.sales_coefficient,
        tax_treatment=taxed.treatment,
        tax_place=taxed.place or None,
    )
