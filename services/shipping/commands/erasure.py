"""Erasing a person: the recipients' details that shipping has stored."""

from uuid import UUID

from sqlalchemy.orm import Session

from services.shipping import queries
from services.shipping.models import OrderState
from shared.messaging import copies


def erase_person(session: Session, order_id: UUID) -> None:
    """Erase the person from an order's shipments, proofs, appointments, tracking and returns.

    Runs under the order's lock. Dates, places and goods stay; so do the proofs that staff uploaded, which
    documents erases.
    """
    copies.erase_people(session, order_id)
    order = session.get(OrderState, order_id)
    if order is None:
        return
    for shipment in order.shipments:
        shipment.address = None
        shipment.courier_note = ""
        shipment.download_url = ""
        if shipment.sign_off is not None:
            shipment.sign_off.name = shipment.sign_off.note = ""
        for appointment in shipment.appointments:
            appointment.note = appointment.signed_by = ""
        for parcel in shipment.parcels:
            for event in parcel.events:
                event.place = event.note = ""
    for expected in queries.returns_of_order(session, order_id):
        expected.note = ""
