"""Shipments that could not be delivered: sent again, or taken back into stock."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from services.shipping import events
from services.shipping.commands import stock
from services.shipping.commands.shipments import change
from services.shipping.domain.inspection import Condition, Found, inspected
from services.shipping.domain.shipment_status import FailureReason
from services.shipping.models import Shipment


def fail_shipment(session: Session, shipment_id: UUID, *, reason: FailureReason) -> Shipment:
    """Note that a shipment could not be delivered and tell shipment.undeliverable; each try is counted."""
    with change(session, shipment_id, "fail", events.shipment_undeliverable) as shipment:
        shipment.failed_attempts += 1
        shipment.failure = reason
    return shipment


def resend_shipment(
    session: Session, shipment_id: UUID, *, address: dict[str, Any] | None = None
) -> Shipment:
    """Send a shipment out again, to a corrected address where one is given, and tell shipment.shipped."""
    with change(session, shipment_id, "resend") as shipment:
        if address is not None:
            shipment.address = address
    return shipment


def take_back_shipment(
    session: Session, shipment_id: UUID, *, location: str, found: Sequence[Found]
) -> Shipment:
    """Take an undeliverable shipment back in, unit by unit as it was found, and tell shipment.returned.

    What can be sold again goes to the location's stock, the rest is scrapped, what is missing is lost.
    Raises NotFound for a location that the actor may not change, Invalid for goods that it did not carry.
    """
    with change(session, shipment_id, "take_back") as shipment:
        lines = {line.line_id: line for line in shipment.lines}
        sums = inspected({line.line_id: line.quantity for line in shipment.lines}, found)
        stock.take_in(
            session,
            shipment.seller,
            location,
            [
                (lines[line_id].sku, quantity * lines[line_id].coefficient, condition is Condition.SELLABLE)
                for (line_id, condition), quantity in sums.items()
            ],
            reason=f"shipment {shipment.number} came back",
        )
    return shipment
