"""Invoices and credit notes of older orders, from before the bill was itemised.

What such an order's papers bear is counted here, by the rules under which its first ones were issued. To be
deleted once no order of before can change any more.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from services.documents.domain.claims import CANCELLED_LINES, FEES, REFUND, DueCredit, Invoice, settled
from services.documents.domain.figures import (
    Figures,
    Row,
    amount_row,
    fee_row,
    figures,
    left_of_rates,
    rest_of_invoice,
    share,
    uncancelled,
)
from shared.events.snapshots import OrderLine, OrderSnapshot, Refund, RefundPart, TaxMode
from shared.money import split


def due_credits(order: OrderSnapshot, invoices: Sequence[Invoice]) -> Iterator[DueCredit]:
    """The credit notes for cancelled lines, remaining discounts and settled refunds."""
    numbered = [invoice for invoice in invoices if invoice.number is not None]
    claims = {invoice.paper_id: list(invoice.credits) for invoice in numbered}
    for credit in (*_cancelled_lines(order, numbered), *_discounts_left(order, invoices)):
        claims[credit.invoice.paper_id].append((credit.cause, credit.figures))
        yield credit
    yield from _refunds(order, invoices, claims)


def part_of_order(
    order: OrderSnapshot,
    quantities: Mapping[UUID, int],
    before: Iterable[Figures],
    _invoices: Sequence[Invoice] = (),
) -> Figures | None:
    """The invoice for some of an order's lines, after existing invoices; None if nothing is left to invoice.

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
        quantity = min(quantities.get(line.line_id, 0), uncancelled(line) - done[line.line_id])
        if quantity <= 0:
            continue
        done[line.line_id] += quantity
        rows.append(_line_row(line, quantity, done[line.line_id], earlier))
    if rows:
        rows += _fee_rows(order, done, earlier)
    return figures(rows, order.market.tax_mode) if rows else None


def _fees_left_by(order: OrderSnapshot, before: Sequence[Figures], given_back: Iterable[Row]) -> list[Row]:
    """Fees and discounts that no invoice contains, once all goods that were not cancelled are invoiced.

    Nothing, unless goods were cancelled between invoices: a fee's part for them is then with no others. The
    order asks for its fees whole while anything of it is wanted, and so do its invoices.
    """
    earlier = [row for each in before for row in each.rows]
    invoiced = Counter({line.line_id: 0 for line in order.lines})
    for row in earlier:
        if row.line_id is not None:
            invoiced[row.line_id] += row.quantity
    if not earlier or any(invoiced[line.line_id] < uncancelled(line) for line in order.lines):
        return []
    back = list(given_back)
    rows = []
    for place, fee in enumerate(order.fees):
        taken = [(row, 1) for row in earlier if row.fee == place]
        taken += [(row, -1) for row in back if row.fee == place]
        amount = fee.amount_minor - sum(sign * row.amount_minor for row, sign in taken)
        tax = fee.tax_minor - sum(sign * row.tax_minor for row, sign in taken)
        if amount or tax:
            rows.append(fee_row(fee, place, amount, tax))
    return rows


def turned(rows: Iterable[Row]) -> list[Row]:
    """The same rows with their signs reversed."""
    return [replace(row, amount_minor=-row.amount_minor, tax_minor=-row.tax_minor) for row in rows]


def credited_units(invoice: Figures, credited: Iterable[Figures], line_id: UUID, quantity: int) -> Row | None:
    """The credit row for some units of an invoice line; None if none are left to credit."""
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
    """A credit for an amount without naming goods, spread over what is left at each tax rate."""
    left = {rate: amounts for rate, amounts in left_of_rates(invoice, credited).items() if amounts[0] > 0}
    parts = split(gross_minor, [gross for gross, _ in left.values()])
    rows = [
        amount_row(rate, part, share(tax, part, gross), tax_mode, name)
        for (rate, (gross, tax)), part in zip(left.items(), parts, strict=True)
        if part
    ]
    return figures(rows, tax_mode)


def _cancelled_lines(order: OrderSnapshot, invoices: Sequence[Invoice]) -> Iterator[DueCredit]:
    credited = {
        invoice.paper_id: [each for cause, each in invoice.credits if cause.startswith(CANCELLED_LINES)]
        for invoice in invoices
    }
    over = _invoiced_above_wanted(order, invoices, credited)
    cancelled = sum(line.cancelled_quantity for line in order.lines)
    for invoice in reversed(invoices):  # the newest gives way first
        rows = []
        for line_id, quantity in over.items():
            row = credited_units(invoice.figures, credited[invoice.paper_id], line_id, quantity)
            if row is not None:
                rows.append(row)
                over[line_id] -= row.quantity
        if not rows or invoice.claim_minor <= 0:
            continue
        counted = figures(rows, order.market.tax_mode)
        if counted.total_minor > invoice.claim_minor:  # a refund took some of it back before
            counted = rest_of_invoice(invoice.figures, invoice.credited, order.market.tax_mode)
        yield DueCredit(
            invoice=invoice,
            cause=f"{CANCELLED_LINES}:{cancelled}",
            figures=counted,
            reason=order.cancel_reason,
        )


def _discounts_left(order: OrderSnapshot, invoices: Sequence[Invoice]) -> Iterator[DueCredit]:
    """The credit for order-level discount that no invoice deducted, once no more invoices will follow."""
    rows = fees_left(order, [invoice.figures for invoice in invoices], invoices)
    counted = figures(turned(rows), order.market.tax_mode)
    newest = next((invoice for invoice in reversed(invoices) if invoice.claim_minor > 0), None)
    if newest is not None and newest.number is not None and 0 < counted.total_minor <= newest.claim_minor:
        yield DueCredit(invoice=newest, cause=FEES, figures=counted, reason=order.cancel_reason)


def fees_left(order: OrderSnapshot, before: Sequence[Figures], invoices: Sequence[Invoice]) -> list[Row]:
    """Fees and discounts that no invoice contains, once all goods that were not cancelled are invoiced."""
    given_back = [each for invoice in invoices for cause, each in invoice.credits if cause == FEES]
    return _fees_left_by(order, before, [row for each in given_back for row in each.rows])


def _invoiced_above_wanted(
    order: OrderSnapshot, invoices: Sequence[Invoice], credited: Mapping[UUID, Sequence[Figures]]
) -> dict[UUID, int]:
    """How many more units of each line are invoiced than are still wanted."""
    over = {line.line_id: -uncancelled(line) for line in order.lines}
    for invoice in invoices:
        taken_back = [row for each in credited[invoice.paper_id] for row in each.rows]
        for sign, rows in ((1, invoice.figures.rows), (-1, taken_back)):
            for row in rows:
                if row.line_id in over:
                    over[row.line_id] += sign * row.quantity
    return over


def _refunds(
    order: OrderSnapshot, invoices: Sequence[Invoice], credits_of: dict[UUID, list[tuple[str, Figures]]]
) -> Iterator[DueCredit]:
    mode = order.market.tax_mode
    for refund in settled(order):
        cause = f"{REFUND}:{refund.refund_id}"
        before = [each for credits_ in credits_of.values() for of, each in credits_ if of == cause]
        left = refund.credited_minor - sum(each.total_minor for each in before)
        claims = {
            invoice.paper_id: invoice.figures.total_minor
            - sum(each.total_minor for _, each in credits_of[invoice.paper_id])
            for invoice in invoices
            if invoice.number is not None
        }
        rows = _rows_by_invoice(order, refund, before, invoices, claims)
        for invoice in invoices:
            if refund.parts:
                counted = figures(rows.get(invoice.paper_id, ()), mode)
            else:
                amount = max(0, min(left, claims.get(invoice.paper_id, 0)))
                credited = [each for _, each in credits_of.get(invoice.paper_id, ())]
                counted = part_of_invoice(invoice.figures, credited, amount, mode)
            if counted.rows:
                credits_of[invoice.paper_id].append((cause, counted))
                left -= counted.total_minor
                yield DueCredit(invoice=invoice, cause=cause, figures=counted, reason=refund.reason)


def _rows_by_invoice(
    order: OrderSnapshot,
    refund: Refund,
    before: Sequence[Figures],
    invoices: Sequence[Invoice],
    claims: dict[UUID, int],
) -> Mapping[UUID, list[Row]]:
    """What a refund credits on each invoice, row by row, as calculated by the orders service.

    Goods go on the invoice that they are on, and wait for it; what else there is, on any that has its tax
    rate. `before` was credited for the same refund already, and `claims` is what each invoice still asks for.
    """
    most = refund.credited_minor - sum(each.total_minor for each in before)
    gone, units_gone = Counter[object](), Counter[object]()
    for row in (row for each in before for row in each.rows):
        gone[_key(row)] += row.amount_minor + (0 if order.market.tax_mode == TaxMode.GROSS else row.tax_minor)
        units_gone[_key(row)] += row.quantity
    rows = defaultdict[UUID, list[Row]](list)
    for part in refund.parts:
        done = min(part.gross_minor, gone[_key(part)])
        units = part.quantity - min(part.quantity, units_gone[_key(part)])
        gone[_key(part)] -= done
        units_gone[_key(part)] -= part.quantity - units
        for invoice in _those_with(part, invoices):
            taken = min(units, _units(invoice, part.line_id))
            left = part.gross_minor - done
            amount = left if taken == units else min(left, share(part.gross_minor, taken, part.quantity))
            amount = min(amount, claims[invoice.paper_id], most)
            if amount > 0:
                most -= amount
                rows[invoice.paper_id].append(_row_of(part, order, done, amount, taken))
                claims[invoice.paper_id] -= amount
                done += amount
                units -= taken
    return rows


def _key(of: Row | RefundPart) -> tuple[object, ...]:
    return of.line_id, of.name, of.tax_rate_basis_points


def _units(invoice: Invoice, line_id: UUID | None) -> int:
    return sum(row.quantity for row in invoice.figures.rows if line_id and row.line_id == line_id)


def _those_with(part: RefundPart, invoices: Sequence[Invoice]) -> list[Invoice]:
    """The numbered invoices that part of a refund may be credited on, those with its goods first."""
    rated = [
        invoice
        for invoice in invoices
        if any(row.rate_basis_points == part.tax_rate_basis_points for row in invoice.figures.tax)
    ]
    if part.line_id is None:
        return [invoice for invoice in rated if invoice.number is not None]
    bearing = [invoice for invoice in rated if _units(invoice, part.line_id)]
    if not bearing or any(invoice.number is None for invoice in bearing):
        return [invoice for invoice in bearing if invoice.number is not None]
    return bearing + [each for each in rated if each.number is not None and each not in bearing]


def _row_of(part: RefundPart, order: OrderSnapshot, done: int, amount: int, units: int) -> Row:
    """A credit-note row for an amount of a part, some of which may have been credited already."""
    line = next((line for line in order.lines if line.line_id == part.line_id), None)
    tax, tax_done = (share(part.tax_minor, gross, part.gross_minor) for gross in (done + amount, done))
    return Row(
        name=part.name,
        sku=line.sku if line else "",
        line_id=part.line_id,
        quantity=units,
        unit_price_minor=line.unit_price_minor if line else 0,
        amount_minor=amount - (0 if order.market.tax_mode == TaxMode.GROSS else tax - tax_done),
        tax_rate_basis_points=part.tax_rate_basis_points,
        tax_minor=tax - tax_done,
    )


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
        whole = sum(share(weight, uncancelled(line), line.quantity) for weight, line in weights)
        reached = sum(share(weight, done[line.line_id], line.quantity) for weight, line in weights)
        taken = [row for row in earlier if row.fee == place]
        amount = share(fee.amount_minor, reached, whole) - sum(row.amount_minor for row in taken)
        tax = share(fee.tax_minor, reached, whole) - sum(row.tax_minor for row in taken)
        if amount or tax:
            yield fee_row(fee, place, amount, tax)
