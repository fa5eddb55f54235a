"""Which invoices an order calls for, and which credit notes its invoices."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from services.documents.domain.figures import (
    Figures,
    Row,
    credited_units,
    fees_left,
    figures,
    part_of_invoice,
    part_of_order,
    rest_of_invoice,
    share,
    turned,
    wanted,
)
from services.documents.domain.papers import WHOLE_ORDER
from shared.events.snapshots import (
    LEFT,
    InvoiceOn,
    InvoicePer,
    OrderSnapshot,
    Refund,
    RefundPart,
    RefundState,
    ShipmentsSnapshot,
    TaxMode,
)

CANCELLATION = "cancellation"
CANCELLED_LINES = "cancelled_lines"
CORRECTION = "correction"
FEES = "fees"  # also the part of an invoice over nothing else
REFUND = "refund"


@dataclass(frozen=True, kw_only=True)
class Invoice:
    """An invoice that stands, and what of it was taken back, with why."""

    paper_id: UUID
    part: str
    figures: Figures
    number: str | None = None  # None before its turn
    issued_on: date | None = None
    credits: tuple[tuple[str, Figures], ...] = field(default=())  # by cause

    @property
    def credited(self) -> list[Figures]:
        """What was taken back, whatever for."""
        return [each for _, each in self.credits]

    @property
    def claim_minor(self) -> int:
        """What it still asks for."""
        return self.figures.total_minor - sum(each.total_minor for each in self.credited)


@dataclass(frozen=True, kw_only=True)
class DueCredit:
    """A credit note that an invoice calls for."""

    invoice: Invoice
    cause: str
    figures: Figures
    reason: str


def is_off(order: OrderSnapshot) -> bool:
    """Whether nothing will come of the order any more: cancelled, refused or failed."""
    return any((order.cancelled_at, order.refused_at, order.failed_at))


def due_invoices(
    order: OrderSnapshot,
    shipments: ShipmentsSnapshot | None,
    invoices: Sequence[Invoice],
    *,
    by_hand: bool = False,
) -> Iterator[tuple[str, Figures]]:
    """Part and figures of each invoice that is due by the market's rule, or by hand as soon as it can be.

    A market takes one invoice per order, per delivery method or per shipment; together they make the
    order's total to the last minor unit.
    """
    before = [invoice.figures for invoice in invoices]
    known = {invoice.part for invoice in invoices}
    for part, quantities in _parts(order, shipments):
        if part in known or not (by_hand or _is_due(order, shipments, quantities)):
            continue
        counted = part_of_order(order, quantities, before)
        if counted is not None:
            before.append(counted)
            yield part, counted
    left = figures(_fees_left(order, before, invoices), order.market.tax_mode)
    if left.total_minor > 0 and FEES not in known and (by_hand or order.market.invoice_on != InvoiceOn.HAND):
        yield FEES, left


def due_credits(order: OrderSnapshot, invoices: Sequence[Invoice]) -> Iterator[DueCredit]:
    """The credit notes that the order's newest state calls for, of invoices that have their number.

    An order that is off takes back all that its invoices still ask for; lines cancelled after they were
    invoiced take their units back; a settled refund takes back what it takes off the bill, which is nothing
    where it gives back what was overpaid or what a cancellation freed.
    """
    numbered = [invoice for invoice in invoices if invoice.number is not None]
    mode = order.market.tax_mode
    if is_off(order):
        for invoice in numbered:
            if invoice.claim_minor > 0:
                rest = rest_of_invoice(invoice.figures, invoice.credited, mode)
                yield DueCredit(invoice=invoice, cause=CANCELLATION, figures=rest, reason=order.cancel_reason)
        return
    claims = {invoice.paper_id: list(invoice.credits) for invoice in numbered}
    for credit in (*_cancelled_lines(order, numbered), *_discounts_left(order, invoices)):
        claims[credit.invoice.paper_id].append((credit.cause, credit.figures))
        yield credit
    yield from _refunds(order, invoices, claims)


def _parts(
    order: OrderSnapshot, shipments: ShipmentsSnapshot | None
) -> Iterator[tuple[str, Mapping[UUID, int]]]:
    match order.market.invoice_per:
        case InvoicePer.METHOD:
            method_of = {group.group_id: group.method for group in order.delivery_groups}
            for method in dict.fromkeys(method_of.values()):
                yield (
                    f"method:{method}",
                    {
                        line.line_id: wanted(line)
                        for line in order.lines
                        if method_of[line.group_id] == method
                    },
                )
        case InvoicePer.SHIPMENT:
            for shipment in shipments.shipments if shipments else ():
                if shipment.status in LEFT:
                    counted: Counter[UUID] = Counter()
                    for line in shipment.lines:
                        counted[line.line_id] += line.quantity
                    yield str(shipment.shipment_id), counted
        case _:
            yield WHOLE_ORDER, {line.line_id: wanted(line) for line in order.lines}


def _is_due(
    order: OrderSnapshot, shipments: ShipmentsSnapshot | None, quantities: Mapping[UUID, int]
) -> bool:
    match order.market.invoice_on:
        case InvoiceOn.ACCEPTANCE:
            return True
        case InvoiceOn.PAYMENT:
            return order.payment.covered
        case InvoiceOn.SHIPMENT:
            return shipments is not None and _have_gone_out(shipments, quantities)
        case _:  # by hand
            return False


def _have_gone_out(shipments: ShipmentsSnapshot, quantities: Mapping[UUID, int]) -> bool:
    # Counted by units: a shipment that shipping has yet to plan must not be taken for shipped.
    left = Counter(quantities)
    for shipment in shipments.shipments:
        if shipment.status in LEFT:
            left.subtract({line.line_id: line.quantity for line in shipment.lines})
    return all(left[line_id] <= 0 for line_id in quantities)


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
    """What of a discount on the whole order no invoice took off, when there are none to come."""
    rows = _fees_left(order, [invoice.figures for invoice in invoices], invoices)
    counted = figures(turned(rows), order.market.tax_mode)
    newest = next((invoice for invoice in reversed(invoices) if invoice.claim_minor > 0), None)
    if newest is not None and newest.number is not None and 0 < counted.total_minor <= newest.claim_minor:
        yield DueCredit(invoice=newest, cause=FEES, figures=counted, reason=order.cancel_reason)


def _fees_left(order: OrderSnapshot, before: Sequence[Figures], invoices: Sequence[Invoice]) -> list[Row]:
    given_back = [each for invoice in invoices for cause, each in invoice.credits if cause == FEES]
    return fees_left(order, before, [row for each in given_back for row in each.rows])


def _invoiced_above_wanted(
    order: OrderSnapshot, invoices: Sequence[Invoice], credited: Mapping[UUID, Sequence[Figures]]
) -> dict[UUID, int]:
    """How many units of each line are invoiced that nobody wants any more."""
    over = {line.line_id: -wanted(line) for line in order.lines}
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
    for refund in _settled(order):
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
    """What a refund takes off each invoice, row by row, as the orders service counted it.

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
    """The numbered invoices that a part of a refund may go on, those first that bear its goods."""
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
    """So much of a part, of which some is credited already, as a row of a credit note."""
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


def _settled(order: OrderSnapshot) -> list[Refund]:
    settled = [
        refund for refund in order.refunds if refund.state == RefundState.SETTLED and refund.settled_at
    ]
    return sorted(settled, key=lambda refund: (refund.settled_at, refund.refund_id))
