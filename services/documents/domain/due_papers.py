"""Which papers an order's newest state calls for."""

from collections.abc import Iterator
from dataclasses import dataclass

from services.documents.domain.papers import WHOLE_ORDER, Content, PaperKind
from shared.events.snapshots import OrderSnapshot, ShipmentsSnapshot

GONE_OUT = frozenset({"shipped", "delivered", "undeliverable", "returned"})
WANTS_LABEL = frozenset({"packing", "ready"}) | GONE_OUT


@dataclass(frozen=True, kw_only=True)
class DuePaper:
    """A paper that should exist, and what it says as of now."""

    kind: PaperKind
    part: str
    content: Content
    total_minor: int = 0  # in minor units of the order's currency


def is_off(order: OrderSnapshot) -> bool:
    """Whether nothing will come of the order any more: cancelled, refused or failed."""
    return any((order.cancelled_at, order.refused_at, order.failed_at))


def due_papers(order: OrderSnapshot, shipments: ShipmentsSnapshot | None) -> Iterator[DuePaper]:
    """The papers of a promised order; none before its acceptance, after its end or without its people.

    While shipping is asked whether the order can still be cancelled it stands as promised.
    """
    if order.accepted_at is None or order.anonymised_at is not None or is_off(order):
        return
    yield from _delivery_notes(order)
    if _invoice_is_due(order, shipments):
        yield invoice(order)
    if shipments is not None:
        yield from _labels(order, shipments)


def invoice(order: OrderSnapshot) -> DuePaper:
    """The invoice over all of an order."""
    return DuePaper(
        kind=PaperKind.INVOICE,
        part=WHOLE_ORDER,
        content=Content(order=order),
        total_minor=order.totals.total_minor,
    )


def cancelled_shipments(shipments: ShipmentsSnapshot | None) -> set[str]:
    """The parts whose labels nobody needs any more."""
    if shipments is None:
        return set()
    return {str(shipment.shipment_id) for shipment in shipments.shipments if shipment.status == "cancelled"}


def _invoice_is_due(order: OrderSnapshot, shipments: ShipmentsSnapshot | None) -> bool:
    match order.market.invoice_on:
        case "acceptance":
            return True
        case "payment":
            return order.payment.covered
        case "shipment":
            return shipments is not None and _all_gone_out(order, shipments)
        case _:  # by hand
            return False


def _all_gone_out(order: OrderSnapshot, shipments: ShipmentsSnapshot) -> bool:
    # Counted by units: a shipment that shipping has yet to plan must not be taken for shipped.
    left = {line.line_id: line.quantity - line.cancelled_quantity for line in order.lines}
    for shipment in shipments.shipments:
        if shipment.status in GONE_OUT:
            for line in shipment.lines:
                left[line.line_id] = left.get(line.line_id, 0) - line.quantity
    return all(quantity <= 0 for quantity in left.values())


def _delivery_notes(order: OrderSnapshot) -> Iterator[DuePaper]:
    groups = [
        group
        for group in order.delivery_groups
        if any(line.group_id == group.group_id for line in order.lines)
    ]
    for place, group in enumerate(groups, start=1):
        yield DuePaper(
            kind=PaperKind.DELIVERY_NOTE,
            part=str(group.group_id),
            content=Content(
                order=order,
                group_id=group.group_id,
                address=order.people.delivery.get(str(group.group_id)),
                place=place,
                places=len(groups),
            ),
        )


def _labels(order: OrderSnapshot, shipments: ShipmentsSnapshot) -> Iterator[DuePaper]:
    standing = [shipment for shipment in shipments.shipments if shipment.status != "cancelled"]
    for place, shipment in enumerate(standing, start=1):
        if shipment.status not in WANTS_LABEL:
            continue
        group = str(shipment.group_id)
        yield DuePaper(
            kind=PaperKind.LABEL,
            part=str(shipment.shipment_id),
            content=Content(
                order=order,
                group_id=shipment.group_id,
                # From acceptance on shipping owns the address, and may have corrected it.
                address=shipments.people.delivery.get(group) or order.people.delivery.get(group),
                place=place,
                places=len(standing),
                shipment=shipment,
            ),
        )
