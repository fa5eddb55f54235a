"""Which invoices an order calls for, and which credit notes its invoices."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from services.documents.domain.figures import (
    Figures,
    Row,
    credited_units,
    figures,
    part_of_invoice,
    part_of_order,
    rest_of_invoice,
    wanted,
)
from services.documents.domain.papers import WHOLE_ORDER
from shared.events.snapshots import OrderSnapshot, Refund, ShipmentsSnapshot

GONE_OUT = frozenset({"shipped", "delivered", "undeliverable", "returned"})
CANCELLATION = "cancellation"
CANCELLED_LINES = "cancelled_lines"
CORRECTION = "correction"
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
    for credit in _cancelled_lines(order, numbered):
        claims[credit.invoice.paper_id].append((credit.cause, credit.figures))
        yield credit
    yield from _refunds(order, numbered, claims)


def _parts(
    order: OrderSnapshot, shipments: ShipmentsSnapshot | None
) -> Iterator[tuple[str, Mapping[UUID, int]]]:
    match order.market.invoice_per:
        case "method":
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
        case "shipment":
            for shipment in shipments.shipments if shipments else ():
                if shipment.status in GONE_OUT:
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
        case "acceptance":
            return True
        case "payment":
            return order.payment.covered
        case "shipment":
            return shipments is not None and _have_gone_out(shipments, quantities)
        case _:  # by hand
            return False


def _have_gone_out(shipments: ShipmentsSnapshot, quantities: Mapping[UUID, int]) -> bool:
    # Counted by units: a shipment that shipping has yet to plan must not be taken for shipped.
    left = Counter(quantities)
    for shipment in shipments.shipments:
        if shipment.status in GONE_OUT:
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
    for refund in _settled(order):
        cause = f"{REFUND}:{refund.refund_id}"
        left = refund.credited_minor - sum(
            each.total_minor for credits_ in credits_of.values() for of, each in credits_ if of == cause
        )
        for invoice in _those_with(refund, invoices):
            credits_ = credits_of[invoice.paper_id]
            claim = invoice.figures.total_minor - sum(each.total_minor for _, each in credits_)
            amount = min(left, claim)
            if amount <= 0:
                continue
            whole = amount == refund.credited_minor and bool(refund.parts)
            counted = (
                _parts_of(refund, order)
                if whole
                else part_of_invoice(
                    invoice.figures, [each for _, each in credits_], amount, order.market.tax_mode
                )
            )
            credits_.append((cause, counted))
            left -= amount
            yield DueCredit(invoice=invoice, cause=cause, figures=counted, reason=refund.reason)


def _those_with(refund: Refund, invoices: Sequence[Invoice]) -> list[Invoice]:
    """The invoices, those first that bear all the goods that a refund takes back."""
    goods = {part.line_id for part in refund.parts if part.line_id}
    return sorted(invoices, key=lambda each: not goods <= {row.line_id for row in each.figures.rows})


def _parts_of(refund: Refund, order: OrderSnapshot) -> Figures:
    """What a refund takes off the bill, row by row, as the orders service counted it."""
    lines = {line.line_id: line for line in order.lines}
    rows = []
    for part in refund.parts:
        line = lines.get(part.line_id) if part.line_id else None
        rows.append(
            Row(
                name=part.name,
                sku=line.sku if line else "",
                line_id=part.line_id,
                quantity=part.quantity,
                unit_price_minor=line.unit_price_minor if line else 0,
                amount_minor=part.gross_minor if order.market.tax_mode == "gross" else part.net_minor,
                tax_rate_basis_points=part.tax_rate_basis_points,
                tax_minor=part.tax_minor,
            )
        )
    return figures(rows, order.market.tax_mode)


def _settled(order: OrderSnapshot) -> list[Refund]:
    settled = [refund for refund in order.refunds if refund.state == "settled" and refund.settled_at]
    return sorted(settled, key=lambda refund: (refund.settled_at, refund.refund_id))
