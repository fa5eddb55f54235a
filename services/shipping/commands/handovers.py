"""The last step: goods are handed over to the customer, or come back, and who took them is recorded."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from services.shipping import events, queries
from services.shipping.commands import stock
from services.shipping.commands.lines import put_aside
from services.shipping.commands.shipments import cancel, change, held_levels, in_hand, move_on, tell
from services.shipping.domain.inspection import Found
from services.shipping.domain.shipment_status import HOLDING_STOCK, MOST_WRONG_CODES, FailureReason
from services.shipping.models import Pickup, Shipment, SignOff
from shared import clock
from shared.access import actor_of
from shared.collect_codes import is_collect_code
from shared.events.snapshots import ShipmentStatus
from shared.paper_references import stored_papers

NOT_COLLECTED = "not_collected"


def deliver_shipment(
    session: Session, shipment_id: UUID, *, name: str = "", note: str = "", document_id: UUID | None = None
) -> Shipment:
    """Record that a shipment reached its customer and who signed for it, and publish shipment.delivered."""
    return _last_step(session, shipment_id, "deliver", name=name, note=note, document_id=document_id)


def hand_over_shipment(
    session: Session, shipment_id: UUID, *, name: str, note: str = "", document_id: UUID | None = None
) -> Shipment:
    """Hand a shipment over in person; the recipient signs."""
    return _last_step(session, shipment_id, "hand_over", name=name, note=note, document_id=document_id)


def sign_shipment(
    session: Session, shipment_id: UUID, *, name: str, note: str = "", document_id: UUID | None = None
) -> Shipment:
    """Record that a service was done and the customer signed for it."""
    return _last_step(session, shipment_id, "sign", name=name, note=note, document_id=document_id)


def provide_shipment(session: Session, shipment_id: UUID, *, download_url: str) -> Shipment:
    """Set where a download can be had; the customer then has it."""
    shipment = in_hand(session, shipment_id, "provide")
    shipment.download_url = download_url
    return give_over(session, shipment, "provide")


def give_over(
    session: Session,
    shipment: Shipment,
    action: str,
    *,
    name: str = "",
    note: str = "",
    document_id: UUID | None = None,
) -> Shipment:
    """Move a shipment to its last step, with its proof; anything still in stock leaves it."""
    if shipment.status in HOLDING_STOCK and shipment.location is not None:
        levels = held_levels(session, [shipment])
        stock.pick_all(session, shipment, levels)  # what nobody had to pack is taken now
        stock.take_out(session, shipment, levels)
    sign_off(session, shipment, name=name, note=note, document_id=document_id)
    move_on(shipment, action)
    tell(session, shipment.order, events.status_reached(shipment))
    return shipment


def sign_off(
    session: Session, shipment: Shipment, *, name: str = "", note: str = "", document_id: UUID | None = None
) -> None:
    """Record who took a shipment, and who says so.

    Raises Invalid for a proof that is no stored paper of the shipment's order.
    """
    if document_id is not None:
        stored_papers(session, shipment.order_id, {"document_id": document_id})
    shipment.sign_off = SignOff(
        name=name, note=note, document_id=document_id, recorded_by=actor_of(session).name, at=clock.now()
    )


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
    """Hand a shipment to whoever shows its code, record who that was, and publish shipment.delivered.

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
    """How many more wrong codes a shipment accepts before it is locked."""
    return MOST_WRONG_CODES - _pickup(queries.shipment(session, shipment_id)).wrong_tries


def renew_code(session: Session, shipment_id: UUID) -> Shipment:
    """Replace the code of a shipment that waits for pickup, and publish shipment.updated for the customer."""
    with change(session, shipment_id, "renew_code") as shipment:
        pickup = _pickup(shipment)
        pickup.serial += 1
        pickup.wrong_tries = 0
    return shipment


def remind(session: Session, shipment_id: UUID) -> None:
    """Publish pickup.reminded, once, if a shipment still waits for pickup. Runs under the order's lock."""
    shipment = queries.shipment(session, shipment_id)
    pickup = shipment.pickup
    if shipment.status is ShipmentStatus.READY and pickup is not None and pickup.reminded_at is None:
        pickup.reminded_at = clock.now()
        shipment.version += 1
        tell(session, shipment.order, events.pickup_reminded(shipment))


def release_uncollected(session: Session, shipment_id: UUID) -> None:
    """Cancel a shipment that nobody collected; its units become unassigned. Runs under the order's lock."""
    shipment = queries.shipment(session, shipment_id)
    if shipment.status is ShipmentStatus.READY:
        put_aside(shipment)
        cancel(session, [shipment], NOT_COLLECTED, held_levels(session, [shipment]))
        tell(session, shipment.order, events.shipments_cancelled([shipment], NOT_COLLECTED))


def fail_shipment(session: Session, shipment_id: UUID, *, reason: FailureReason) -> Shipment:
    """Record a failed delivery attempt and publish shipment.undeliverable; attempts are counted."""
    with change(session, shipment_id, "fail", events.shipment_undeliverable) as shipment:
        shipment.failed_attempts += 1
        shipment.failure = reason
    return shipment


def resend_shipment(
    session: Session, shipment_id: UUID, *, address: dict[str, Any] | None = None
) -> Shipment:
    """Send a shipment again, to a corrected address if one is given, and publish shipment.shipped."""
    with change(session, shipment_id, "resend") as shipment:
        if address is not None:
            shipment.address = address
    return shipment


def take_back_shipment(
    session: Session, shipment_id: UUID, *, location: str, found: Sequence[Found]
) -> Shipment:
    """Take back an undeliverable shipment, unit by unit as found, and publish shipment.returned.

    What can be sold again goes to the location's stock, the rest is scrapped, what is missing is lost.
    Raises NotFound for a location that the actor may not change, Invalid for goods that it did not carry.
    """
    with change(session, shipment_id, "take_back") as shipment:
        reason = f"shipment {shipment.number} came back"
        stock.take_in(session, shipment.seller, location, shipment.lines, found, reason=reason)
    return shipment


def _last_step(
    session: Session, shipment_id: UUID, action: str, *, name: str, note: str, document_id: UUID | None
) -> Shipment:
    shipment = in_hand(session, shipment_id, action)
    return give_over(session, shipment, action, name=name, note=note, document_id=document_id)


def _pickup(shipment: Shipment) -> Pickup:
    assert shipment.pickup is not None  # whatever is ready for pickup has one
    return shipment.pickup
