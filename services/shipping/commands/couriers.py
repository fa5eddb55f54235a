"""Assignment of shipments to couriers."""

from uuid import UUID

from sqlalchemy.orm import Session

from services.shipping.commands.shipments import change
from services.shipping.models import Courier, Shipment
from shared import clock
from shared.errors import NotFound, Refused


def assign_courier(session: Session, shipment_id: UUID, *, courier: str | None, note: str = "") -> Shipment:
    """Assign a shipment to a courier of its seller, or to none, and publish shipment.updated.

    Raises NotFound for an unknown courier, Refused courier_not_active for one that takes no more.
    """
    with change(session, shipment_id, "assign_courier") as shipment:
        if courier is not None:
            known = session.get(Courier, (shipment.seller, courier))
            if known is None:
                raise NotFound("courier", courier)
            if not known.active:
                raise Refused("courier_not_active", f"{known.name} is not active")
        if courier != shipment.courier:  # another note is no other assignment
            shipment.courier_assigned_at = clock.now() if courier else None
        shipment.courier = courier
        shipment.courier_note = note
        session.flush()
        session.expire(shipment, ["taken_by"])
    return shipment
