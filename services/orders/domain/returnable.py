"""What of an order was sent, and what can be returned: delivered, in no other return, within the period."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from uuid import UUID

from shared.errors import Refused
from shared.events.snapshots import Shipment, ShipmentsSnapshot, ShipmentStatus

_SENT = frozenset({"shipped", "undeliverable", "delivered", "returned"})


def delivered_units(shipments: ShipmentsSnapshot | None) -> Counter[UUID]:
    """Sales units of each line that are with the customer."""
    units: Counter[UUID] = Counter()
    for shipment in _delivered(shipments):
        for line in shipment.lines:
            units[line.line_id] += line.quantity
    return units


def refuse_unsent(
    units: Mapping[UUID, int], shipments: ShipmentsSnapshot | None, refunded: Mapping[UUID, int]
) -> None:
    """Require that this many units of each line have been sent, beyond those already refunded.

    What never left is cancelled instead: refunded, it would still be sent. Raises Refused (not_sent) with the
    units to cancel.
    """
    sent: Counter[UUID] = Counter()
    for shipment in shipments.shipments if shipments else ():
        if shipment.status in _SENT:
            sent.update({line.line_id: line.quantity for line in shipment.lines})
    unsent = {
        line_id: min(quantity, quantity + refunded.get(line_id, 0) - sent[line_id])
        for line_id, quantity in units.items()
    }
    cancel = [{"line_id": line_id, "quantity": few} for line_id, few in unsent.items() if few > 0]
    if cancel:
        raise Refused(
            "not_sent",
            "goods that have not been sent must be cancelled instead; that refunds them too",
            cancel=cancel,
        )


def refuse_more_than_delivered(
    units: Mapping[UUID, int], delivered: Mapping[UUID, int], taken: Mapping[UUID, int]
) -> None:
    """Require that this many units of each line were delivered and are in no return yet.

    Raises Refused: not_delivered where nothing of a line is, else more_than_delivered.
    """
    for line_id, quantity in units.items():
        if not delivered.get(line_id):
            raise Refused("not_delivered", "nothing of this line has been delivered", line_id=line_id)
        left = delivered[line_id] - taken.get(line_id, 0)
        if quantity > left:
            raise Refused(
                "more_than_delivered",
                f"only {max(0, left)} of the line can be returned",
                line_id=line_id,
                quantity_left=max(0, left),
            )


def refuse_late(shipments: ShipmentsSnapshot | None, lines: Iterable[UUID], days: int, now: datetime) -> None:
    """Raise Refused if any line was last delivered more than this many days ago."""
    for line_id in lines:
        until = last_instant(shipments, line_id, days)
        if until is not None and until < now:
            raise Refused("return_period_over", f"goods can be returned for {days} days", until=until)


def last_instant(shipments: ShipmentsSnapshot | None, line_id: UUID, days: int) -> datetime | None:
    """When the period for returning a line ends; None if nothing of it was delivered."""
    instants = [
        shipment.delivered_at
        for shipment in _delivered(shipments)
        if shipment.delivered_at and any(line.line_id == line_id for line in shipment.lines)
    ]
    return max(instants) + timedelta(days=days) if instants else None


def _delivered(shipments: ShipmentsSnapshot | None) -> list[Shipment]:
    return [
        one for one in (shipments.shipments if shipments else ()) if one.status == ShipmentStatus.DELIVERED
    ]
