"""What an invoice or credit note counts: rows, and the tax of each rate, summing to the last minor unit."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from uuid import UUID

from shared.events.snapshots import Fee, OrderLine, OrderSnapshot, TaxMode, TaxRow
from shared.money import round_half_up, split


@dataclass(frozen=True, kw_only=True)
class Row:
    """An amount at one tax rate, in minor units as the market's tax mode counts them."""

    name: str
    amount_minor: int
    tax_rate_basis_points: int
    tax_minor: int  # contained in the amount in a gross market, added to it in a net one
    line_id: UUID | None = None  # None for what is no goods
    fee: int | None = None  # which of the order's fees it is, by place
    sku: str = ""
    quantity: int = 0
    unit_price_minor: int = 0
    discount_minor: int = 0


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Rows and what they come to."""

    rows: tuple[Row, ...]
    tax: tuple[TaxRow, ...]  # highest rate first
    tax_added_minor: int  # 0 in a gross market
    total_minor: int


def figures(rows: Sequence[Row], tax_mode: str) -> Figures:
    """What rows come to in a market whose prices contain the tax (gross) or not (net)."""
    amounts: defaultdict[int, int] = defaultdict(int)
    taxes: defaultdict[int, int] = defaultdict(int)
    for row in rows:
        amounts[row.tax_rate_basis_points] += row.amount_minor
        taxes[row.tax_rate_basis_points] += row.tax_minor
    tax = tuple(
        _tax_row(rate, amounts[rate], taxes[rate], tax_mode) for rate in sorted(amounts, reverse=True)
    )
    return Figures(
        rows=tuple(rows),
        tax=tax,
        tax_added_minor=0 if tax_mode == TaxMode.GROSS else sum(taxes.values()),
        total_minor=sum(row.gross_minor for row in tax),
    )


def share(total_minor: int, done: int, whole: int) -> int:
    """What `done` of `whole` parts of an amount come to, rounded half up; all of it when all are done."""
    return round_half_up(Decimal(total_minor) * done / whole) if whole else total_minor


def wanted(line: OrderLine) -> int:
    """How much of a line is still to be had."""
    return line.quantity - line.cancelled_quantity


def part_of_order(
    order: OrderSnapshot, quantities: Mapping[UUID, int], before: Iterable[Figures]
) -> Figures | None:
    """The invoice over some of an order's lines, after those that exist; None if nothing is left for it.

    Each amount is the share of all that is invoiced by now, rounded, less what the earlier invoices took,
    so the last takes the rest and all together make the order to the last minor unit. A fee goes with the
    goods it is for: its delivery group's, or all of the order.
    """
    earlier = [row for each in before for row in each.rows]
    rows: list[Row] = []
    done = {
        line.line_id: sum(row.quantity for row in earlier if row.line_id == line.line_id)
        for line in order.lines
    }
    for line in order.lines:
        quantity = min(quantities.get(line.line_id, 0), wanted(line) - done[line.line_id])
        if quantity <= 0:
            continue
        done[line.line_id] += quantity
        rows.append(_line_row(line, quantity, done[line.line_id], earlier))
    if rows:
        rows += _fee_rows(order, done, earlier)
    return figures(rows, order.market.tax_mode) if rows else None


def fees_left(order: OrderSnapshot, before: Sequence[Figures], given_back: Iterable[Row]) -> list[Row]:
    """What no invoice has taken of the order's fees and discounts, once all that is wanted is invoiced.

    Nothing, unless goods were cancelled between invoices: a fee's part for them is then with no others. The
    order asks for its fees whole while anything of it is wanted, and so do its invoices.
    """
    earlier = [row for each in before for row in each.rows]
    invoiced = Counter({line.line_id: 0 for line in order.lines})
    for row in earlier:
        if row.line_id is not None:
            invoiced[row.line_id] += row.quantity
    if not earlier or any(invoiced[line.line_id] < wanted(line) for line in order.lines):
        return []
    back = list(given_back)
    rows = []
    for place, fee in enumerate(order.fees):
        taken = [(row, 1) for row in earlier if row.fee == place]
        taken += [(row, -1) for row in back if row.fee == place]
        amount = fee.amount_minor - sum(sign * row.amount_minor for row, sign in taken)
        tax = fee.tax_minor - sum(sign * row.tax_minor for row, sign in taken)
        if amount or tax:
            rows.append(_fee_row(fee, place, amount, tax))
    return rows


def turned(rows: Iterable[Row]) -> list[Row]:
    """Rows that give back what the rows ask for."""
    return [replace(row, amount_minor=-row.amount_minor, tax_minor=-row.tax_minor) for row in rows]


def credited_units(invoice: Figures, credited: Iterable[Figures], line_id: UUID, quantity: int) -> Row | None:
    """The row that takes some units of an invoice's line back; None if the invoice hasn't any left."""
    of_line = next((row for row in invoice.rows if row.line_id == line_id), None)
    if of_line is None:
        return None
    taken = [row for each in credited for row in each.rows if row.line_id == line_id]
    gone = sum(row.quantity for row in taken)
    quantity = min(quantity, of_line.quantity - gone)
    if quantity <= 0:
        return None
    kept = of_line.quantity - gone - quantity

    def rest(amount: int, already: int) -> int:
        return amount - share(amount, kept, of_line.quantity) - already

    return Row(
        name=of_line.name,
        sku=of_line.sku,
        line_id=line_id,
        quantity=quantity,
        unit_price_minor=of_line.unit_price_minor,
        discount_minor=rest(of_line.discount_minor, sum(row.discount_minor for row in taken)),
        tax_rate_basis_points=of_line.tax_rate_basis_points,
        amount_minor=rest(of_line.amount_minor, sum(row.amount_minor for row in taken)),
        tax_minor=rest(of_line.tax_minor, sum(row.tax_minor for row in taken)),
    )


def part_of_invoice(
    invoice: Figures, credited: Sequence[Figures], gross_minor: int, tax_mode: str, name: str = ""
) -> Figures:
    """An amount of an invoice taken back without naming goods: spread by what is left of each rate."""
    left = {rate: amounts for rate, amounts in _left(invoice, credited).items() if amounts[0] > 0}
    parts = split(gross_minor, [gross for gross, _ in left.values()])
    rows = [
        _amount_row(rate, part, share(tax, part, gross), tax_mode, name)
        for (rate, (gross, tax)), part in zip(left.items(), parts, strict=True)
        if part
    ]
    return figures(rows, tax_mode)


def rest_of_invoice(invoice: Figures, credited: Sequence[Figures], tax_mode: str) -> Figures:
    """All that is left of an invoice: row by row where nothing was taken back yet, else by rate."""
    if not credited:
        return invoice
    left = _left(invoice, credited).items()
    return figures(
        [_amount_row(rate, gross, tax, tax_mode) for rate, (gross, tax) in left if gross], tax_mode
    )


def disagreements(order: OrderSnapshot) -> Iterator[str]:
    """Which of an order's figures do not add up to its total; such an order is never invoiced."""
    totals = order.totals
    lines = sum(line.total_minor for line in order.lines)
    rows = lines + sum(fee.amount_minor for fee in order.fees) + totals.tax_added_minor
    if rows != totals.total_minor:
        yield f"lines, fees and added tax make {rows}, the total is {totals.total_minor}"
    gross = sum(row.gross_minor for row in totals.tax)
    if gross != totals.total_minor:
        yield f"the tax table makes {gross}, the total is {totals.total_minor}"
    for row in totals.tax:
        if row.net_minor + row.tax_minor != row.gross_minor:
            yield f"at {row.rate_basis_points} basis points net and tax don't make gross"


def _left(invoice: Figures, credited: Iterable[Figures]) -> dict[int, tuple[int, int]]:
    """Gross and tax of each rate that no credit note has taken back."""
    left = {row.rate_basis_points: (row.gross_minor, row.tax_minor) for row in invoice.tax}
    for row in (row for each in credited for row in each.tax):
        gross, tax = left[row.rate_basis_points]
        left[row.rate_basis_points] = (gross - row.gross_minor, tax - row.tax_minor)
    return left


def _amount_row(rate: int, gross: int, tax: int, tax_mode: str, name: str = "") -> Row:
    return Row(
        name=name,
        amount_minor=gross if tax_mode == TaxMode.GROSS else gross - tax,
        tax_rate_basis_points=rate,
        tax_minor=tax,
    )


def _tax_row(rate: int, amount_minor: int, tax_minor: int, tax_mode: str) -> TaxRow:
    net = amount_minor - tax_minor if tax_mode == TaxMode.GROSS else amount_minor
    return TaxRow(rate_basis_points=rate, net_minor=net, tax_minor=tax_minor, gross_minor=net + tax_minor)


def _line_row(line: OrderLine, quantity: int, done: int, earlier: Sequence[Row]) -> Row:
    taken = [row for row in earlier if row.line_id == line.line_id]
    return Row(
        name=line.name,
        sku=line.sku,
        line_id=line.line_id,
        quantity=quantity,
        unit_price_minor=line.unit_price_minor,
        discount_minor=share(line.discount_minor, done, line.quantity)
        - sum(row.discount_minor for row in taken),
        tax_rate_basis_points=line.tax_rate_basis_points,
        amount_minor=share(line.total_minor, done, line.quantity) - sum(row.amount_minor for row in taken),
        tax_minor=share(line.tax_minor, done, line.quantity) - sum(row.tax_minor for row in taken),
    )


def _fee_rows(order: OrderSnapshot, done: Mapping[UUID, int], earlier: Sequence[Row]) -> Iterator[Row]:
    for place, fee in enumerate(order.fees):
        goods = [line for line in order.lines if fee.group_id in (None, line.group_id)]
        by_worth = any(line.total_minor for line in goods)
        weights = [(line.total_minor if by_worth else line.quantity, line) for line in goods]
        # Of what is still wanted, so that a fee is whole once all of that is invoiced.
        whole = sum(share(weight, wanted(line), line.quantity) for weight, line in weights)
        reached = sum(share(weight, done[line.line_id], line.quantity) for weight, line in weights)
        taken = [row for row in earlier if row.fee == place]
        amount = share(fee.amount_minor, reached, whole) - sum(row.amount_minor for row in taken)
        tax = share(fee.tax_minor, reached, whole) - sum(row.tax_minor for row in taken)
        if amount or tax:
            yield _fee_row(fee, place, amount, tax)


def _fee_row(fee: Fee, place: int, amount_minor: int, tax_minor: int) -> Row:
    return Row(
        name=fee.name,
        fee=place,
        amount_minor=amount_minor,
        tax_rate_basis_points=fee.tax_rate_basis_points,
        tax_minor=tax_minor,
    )
