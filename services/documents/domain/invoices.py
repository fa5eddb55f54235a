"""Which invoices an order requires, and which credit notes its invoices require."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from uuid import UUID
from zoneinfo import ZoneInfo

from services.documents.domain import billing, legacy_billing
from services.documents.domain.claims import CANCELLATION, FEES, DueCredit, Invoice
from services.documents.domain.figures import Figures, figures, rest_of_invoice, uncancelled
from services.documents.domain.papers import WHOLE_ORDER
from shared.events.snapshots import (
    LEFT,
    InvoiceOn,
    InvoicePer,
    OrderSnapshot,
    ShipmentsSnapshot,
    TaxTreatment,
)


def is_off(order: OrderSnapshot) -> bool:
    """Whether the order has ended without completion: cancelled, refused or failed."""
    return any((order.cancelled_at, order.refused_at, order.failed_at))


def is_intra_community(order: OrderSnapshot) -> bool:
    """Whether it includes intra-Community supplies, so that its invoices must give the date of supply."""
    return any(reason.treatment == TaxTreatment.INTRA_COMMUNITY for reason in order.tax_reasons)


def uninvoiced_parts(
    order: OrderSnapshot,
    shipments: ShipmentsSnapshot | None,
    invoices: Sequence[Invoice],
    *,
    by_hand: bool = False,
) -> Iterator[tuple[str, Figures]]:
    """Each part of an order without an invoice that is due one by the market's rule, with its figures.

    By hand it is due as soon as it can be.

    A market takes one invoice per order, per delivery method or per shipment; together they make the
    order's total to the last minor unit.
    """
    rule = billing if order.tells_parts else legacy_billing
    before = [invoice.figures for invoice in invoices]
    known = {invoice.part for invoice in invoices}
    for part, quantities in _parts(order, shipments):
        if part in known or not (by_hand or _is_due(order, shipments, quantities)):
            continue
        counted = rule.part_of_order(order, quantities, before, invoices)
        if counted is not None:
            before.append(counted)
            yield part, counted
    left = figures(rule.fees_left(order, before, invoices), order.market.tax_mode)
    if left.total_minor > 0 and FEES not in known and (by_hand or order.market.invoice_on != InvoiceOn.HAND):
        yield FEES, left


def due_credits(order: OrderSnapshot, invoices: Sequence[Invoice]) -> Iterator[DueCredit]:
    """The credit notes required by the order's current state, for invoices that have a number.

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
    yield from (billing if order.tells_parts else legacy_billing).due_credits(order, invoices)


def supply_days(
    order: OrderSnapshot, shipments: ShipmentsSnapshot | None, part: str, counted: Figures
) -> tuple[date, date] | None:
    """The first and last day an invoice's goods left, in the market's time zone; None until all have.

    The date of the supply that invoices tell: Directive 2006/112/EC, article 226 (7).
    """
    left = Counter({row.line_id: row.quantity for row in counted.rows if row.line_id})
    if not left and is_intra_community(order):  # an invoice over fees alone is about all that they were for
        left = Counter({line.line_id: uncancelled(line) for line in order.lines})
    days = set()
    for shipment in shipments.shipments if shipments and left else ():
        of_it = {line.line_id for line in shipment.lines} & left.keys()
        elsewhere = order.market.invoice_per == InvoicePer.SHIPMENT and str(shipment.shipment_id) != part
        if shipment.status not in LEFT or not of_it or elsewhere:
            continue
        left.subtract({line.line_id: line.quantity for line in shipment.lines if line.line_id in of_it})
        if moment := shipment.shipped_at or shipment.delivered_at:
            days.add(moment.astimezone(ZoneInfo(order.market.time_zone)).date())
    return (min(days), max(days)) if days and all(units <= 0 for units in left.values()) else None


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
                        line.line_id: uncancelled(line)
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
            yield WHOLE_ORDER, {line.line_id: uncancelled(line) for line in order.lines}


def _is_due(
    order: OrderSnapshot, shipments: ShipmentsSnapshot | None, quantities: Mapping[UUID, int]
) -> bool:
    if is_intra_community(order):
        # It has to tell when the goods left (BR-IC-11), and no tax falls due before (article 67).
        left = shipments is not None and _have_gone_out(shipments, quantities)
        return left and order.market.invoice_on != InvoiceOn.HAND
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
