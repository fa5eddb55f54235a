"""Rows and tax totals of invoices and credit notes, adding up to the last minor unit."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from shared.events.snapshots import Fee, OrderLine, OrderSnapshot, TaxMode, TaxRow
from shared.money import round_half_up


@dataclass(frozen=True, kw_only=True)
class Row:
    """An amount at one tax rate, in minor units, gross or net by the market's tax mode."""

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
    """Rows and their totals."""

    rows: tuple[Row, ...]
    tax: tuple[TaxRow, ...]  # highest rate first
    tax_added_minor: int  # 0 in a gross market
    total_minor: int


def figures(rows: Sequence[Row], tax_mode: str) -> Figures:
    """The totals of rows in a market with prices including tax (gross) or excluding it (net)."""
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
    """The share of an amount for `done` of `whole` parts, rounded half up; all of it when all are done."""
    return round_half_up(Decimal(total_minor) * done / whole) if whole else total_minor


def uncancelled(line: OrderLine) -> int:
    """How many units of a line are not cancelled."""
    return line.quantity - line.cancelled_quantity


def rest_of_invoice(invoice: Figures, credited: Sequence[Figures], tax_mode: str) -> Figures:
    """What is left of an invoice: row by row if nothing was credited yet, otherwise by tax rate."""
    if not credited:
        return invoice
    left = left_of_rates(invoice, credited).items()
    return figures([amount_row(rate, gross, tax, tax_mode) for rate, (gross, tax) in left if gross], tax_mode)


def disagreements(order: OrderSnapshot) -> Iterator[str]:
    """Figures that do not add up to the order's total; such an order is never invoiced."""
    totals = order.totals
    lines = sum(line.total_minor for line in order.lines)
    rows = lines + sum(fee.amount_minor for fee in order.fees) + totals.tax_added_minor
    if rows != totals.total_minor:
        yield f"lines, fees and added tax add up to {rows}, not to the total of {totals.total_minor}"
    gross = sum(row.gross_minor for row in totals.tax)
    if gross != totals.total_minor:
        yield f"the tax table adds up to {gross}, not to the total of {totals.total_minor}"
    for row in totals.tax:
        if row.net_minor + row.tax_minor != row.gross_minor:
            yield f"at {row.rate_basis_points} basis points net plus tax is not gross"


def left_of_rates(invoice: Figures, credited: Iterable[Figures]) -> dict[int, tuple[int, int]]:
    """Gross and tax per tax rate of an invoice that have not been credited."""
    left = {row.rate_basis_points: (row.gross_minor, row.tax_minor) for row in invoice.tax}
    for row in (row for each in credited for row in each.tax):
        gross, tax = left[row.rate_basis_points]
        left[row.rate_basis_points] = (gross - row.gross_minor, tax - row.tax_minor)
    return left


def amount_row(rate: int, gross: int, tax: int, tax_mode: str, name: str = "") -> Row:
    """A row for an amount not tied to goods, tax included."""
    return Row(
        name=name,
        amount_minor=gross if tax_mode == TaxMode.GROSS else gross - tax,
        tax_rate_basis_points=rate,
        tax_minor=tax,
    )


def fee_row(fee: Fee, place: int, amount_minor: int, tax_minor: int) -> Row:
    """A row for part of a fee, given the fee's index in the order."""
    return Row(
        name=fee.name,
        fee=place,
        amount_minor=amount_minor,
        tax_rate_basis_points=fee.tax_rate_basis_points,
        tax_minor=tax_minor,
    )


def _tax_row(rate: int, amount_minor: int, tax_minor: int, tax_mode: str) -> TaxRow:
    net = amount_minor - tax_minor if tax_mode == TaxMode.GROSS else amount_minor
    return TaxRow(rate_basis_points=rate, net_minor=net, tax_minor=tax_minor, gross_minor=net + tax_minor)
