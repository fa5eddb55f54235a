"""Goods that wait to be collected: given out for their code, reminded of, released in the end."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.orm import Session

from services.shipping import events, queries
from services.shipping.commands.handovers import give_over
from services.shipping.commands.lines import put_aside
from services.shipping.commands.shipments import cancel, change, held_levels, in_hand, tell
from services.shipping.domain.shipment_status import MOST_WRONG_CODES
from services.shipping.models import Pickup, Shipment
from shared import clock
from shared.collect_codes import is_collect_code
from shared.events.snapshots import ShipmentStatus

NOT_COLLECTED = "not_collected"


def collect_shipment(
    session: Session,
    shipment_id: UUID,
    *,
    code: str,
    keys: Sequence[str],
    name: str,
    note: str = "",
    document_id: UUID | None = None,
) -> Shipment | None:
    """Give a shipment to whoever shows its code, note who that was, and tell shipment.delivered.

    Answers None for a wrong code, which is counted: the caller commits that too. Refused code_locked after
    five wrong ones; a new code opens it again.
    """
    shipment = in_hand(session, shipment_id, "collect")
    pickup = _pickup(shipment)
    if not is_collect_code(keys, shipment.id, pickup.serial, code):
        pickup.wrong_tries += 1
        return None
    return give_over(session, shipment, "collect", name=name, note=note, document_id=document_id)


def tries_left(session: Session, shipment_id: UUID) -> int:
    """How many wrong codes are still heard for a shipment."""
    return MOST_WRONG_CODES - _pickup(queries.shipment(session, shipment_id)).wrong_tries


def renew_code(session: Session, shipment_id: UUID) -> Shipment:
    """Let another code open a shipment that waits for pickup, and tell shipment.updated, for the customer."""
    with change(session, shipment_id, "renew_code") as shipment:
        pickup = _pickup(shipment)
        pickup.serial += 1
        pickup.wrong_tries = 0
    return shipment


def remind(session: Session, shipment_id: UUID) -> None:
    """Tell pickup.reminded of what still waits to be collected; once. Runs under the order's lock."""
    shipment = queries.shipment(session, shipment_id)
    pickup = shipment.pickup
    if shipment.status is ShipmentStatus.READY and pickup is not None and pickup.reminded_at is None:
        pickup.reminded_at = clock.now()
        shipment.version += 1
        tell(session, shipment.order, events.pickup_reminded(shipment))


def release_uncollected(session: Session, shipment_id: UUID) -> None:
    """Give up what nobody collected: its stock is free, its units are the order's. Runs under its lock."""
    shipment = queries.shipment(session, shipment_id)
    if shipment.status is ShipmentStatus.READY:
        put_aside(shipment)
        cancel(session, [shipment], NOT_COLLECTED, held_levels(session, [shipment]))
        tell(session, shipment.order, events.shipments_cancelled([shipment], NOT_COLLECTED))


def _pickup(shipment: Shipment) -> Pickup:
    assert shipment.pickup is not None  # whatever is ready for pickup has one
    return shipment.pickup
