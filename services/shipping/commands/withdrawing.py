"""Taking single lines of an order back, as long as they have not left."""

from collections import Counter
from collections.abc import Mapping
from uuid import UUID

from sqlalchemy.orm import Session

from services.shipping import events
from services.shipping.commands import lines, parcels, picking, stock
from services.shipping.commands.shipments import held_levels, move_on
from services.shipping.models import OrderState, Shipment
from shared.events.snapshots import ShipmentStatus

WITHDRAWN = "lines_cancelled"

# Whatever has not left, what is farthest from leaving first.
FARTHEST_FIRST = (
    ShipmentStatus.AWAITING_INVENTORY,
    ShipmentStatus.INVENTORY_ASSIGNED,
    ShipmentStatus.RELEASED,
    ShipmentStatus.PACKING,
    ShipmentStatus.READY,
)


def withdraw(session: Session, order: OrderState, wanted: Mapping[UUID, int]) -> list[events.News] | None:
    """Take sales units of lines out of what has not left, all of them or none: None where they have left.

    What is unassigned goes first, then what is farthest from leaving. A shipment that is left without lines
    is cancelled.
    """
    opened = sorted(
        (shipment for shipment in order.shipments if shipment.status in FARTHEST_FIRST),
        key=lambda shipment: (FARTHEST_FIRST.index(shipment.status), -shipment.position),
    )
    there: Counter[UUID] = Counter()
    there.update({line.line_id: line.quantity for line in order.unassigned})
    for shipment in opened:
        there.update({line.line_id: line.quantity for line in shipment.lines})
    if any(there[line_id] < quantity for line_id, quantity in wanted.items()):
        return None

    left = dict(wanted)
    aside = {
        line.line_id: min(line.quantity, left[line.line_id])
        for line in order.unassigned
        if left.get(line.line_id)
    }
    if aside:
        lines.take_aside(order, aside)
        left = {line_id: quantity - aside.get(line_id, 0) for line_id, quantity in left.items()}
    levels = held_levels(session, opened)
    changed = [shipment for shipment in opened if _take_from(session, shipment, levels, left)]
    gone = [shipment for shipment in changed if not shipment.lines]
    for shipment in gone:
        shipment.cancel_reason = WITHDRAWN
        move_on(shipment, "cancel")
    updated = [events.shipment_updated(shipment) for shipment in changed if shipment.lines]
    # Told even where only unassigned lines went: the order waits for its answer.
    return [*updated, events.shipments_cancelled(gone, WITHDRAWN)]


def _take_from(session: Session, shipment: Shipment, levels: stock.Levels, left: dict[UUID, int]) -> bool:
    """Take of what is left to be taken what a shipment has; answers whether it had any."""
    skus = set()
    for line in list(shipment.lines):
        if quantity := min(left.get(line.line_id, 0), line.quantity):
            left[line.line_id] -= quantity
            skus.add(line.sku)
            lines.shrink(session, shipment, levels, line, quantity)
    if not skus:
        return False
    parcels.fit_contents(shipment)
    picking.fit_lists(session, shipment)
    shipment.version += 1
    if shipment.status is ShipmentStatus.AWAITING_INVENTORY and shipment.lines:
        stock.serve_waiting(session, {line.sku for line in shipment.lines})  # what there is may do now
    return True
