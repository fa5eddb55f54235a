"""What goes into which parcel."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.shipping.domain import tracking
from services.shipping.models import Parcel, ParcelContent, Shipment, parcel_serials


def open_parcel(session: Session, shipment: Shipment) -> Parcel:
    """Put all of a shipment into one parcel, which has its tracking number from the start."""
    number = tracking.tracking_number(session.scalars(select(parcel_serials.next_value())).one())
    parcel = Parcel(
        position=len(shipment.parcels) + 1,
        carrier=tracking.CARRIER,
        tracking_number=number,
        tracking_url=tracking.tracking_link(number),
        contents=[ParcelContent(line_id=line.line_id, units=line.units) for line in shipment.lines],
    )
    shipment.parcels.append(parcel)
    return parcel
