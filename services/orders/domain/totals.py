"""An order's totals: lines, fees, shipping and discounts, the tax at each rate, and sums that add up."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from shared.events.snapshots import ChargeKind, TaxMode, TaxRounding, TaxRow, Totals
from shared.money import BASIS_POINTS, split, tax_contained, tax_on_top


@dataclass(frozen=True, slots=True)
class Charge:
    """An amount at one tax rate, in minor units, gross or net as in the market's tax mode."""

    kind: ChargeKind
    amount_minor: int
    rate_basis_points: int


def tax_of_each(
    charges: Sequence[Charge], mode: TaxMode, rounding: TaxRounding, once: Collection[int] = ()
) -> list[int]:
    """The tax of each charge, in minor units: included in it in a gross market, added to it in a net one.

    Rounded half up, per charge or once per rate, as the rates in `once` always are; then the shares sum to
    the rate's tax.
    """
    tax = _tax_rule(mode)
    taxes = [tax(charge.amount_minor, charge.rate_basis_points) for charge in charges]
    for rate in {charge.rate_basis_points for charge in charges}:
        if rounding is TaxRounding.PER_LINE and rate not in once:
            continue
        places = [place for place, charge in enumerate(charges) if charge.rate_basis_points == rate]
        amounts = [charges[place].amount_minor for place in places]
        for place, share in zip(places, split(tax(sum(amounts), rate), amounts), strict=True):
            taxes[place] = share
    return taxes


def rates_rounded_too_far(charges: Iterable[Charge], mode: TaxMode, unit_minor: int) -> set[int]:
    """The rates whose tax, rounded per charge, could be off by a currency unit from the tax on their sum.

    An invoice over any of the charges would then break BR-CO-17 of EN 16931.
    """
    tax = _tax_rule(mode)
    off: defaultdict[int, int] = defaultdict(int)
    for charge in charges:
        rate = charge.rate_basis_points
        rounded = tax(charge.amount_minor, rate)
        net = charge.amount_minor - rounded if mode is TaxMode.GROSS else charge.amount_minor
        off[rate] += abs(rounded * BASIS_POINTS - net * rate)
    # One minor unit less: the rule rounds too.
    return {rate for rate, far in off.items() if far > (unit_minor - 1) * BASIS_POINTS}


def totals_of(charges: Sequence[Charge], taxes: Sequence[int], mode: TaxMode) -> Totals:
    """The totals of an order: total = lines + fees + shipping - discounts + tax_added.

    The tax rows, highest rate first, sum to the same total.
    """
    sums: defaultdict[ChargeKind, int] = defaultdict(int)
    amounts: defaultdict[int, int] = defaultdict(int)
    tax_sums: defaultdict[int, int] = defaultdict(int)
    for charge, tax in zip(charges, taxes, strict=True):
        sums[charge.kind] += charge.amount_minor
        amounts[charge.rate_basis_points] += charge.amount_minor
        tax_sums[charge.rate_basis_points] += tax
    tax_added = sum(taxes) if mode is TaxMode.NET else 0
    return Totals(
        lines_minor=sums[ChargeKind.LINE],
        fees_minor=sums[ChargeKind.FEE],
        shipping_minor=sums[ChargeKind.SHIPPING],
        discounts_minor=-sums[ChargeKind.DISCOUNT],
        tax_added_minor=tax_added,
        total_minor=sum(amounts.values()) + tax_added,
        tax=tuple(
            _tax_row(rate, amounts[rate], tax_sums[rate], mode) for rate in sorted(amounts, reverse=True)
        ),
    )


def spread_discount(amount_minor: int, lines: Sequence[Charge]) -> tuple[list[Charge], list[Charge]]:
    """Split a discount on all lines into a charge per tax rate; also returns what is left of each line.

    A discount lowers the taxable amount of the goods it is granted on, so it carries their rates.
    """
    places: defaultdict[int, list[int]] = defaultdict(list)
    for place, line in enumerate(lines):
        places[line.rate_basis_points].append(place)
    rates = sorted(places, reverse=True)
    worth = [sum(lines[place].amount_minor for place in places[rate]) for rate in rates]
    left = list(lines)
    charges = []
    for rate, share in zip(rates, split(amount_minor, worth), strict=True):
        if share:
            charges.append(Charge(ChargeKind.DISCOUNT, -share, rate))
        portions = split(share, [lines[place].amount_minor for place in places[rate]])
        for place, portion in zip(places[rate], portions, strict=True):
            left[place] = replace(left[place], amount_minor=left[place].amount_minor - portion)
    return charges, left


def _tax_rule(mode: TaxMode) -> Callable[[int, int], int]:
    return tax_contained if mode is TaxMode.GROSS else tax_on_top


def _tax_row(rate: int, amount_minor: int, tax_minor: int, mode: TaxMode) -> TaxRow:
    net = amount_minor - tax_minor if mode is TaxMode.GROSS else amount_minor
    return TaxRow(rate_basis_points=rate, net_minor=net, tax_minor=tax_minor, gross_minor=net + tax_minor)
