"""What invoices and credit notes contain, from the bill as the orders service itemised it.

Nothing is decided here but which paper bears a part: of a line, invoices take its units from the first on and
cancellations from the last, so what is taken back of a paper is what the paper asked for.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from services.documents.domain.claims import CANCELLED_LINES, REFUND, DueCredit, Invoice, settled
from services.documents.domain.figures import (
    Figures,
    Row,
    fee_row,
    figures,
    left_of_rates,
    share,
    uncancelled,
)
from shared.events.snapshots import ChargeKind, Fee, OrderLine, OrderSnapshot, Refund, RefundPart, TaxMode
from shared.money import within_tax


def part_of_order(
    order: OrderSnapshot,
    quantities: Mapping[UUID, int],
    before: Sequence[Figures],
    invoices: Sequence[Invoice],
) -> Figures | None:
    """The invoice for some of an order's lines, after existing invoices; None if nothing is left to invoice.

    A fee goes with the goods it is for, its delivery group's or all of the order, by their worth.
    """
    done = _invoiced(order, before, invoices)
    rows: list[Row] = []
    for line in order.lines:
        quantity = min(quantities.get(line.line_id, 0), uncancelled(line) - done[line.line_id])
        if quantity > 0:
            rows.append(_line_row(line, done[line.line_id], quantity))
            done[line.line_id] += quantity
    if rows:
        rows += _fee_rows(order, done, [row for each in before for row in each.rows])
    return figures(rows, order.market.tax_mode) if rows else None


def fees_left(order: OrderSnapshot, before: Sequence[Figures], invoices: Sequence[Invoice]) -> list[Row]:
    """Fees that no invoice contains, once all goods that were not cancelled are invoiced.

    Nothing, unless goods were cancelled between invoices: a fee's part for them is then with no others.
    """
    done = _invoiced(order, before, invoices)
    if not before or any(done[line.line_id] < uncancelled(line) for line in order.lines):
        return []
    earlier = [row for each in before for row in each.rows]
    return [
        fee_row(fee, place, amount, tax)
        for place, fee, amount, tax in _fees_to_come(order, earlier)
        if amount or tax
    ]


def due_credits(order: OrderSnapshot, invoices: Sequence[Invoice]) -> Iterator[DueCredit]:
    """The credit notes for units cancelled after invoicing, and for settled refunds.

    None credits more than its invoice asks for, line by line in units and rate by rate in money, nor all
    together more than what papers ask for above what is owed.
    """
    papers = _Papers(order, invoices, _asked_above_owed(order, invoices))
    _credit_cancelled(papers)
    cancelled = sum(line.cancelled_quantity for line in order.lines)
    reason = order.cancelled_units[-1].reason if order.cancelled_units else ""
    yield from papers.notes(f"{CANCELLED_LINES}:{cancelled}", reason)
    for refund in settled(order):
        cause = f"{REFUND}:{refund.refund_id}"
        _credit_refund(papers, refund, cause)
        yield from papers.notes(cause, refund.reason)


@dataclass
class _Rest:
    """The part of a refund or cancellation that is still to be credited."""

    part: RefundPart
    gross: int
    units: int


@dataclass
class _Papers:
    """An order's numbered invoices while credit notes are made, with the most to credit per tax rate."""

    order: OrderSnapshot
    invoices: Sequence[Invoice]
    too_much: Counter[int]

    def __post_init__(self) -> None:
        self.numbered = [_Paper(invoice) for invoice in self.invoices if invoice.number is not None]
        self._lines = {line.line_id: line for line in self.order.lines}

    def credit(self, paper: "_Paper", rest: _Rest, gross: int, units: int) -> None:
        """Credit part of an invoice, limited to what it still claims and what was invoiced in excess."""
        part, rate = rest.part, rest.part.tax_rate_basis_points
        left, left_tax = paper.rates.get(rate, (0, 0))
        gross = max(0, min(gross, rest.gross, left, self.too_much[rate]))
        if not gross and part.gross_minor:
            return
        done = part.gross_minor - rest.gross
        tax_done = share(part.tax_minor, done, part.gross_minor)
        tax = share(part.tax_minor, done + gross, part.gross_minor) - tax_done
        tax = within_tax(tax, gross, left, left_tax)
        paper.rates[rate] = (left - gross, left_tax - tax)
        self.too_much[rate] -= gross
        rest.gross -= gross
        rest.units -= units
        line = self._lines.get(part.line_id) if part.line_id else None
        if line is not None:
            paper.units[line.line_id] -= units
        amount = gross if self.order.market.tax_mode == TaxMode.GROSS else gross - tax
        price = line.unit_price_minor if line and units else 0
        paper.rows.append(
            Row(
                name=part.name,
                sku=line.sku if line else "",
                line_id=part.line_id,
                quantity=units,
                unit_price_minor=price,
                discount_minor=units * price - amount if units else 0,
                amount_minor=amount,
                tax_rate_basis_points=rate,
                tax_minor=tax,
            )
        )

    def notes(self, cause: str, reason: str) -> Iterator[DueCredit]:
        """The credit notes for what was credited since the last call."""
        for paper in self.numbered:
            counted = figures(paper.rows, self.order.market.tax_mode)
            paper.rows = []
            if counted.total_minor:
                yield DueCredit(invoice=paper.invoice, cause=cause, figures=counted, reason=reason)


@dataclass
class _Paper:
    """A numbered invoice, and what can still be credited from it."""

    invoice: Invoice
    rows: list[Row] = field(default_factory=list)

    def __post_init__(self) -> None:
        credited = self.invoice.credited
        self.rates = left_of_rates(self.invoice.figures, credited)  # gross and tax
        self.units = _units_of(self.invoice.figures.rows)
        self.units.subtract(_units_of(row for each in credited for row in each.rows))

    def is_over(self, part: RefundPart) -> bool:
        """Whether one of its rows is for this part."""
        return any(_key(row) == _key(part) for row in self.invoice.figures.rows)


def _credit_cancelled(papers: _Papers) -> None:
    order = papers.order
    done = _invoiced(order, [invoice.figures for invoice in papers.invoices], papers.invoices)
    for paper in reversed(papers.numbered):  # the newest has the last units
        for line in order.lines:
            units = min(done[line.line_id] - uncancelled(line), paper.units[line.line_id])
            if units > 0:
                done[line.line_id] -= units
                part = _part(order, line, done[line.line_id], units)
                papers.credit(paper, _Rest(part, part.gross_minor, units), part.gross_minor, units)
    _credit_rest_of_cancelled(papers)


def _credit_rest_of_cancelled(papers: _Papers) -> None:
    """Credit what cancelled units took off the bill only later.

    A refund that was under way when they were cancelled left less of the bill for them, and was withdrawn.
    """
    told: defaultdict[UUID | None, list[RefundPart]] = defaultdict(list)
    for each in papers.order.cancelled_units:
        for part in each.parts:
            told[part.line_id].append(part)
    bearing = [
        row
        for each in papers.invoices
        for of, note in each.credits
        if of.startswith(CANCELLED_LINES)
        for row in note.rows
    ]
    bearing += [row for paper in papers.numbered for row in paper.rows]
    gross, units = _gross_and_units(papers, bearing)
    for parts in told.values():
        whole = _whole(parts)
        if units[_key(whole)] < whole.quantity:
            continue  # some of them were on no invoice
        rest = _Rest(whole, whole.gross_minor - gross[_key(whole)], 0)
        for paper in reversed(papers.numbered):
            if rest.gross > 0:
                papers.credit(paper, rest, rest.gross, 0)


def _whole(parts: Sequence[RefundPart]) -> RefundPart:
    """Parts of one line as one."""
    return replace(
        parts[0],
        quantity=sum(part.quantity for part in parts),
        net_minor=sum(part.net_minor for part in parts),
        tax_minor=sum(part.tax_minor for part in parts),
        gross_minor=sum(part.gross_minor for part in parts),
    )


def _credit_refund(papers: _Papers, refund: Refund, cause: str) -> None:
    """Credit a refund; goods not invoiced yet are credited once their invoice exists."""
    credited, credited_units = _credited_before(papers, cause)
    for part in refund.parts:
        key = _key(part)
        rest = _Rest(
            part,
            part.gross_minor - min(part.gross_minor, credited[key]),
            part.quantity - min(part.quantity, credited_units[key]),
        )
        credited[key] -= part.gross_minor - rest.gross
        credited_units[key] -= part.quantity - rest.units
        if part.line_id is not None:
            for paper in papers.numbered:
                if units := min(rest.units, paper.units[part.line_id]):
                    whole = units == rest.units
                    gross = rest.gross if whole else share(part.gross_minor, units, part.quantity)
                    papers.credit(paper, rest, gross, units)
        if rest.gross and _is_invoiced(papers, part):
            # First where it was asked for, then on whatever has its rate: an amount was of something too.
            for paper in sorted(papers.numbered, key=lambda paper: not paper.is_over(part)):
                papers.credit(paper, rest, rest.gross, 0)


def _is_invoiced(papers: _Papers, part: RefundPart) -> bool:
    """Whether every invoice for a part of the bill exists and has its number."""
    if part.line_id is None:
        return True
    order = papers.order
    done = _invoiced(order, [invoice.figures for invoice in papers.invoices], papers.invoices)
    return all(
        invoice.number is not None
        for invoice in papers.invoices
        if _units_of(invoice.figures.rows)[part.line_id]
    ) and all(done[line.line_id] >= uncancelled(line) for line in order.lines if line.line_id == part.line_id)


def _credited_before(papers: _Papers, cause: str) -> tuple[Counter[object], Counter[object]]:
    """What has already been credited for a cause, in gross amount and units, by part."""
    return _gross_and_units(
        papers,
        (row for each in papers.invoices for of, note in each.credits if of == cause for row in note.rows),
    )


def _gross_and_units(papers: _Papers, rows: Iterable[Row]) -> tuple[Counter[object], Counter[object]]:
    """What rows come to, in gross amount and units, by part."""
    on_top = papers.order.market.tax_mode != TaxMode.GROSS
    gross, units = Counter[object](), Counter[object]()
    for row in rows:
        gross[_key(row)] += row.amount_minor + row.tax_minor * on_top
        units[_key(row)] += row.quantity
    return gross, units


def _asked_above_owed(order: OrderSnapshot, invoices: Sequence[Invoice]) -> Counter[int]:
    """The excess of invoices over what is owed, per tax rate, not counting what is still to be invoiced."""
    on_top = order.market.tax_mode != TaxMode.GROSS
    asked = Counter[int]()
    for invoice in invoices:
        for rate, (gross, _) in left_of_rates(invoice.figures, invoice.credited).items():
            asked[rate] += gross
    for row in order.totals.tax:
        asked[row.rate_basis_points] -= row.gross_minor
    cancelled = (part for each in order.cancelled_units for part in each.parts)
    refunded = (part for each in settled(order) for part in each.parts)
    for part in (*cancelled, *refunded):
        asked[part.tax_rate_basis_points] += part.gross_minor
    before = [invoice.figures for invoice in invoices]
    done = _invoiced(order, before, invoices)
    for line in order.lines:
        units = uncancelled(line) - done[line.line_id]
        if units > 0:
            asked[line.tax_rate_basis_points] += _part(order, line, done[line.line_id], units).gross_minor
    earlier = [row for each in before for row in each.rows]
    for _, fee, amount, tax in _fees_to_come(order, earlier):
        asked[fee.tax_rate_basis_points] += amount + tax * on_top
    return asked


def _invoiced(order: OrderSnapshot, before: Iterable[Figures], invoices: Iterable[Invoice]) -> Counter[UUID]:
    """Invoiced units of each line, less those credited as cancelled."""
    done = Counter({line.line_id: 0 for line in order.lines})
    for each in before:
        done.update(_units_of(each.rows))
    for invoice in invoices:
        for cause, note in invoice.credits:
            if cause.startswith(CANCELLED_LINES):
                done.subtract(_units_of(note.rows))
    return done


def _units_of(rows: Iterable[Row]) -> Counter[UUID]:
    units = Counter[UUID]()
    for row in rows:
        if row.line_id is not None:
            units[row.line_id] += row.quantity
    return units


def _key(of: Row | RefundPart) -> tuple[object, ...]:
    return of.line_id, of.name, of.tax_rate_basis_points


def _first(line: OrderLine, units: int) -> tuple[int, int]:
    """The amount, in the market's tax mode, and tax of a line's first units, calculated as orders does."""
    amount = line.total_minor - (line.order_discount_minor or 0)
    tax = line.tax_minor - (line.order_discount_tax_minor or 0)
    return share(amount, units, line.quantity), share(tax, units, line.quantity)


def _line_row(line: OrderLine, start: int, quantity: int) -> Row:
    (amount, tax), (amount_before, tax_before) = _first(line, start + quantity), _first(line, start)
    amount -= amount_before
    return Row(
        name=line.name,
        sku=line.sku,
        line_id=line.line_id,
        quantity=quantity,
        unit_price_minor=line.unit_price_minor,
        discount_minor=quantity * line.unit_price_minor - amount,
        tax_rate_basis_points=line.tax_rate_basis_points,
        amount_minor=amount,
        tax_minor=tax - tax_before,
    )


def _part(order: OrderSnapshot, line: OrderLine, start: int, units: int) -> RefundPart:
    """The part of the bill for some units of a line."""
    row = _line_row(line, start, units)
    gross = row.amount_minor + (0 if order.market.tax_mode == TaxMode.GROSS else row.tax_minor)
    return RefundPart(
        kind=ChargeKind.LINE,
        name=line.name,
        tax_rate_basis_points=line.tax_rate_basis_points,
        net_minor=gross - row.tax_minor,
        tax_minor=row.tax_minor,
        gross_minor=gross,
        line_id=line.line_id,
        quantity=units,
    )


def _fee_rows(order: OrderSnapshot, done: Mapping[UUID, int], earlier: Sequence[Row]) -> Iterator[Row]:
    for place, fee, left, left_tax in _fees_to_come(order, earlier):
        goods = [line for line in order.lines if fee.group_id in (None, line.group_id)]
        by_worth = any(line.total_minor for line in goods)
        weights = [(line.total_minor if by_worth else line.quantity, line) for line in goods]
        # Of what is still wanted, so that a fee is whole once all of that is invoiced.
        whole = sum(share(weight, uncancelled(line), line.quantity) for weight, line in weights)
        reached = sum(share(weight, done[line.line_id], line.quantity) for weight, line in weights)
        amount = share(fee.amount_minor, reached, whole) - (fee.amount_minor - left)
        tax = share(fee.tax_minor, reached, whole) - (fee.tax_minor - left_tax)
        if amount or tax:
            yield fee_row(fee, place, amount, tax)


def _fees_to_come(order: OrderSnapshot, earlier: Sequence[Row]) -> Iterator[tuple[int, Fee, int, int]]:
    """Each fee with its index, and its amount and tax not yet invoiced; discounts are within the lines."""
    for place, fee in enumerate(order.fees):
        if fee.kind != ChargeKind.DISCOUNT:
            taken = [row for row in earlier if row.fee == place]
            amount = fee.amount_minor - sum(row.amount_minor for row in taken)
            yield place, fee, amount, fee.tax_minor - sum(row.tax_minor for row in taken)
