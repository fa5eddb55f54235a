"""Credits on an order's bill: the parts of it that each cancellation and refund is for, to the minor unit."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from uuid import UUID

from shared.errors import Refused
from shared.events.snapshots import ChargeKind, RefundPart, TaxRow
from shared.money import round_half_up, split, tax_contained, within_tax


@dataclass(frozen=True, kw_only=True)
class Charged:
    """A part of an order as the customer pays it: including tax, less its share of the order's discounts."""

    kind: ChargeKind
    name: str
    rate_basis_points: int
    gross_minor: int
    tax_minor: int
    line_id: UUID | None = None
    quantity: int = 1
    tax_on_top: bool = False  # its units are priced without tax
    cancelled: int = 0  # units whose part of the bill was not told, as it was not for older orders

    def first(self, units: int) -> tuple[int, int]:
        """Gross and tax of its first units, rounded; other units cost the difference of two such sums."""
        tax = _share(self.tax_minor, units, self.quantity)
        if self.tax_on_top:
            return _share(self.gross_minor - self.tax_minor, units, self.quantity) + tax, tax
        return _share(self.gross_minor, units, self.quantity), tax

    def cost(self, start: int, units: int) -> tuple[int, int]:
        """Gross and tax of this many units from a position on; however a line is divided, the sums add up."""
        (gross, tax), (gross_before, tax_before) = self.first(start + units), self.first(start)
        return gross - gross_before, tax - tax_before


@dataclass(frozen=True, kw_only=True)
class Bill:
    """What an order is charged, and what was credited on it.

    Of a line, refunds take the first units and cancellations the last. Invoices begin with the first too,
    so whatever an invoice bears, it bears at the price that is later taken off it.
    """

    charged: Sequence[Charged]
    refunded: Sequence[RefundPart] = ()
    cancelled: Sequence[RefundPart] = ()

    @property
    def lines(self) -> dict[UUID, Charged]:
        """The goods, by line."""
        return {part.line_id: part for part in self.charged if part.line_id is not None}

    def units_left(self, line_id: UUID) -> int:
        """How many units of a line are neither cancelled nor refunded."""
        line = self.lines[line_id]
        return line.quantity - line.cancelled - sum(_units(self._off, line_id))

    def left_of_rates(self) -> dict[int, tuple[int, int]]:
        """Gross and tax of each rate, less what was cancelled or refunded."""
        gross: Counter[int] = Counter()
        tax: Counter[int] = Counter()
        for part in self.charged:
            gone = part.first(part.cancelled)
            gross[part.rate_basis_points] += part.gross_minor - gone[0]
            tax[part.rate_basis_points] += part.tax_minor - gone[1]
        for one in self._off:
            gross[one.tax_rate_basis_points] -= one.gross_minor
            tax[one.tax_rate_basis_points] -= one.tax_minor
        return {rate: (gross[rate], tax[rate]) for rate in gross}

    def less(self, parts: Iterable[RefundPart]) -> "Bill":
        """The bill after these parts were refunded too."""
        return replace(self, refunded=(*self.refunded, *parts))

    @property
    def _off(self) -> tuple[RefundPart, ...]:
        return (*self.refunded, *self.cancelled)


def _share(of: int, units: int, quantity: int) -> int:
    return round_half_up(Decimal(of) * units / quantity)


def _units(parts: Iterable[RefundPart], line_id: UUID) -> Iterator[int]:
    return (part.quantity for part in parts if part.line_id == line_id)


@dataclass(frozen=True, kw_only=True)
class WantedUnits:
    """Units of a line to be refunded; without an amount, for what they cost."""

    line_id: UUID
    quantity: int
    gross_minor: int | None = None


def bear_discounts(charged: Sequence[Charged], discounts: Iterable[Charged]) -> list[Charged]:
    """The order's parts, each line less its share of the discounts at its rate; the sum stays the same."""
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


def cancelled_lines(bill: Bill, units: Iterable[tuple[UUID, int]]) -> list[RefundPart]:
    """The parts for cancelled units: the last ones of their lines, within what is left at their rates."""
    lines = bill.lines
    taken: Counter[UUID] = Counter()
    parts = []
    for line_id, quantity in units:
        line = lines[line_id]
        taken[line_id] += quantity
        start = line.quantity - sum(_units(bill.cancelled, line_id)) - taken[line_id]
        parts.append(_part(line, *line.cost(start, quantity), quantity=quantity))
    return within(bill, parts)


def refund_lines(bill: Bill, wanted: Iterable[WantedUnits]) -> list[RefundPart]:
    """The parts for units of lines.

    Raises Refused (more_than_left) for more units than are left, or for more money than they cost.
    """
    parts = []
    for want in wanted:
        line, left = bill.lines[want.line_id], bill.units_left(want.line_id)
        if want.quantity > left:
            raise Refused(
                "more_than_left",
                f"only {left} of {line.name} can be refunded",
                line_id=want.line_id,
                quantity_left=left,
            )
        start = line.cancelled + sum(_units(bill.refunded, want.line_id))
        gross, tax = line.cost(start, want.quantity)
        if want.gross_minor is not None:
            if want.gross_minor > gross:
                raise Refused(
                    "more_than_left",
                    f"{want.quantity} of {line.name} cost only {gross}",
                    line_id=want.line_id,
                    left_minor=gross,
                )
            tax = _scaled(tax, want.gross_minor, gross)
            gross = want.gross_minor
        parts.append(_part(line, gross, tax, quantity=want.quantity))
    return parts


def refund_charge(bill: Bill, kind: ChargeKind, gross_minor: int | None = None) -> list[RefundPart]:
    """The parts for shipping or for fees; all that is left of them unless an amount is named.

    Raises Refused (more_than_left).
    """
    charges = [part for part in bill.charged if part.kind is kind]
    given: Counter[tuple[str, int]] = Counter()
    for one in bill.refunded:
        if one.kind == kind:
            given[one.name, one.tax_rate_basis_points] += one.gross_minor
    lefts = []
    for charge in charges:
        key = charge.name, charge.rate_basis_points
        gone = min(given[key], charge.gross_minor)
        given[key] -= gone
        lefts.append(charge.gross_minor - gone)
    left = sum(lefts)
    if gross_minor is not None and gross_minor > left:
        raise Refused("more_than_left", f"only {left} of {kind} is left to refund", left_minor=left)
    shares = split(left if gross_minor is None else gross_minor, lefts) if left else []
    return [
        _part(charge, share, _scaled(charge.tax_minor, share, charge.gross_minor))
        for charge, share in zip(charges, shares, strict=False)
        if share
    ]


def refund_amount(bill: Bill, gross_minor: int) -> list[RefundPart]:
    """The parts for an amount not tied to any line: each tax rate bears its share of what is left."""
    left = {rate: gross for rate, (gross, _) in bill.left_of_rates().items() if gross > 0}
    rates = sorted(left, reverse=True)
    shares = split(gross_minor, [left[rate] for rate in rates])
    return [
        _amount(rate, share, tax_contained(share, rate))
        for rate, share in zip(rates, shares, strict=True)
        if share
    ]


def refund_rest(bill: Bill) -> list[RefundPart]:
    """The parts for everything that is left: units, shipping, fees, and the remainder at each rate.

    Each rate comes to what earlier refunds, also of amounts, have left of it, so that all refunds of an order
    sum to its tax rows.
    """
    units = [
        WantedUnits(line_id=line_id, quantity=left)
        for line_id in bill.lines
        if (left := bill.units_left(line_id))
    ]
    named = [
        *refund_lines(bill, units),
        *refund_charge(bill, ChargeKind.SHIPPING),
        *refund_charge(bill, ChargeKind.FEE),
    ]
    parts = within(bill, named)
    left_of = bill.less(parts).left_of_rates()
    return parts + [
        _amount(rate, *left) for rate, left in sorted(left_of.items(), reverse=True) if left[0] > 0
    ]


def within(bill: Bill, parts: Iterable[RefundPart]) -> list[RefundPart]:
    """The same parts, limited to what is left at their rates, which earlier refunds of amounts have reduced.

    Each is rounded by itself, so tax and net are kept within what is left as well, and the part that takes
    the last of a rate bears what is left of its tax.
    """
    lefts = bill.left_of_rates()
    kept = []
    for part in parts:
        left, left_tax = lefts[part.tax_rate_basis_points]
        gross = max(0, min(part.gross_minor, left))
        tax = within_tax(_scaled(part.tax_minor, gross, part.gross_minor), gross, left, left_tax)
        lefts[part.tax_rate_basis_points] = (left - gross, left_tax - tax)
        kept.append(replace(part, gross_minor=gross, tax_minor=tax, net_minor=gross - tax))
    return kept


def lessened(parts: Sequence[RefundPart], gross_minor: int) -> list[RefundPart]:
    """The same parts reduced to a smaller sum, each by its share and at its own rate; the units stay."""
    grosses = split(gross_minor, [part.gross_minor for part in parts])
    return [_sized(part, gross) for part, gross in zip(parts, grosses, strict=True)]


def tax_rows(parts: Iterable[RefundPart]) -> tuple[TaxRow, ...]:
    """The totals of the parts by tax rate, highest first."""
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


def _sized(part: RefundPart, gross_minor: int) -> RefundPart:
    tax = _scaled(part.tax_minor, gross_minor, part.gross_minor)
    return replace(part, gross_minor=gross_minor, tax_minor=tax, net_minor=gross_minor - tax)


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


def _amount(rate: int, gross_minor: int, tax_minor: int) -> RefundPart:
    return RefundPart(
        kind=ChargeKind.AMOUNT,
        name="",
        tax_rate_basis_points=rate,
        net_minor=gross_minor - tax_minor,
        tax_minor=tax_minor,
        gross_minor=gross_minor,
    )
