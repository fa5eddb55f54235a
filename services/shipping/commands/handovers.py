"""The last step: goods come into their customer's hands, and who took them is written down."""

from uuid import UUID

from sqlalchemy.orm import Session

from services.shipping import events
from services.shipping.commands import stock
from services.shipping.commands.shipments import held_levels, in_hand, move_on, tell
from services.shipping.domain.shipment_status import HOLDING_STOCK
from services.shipping.models import Shipment, SignOff
from shared import clock
from shared.access import actor_of
from shared.papers import stored_papers


def deliver_shipment(
    session: Session, shipment_id: UUID, *, name: str = "", note: str = "", document_id: UUID | None = None
) -> Shipment:
    """Note that a shipment reached its customer, with who signed for it, and tell shipment.delivered."""
    return _last_step(session, shipment_id, "deliver", name=name, note=note, document_id=document_id)


def hand_over_shipment(
    session: Session, shipment_id: UUID, *, name: str, note: str = "", document_id: UUID | None = None
) -> Shipment:
    """Give a shipment over in person; whoever takes it signs."""
    return _last_step(session, shipment_id, "hand_over", name=name, note=note, document_id=document_id)


def sign_shipment(
    session: Session, shipment_id: UUID, *, name: str, note: str = "", document_id: UUID | None = None
) -> Shipment:
    """Note that a service was done and that its customer signed for it."""
    return _last_step(session, shipment_id, "sign", name=name, note=note, document_id=document_id)


def provide_shipment(session: Session, shipment_id: UUID, *, download_url: str) -> Shipment:
    """Say where a download is to be had: with that its customer has it."""
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
    """Take a shipment its last step, with its proof; what is still in stock leaves it."""
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
    """Write down who took a shipment, and who says so.

    Raises Invalid for a proof that is no stored paper of the shipment's order.
    """
    if document_id is not None:
        stored_papers(session, shipment.order_id, {"document_id": document_id})
    shipment.sign_off = SignOff(
        name=name, note=note, document_id=document_id, recorded_by=actor_of(session).name, at=clock.now()
    )


def _last_step(
    session: Session, shipment_id: UUID, action: str, *, name: str, note: str, document_id: UUID | None
) -> Shipment:
    shipment = in_hand(session, shipment_id, action)
    return give_over(session, shipment, action, name=name, note=note, document_id=document_id)
