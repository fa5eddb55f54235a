"""What of an order is given back: which part of the bill each refund takes off, to the last minor unit."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from uuid import UUID

from shared.errors import Refused
from shared.events.snapshots import ChargeKind, RefundPart, TaxRow
from shared.money import round_half_up, split, tax_contained


@dataclass(frozen=True, kw_only=True)
class Charged:
    """A part of an order as the customer pays it: tax included, less its share of the order's discounts."""

    kind: ChargeKind
    name: str
    rate_basis_points: int
    gross_minor: int
    tax_minor: int
    line_id: UUID | None = None
    quantity: int = 1
    cancelled: int = 0  # units nobody pays for any more


@dataclass(frozen=True, kw_only=True)
class WantedUnits:
    """Units of a line to be given back; without an amount it is what they cost."""

    line_id: UUID
    quantity: int
    gross_minor: int | None = None


def bear_discounts(charged: Sequence[Charged], discounts: Iterable[Charged]) -> list[Charged]:
    """The order's parts, each line bearing its share of the discounts at its rate; the sum stays the same."""
    amounts: defaultdict[int, list[int]] = defaultdict(lambda: [0, 0])
    for discount in discounts:
        amounts[discount.rate_basis_points][0] += discount.gross_minor
        amounts[discount.rate_basis_points][1] += discount.tax_minor
    borne = list(charged)
    for rate, (gross, tax) in amounts.items():
        places = [
            place
            for place, part in enumerate(charged)
            if part.kind is ChargeKind.LINE and part.rate_basis_points == rate
        ]
        weights = [charged[place].gross_minor for place in places]
        shares = zip(places, split(gross, weights), split(tax, weights), strict=True)
        for place, gross_share, tax_share in shares:
            part = charged[place]
            borne[place] = replace(
                part, gross_minor=part.gross_minor + gross_share, tax_minor=part.tax_minor + tax_share
            )
    return borne


def units_cost(part: Charged, taken: int, quantity: int) -> tuple[int, int]:
    """Gross and tax of so many units of a line of which so many were taken before.

    A difference of rounded cumulative shares: however a line is taken apart, its units sum to the line.
    """

    def share(of: int, units: int) -> int:
        return round_half_up(Decimal(of) * units / part.quantity)

    gross, tax = (share(of, taken + quantity) - share(of, taken) for of in (part.gross_minor, part.tax_minor))
    return gross, tax


def units_left(part: Charged, earlier: Iterable[RefundPart]) -> int:
    """How many units of a line have been neither cancelled nor refunded."""
    refunded = sum(one.quantity for one in earlier if one.line_id == part.line_id)
    return part.quantity - part.cancelled - refunded


def refund_lines(
    charged: Iterable[Charged], earlier: Sequence[RefundPart], wanted: Iterable[WantedUnits]
) -> list[RefundPart]:
    """The parts for units of lines.

    Raises Refused (more_than_left) for more units than are left, or for more money than they cost.
    """
    lines = {part.line_id: part for part in charged if part.kind is ChargeKind.LINE}
    parts = []
    for want in wanted:
        line = lines[want.line_id]
        left = units_left(line, earlier)
        if want.quantity > left:
            raise Refused(
                "more_than_left",
                f"of {line.name} no more than {left} can be refunded",
                line_id=want.line_id,
                quantity_left=left,
            )
        gross, tax = units_cost(line, line.quantity - left, want.quantity)
        if want.gross_minor is not None:
            if want.gross_minor > gross:
                raise Refused(
                    "more_than_left",
                    f"{want.quantity} of {line.name} cost no more than {gross}",
                    line_id=want.line_id,
                    left_minor=gross,
                )
            tax = _scaled(tax, want.gross_minor, gross)
            gross = want.gross_minor
        parts.append(_part(line, gross, tax, quantity=want.quantity))
    return parts


def refund_charge(
    charged: Iterable[Charged],
    earlier: Sequence[RefundPart],
    kind: ChargeKind,
    gross_minor: int | None = None,
) -> list[RefundPart]:
    """The parts for shipping or for fees; all that is left of them unless an amount is named.

    Raises Refused (more_than_left).
    """
    charges = [part for part in charged if part.kind is kind]
    given: Counter[str] = Counter()
    for one in earlier:
        if one.kind == kind:
            given[_key(one.name, one.tax_rate_basis_points)] += one.gross_minor
    lefts = []
    for charge in charges:
        key = _key(charge.name, charge.rate_basis_points)
        gone = min(given[key], charge.gross_minor)
        given[key] -= gone
        lefts.append(charge.gross_minor - gone)
    left = sum(lefts)
    if gross_minor is not None and gross_minor > left:
        raise Refused("more_than_left", f"no more than {left} of {kind} is left", left_minor=left)
    shares = split(left if gross_minor is None else gross_minor, lefts) if left else []
    return [
        _part(charge, share, _scaled(charge.tax_minor, share, charge.gross_minor))
        for charge, share in zip(charges, shares, strict=False)
        if share
    ]


def refund_amount(
    charged: Iterable[Charged], earlier: Iterable[RefundPart], gross_minor: int
) -> list[RefundPart]:
    """The parts for an amount of nothing in particular: each tax rate bears its share of what is left."""
    left = {rate: gross for rate, (gross, _) in _left_of_rates(charged, earlier).items() if gross > 0}
    rates = sorted(left, reverse=True)
    shares = split(gross_minor, [left[rate] for rate in rates])
    return [
        RefundPart(
            kind=ChargeKind.AMOUNT,
            name="",
            tax_rate_basis_points=rate,
            net_minor=share - tax_contained(share, rate),
            tax_minor=tax_contained(share, rate),
            gross_minor=share,
        )
        for rate, share in zip(rates, shares, strict=True)
        if share
    ]


def refund_rest(charged: Sequence[Charged], earlier: Sequence[RefundPart]) -> list[RefundPart]:
    """The parts for everything that is left: units, shipping and fees.

    Each rate comes to what earlier refunds, also of amounts, have left of it, so that all refunds of an order
    sum to its tax rows.
    """
    units = [
        WantedUnits(line_id=part.line_id, quantity=left)
        for part in charged
        if part.kind is ChargeKind.LINE and part.line_id and (left := units_left(part, earlier))
    ]
    parts = [
        *refund_lines(charged, earlier, units),
        *refund_charge(charged, earlier, ChargeKind.SHIPPING),
        *refund_charge(charged, earlier, ChargeKind.FEE),
    ]
    left_of = _left_of_rates(charged, earlier)
    return [part for rate, of_rate in _by_rate(parts) for part in _fitted(of_rate, *left_of[rate])]


def with_last_tax(
    charged: Sequence[Charged], earlier: Sequence[RefundPart], parts: Sequence[RefundPart]
) -> list[RefundPart]:
    """The same parts; of a rate of which they leave nothing they bear what tax is left.

    Each refund rounds by itself, and without this the last one could leave or owe a minor unit of tax.
    """
    left_of = _left_of_rates(charged, earlier)
    fitted: list[RefundPart] = []
    for rate, of_rate in _by_rate(parts):
        gross, tax = left_of[rate]
        leave_nothing = sum(part.gross_minor for part in of_rate) == gross
        fitted += _fitted(of_rate, gross, tax) if leave_nothing else of_rate
    return fitted


def lessened(parts: Sequence[RefundPart], gross_minor: int) -> list[RefundPart]:
    """The same parts for less money in all, each bearing its share; the units stay."""
    whole = sum(part.gross_minor for part in parts)
    return _fitted(parts, gross_minor, _scaled(sum(part.tax_minor for part in parts), gross_minor, whole))


def tax_rows(parts: Iterable[RefundPart]) -> tuple[TaxRow, ...]:
    """What each rate makes of the parts, highest first."""
    sums: defaultdict[int, list[int]] = defaultdict(lambda: [0, 0])
    for part in parts:
        sums[part.tax_rate_basis_points][0] += part.net_minor
        sums[part.tax_rate_basis_points][1] += part.tax_minor
    return tuple(
        TaxRow(rate_basis_points=rate, net_minor=net, tax_minor=tax, gross_minor=net + tax)
        for rate, (net, tax) in sorted(sums.items(), reverse=True)
    )


def refunded_units(parts: Iterable[RefundPart]) -> Mapping[UUID, int]:
    """How many units of each line the parts are for."""
    units: Counter[UUID] = Counter()
    for part in parts:
        if part.line_id is not None:
            units[part.line_id] += part.quantity
    return units


def _left_of_rates(
    charged: Iterable[Charged], earlier: Iterable[RefundPart]
) -> Mapping[int, tuple[int, int]]:
    """Gross and tax of each rate that are neither cancelled nor refunded."""
    gross: Counter[int] = Counter()
    tax: Counter[int] = Counter()
    for part in charged:
        cancelled = units_cost(part, 0, part.cancelled)
        gross[part.rate_basis_points] += part.gross_minor - cancelled[0]
        tax[part.rate_basis_points] += part.tax_minor - cancelled[1]
    for one in earlier:
        gross[one.tax_rate_basis_points] -= one.gross_minor
        tax[one.tax_rate_basis_points] -= one.tax_minor
    return {rate: (gross[rate], tax[rate]) for rate in gross}


def _by_rate(parts: Sequence[RefundPart]) -> list[tuple[int, list[RefundPart]]]:
    rates = dict.fromkeys(part.tax_rate_basis_points for part in parts)
    return [(rate, [part for part in parts if part.tax_rate_basis_points == rate]) for rate in rates]


def _fitted(parts: Sequence[RefundPart], gross_minor: int, tax_minor: int) -> list[RefundPart]:
    """The parts for these sums, each bearing its share."""
    grosses = split(gross_minor, [part.gross_minor for part in parts])
    taxes = split(tax_minor, grosses)
    return [
        replace(part, gross_minor=gross, tax_minor=tax, net_minor=gross - tax)
        for part, gross, tax in zip(parts, grosses, taxes, strict=True)
    ]


def _part(charged: Charged, gross_minor: int, tax_minor: int, quantity: int = 0) -> RefundPart:
    return RefundPart(
        kind=charged.kind,
        name=charged.name,
        tax_rate_basis_points=charged.rate_basis_points,
        net_minor=gross_minor - tax_minor,
        tax_minor=tax_minor,
        gross_minor=gross_minor,
        line_id=charged.line_id,
        quantity=quantity,
    )


def _scaled(tax_minor: int, gross_minor: int, whole_minor: int) -> int:
    return round_half_up(Decimal(tax_minor) * gross_minor / whole_minor) if whole_minor else 0


def _key(name: str, rate: int) -> str:
    return f"{rate} {name}"
