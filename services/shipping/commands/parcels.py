"""Parcels: opened with a tracking number, and never holding more than the shipment."""

from collections import Counter

from sqlalchemy.orm import Session

from services.shipping.commands.carriers import number_parcel
from services.shipping.models import Parcel, ParcelContent, Shipment


def open_parcel(session: Session, shipment: Shipment) -> Parcel:
    """Put a whole shipment into one parcel, which has its tracking number from the start."""
    parcel = new_parcel(session)
    parcel.position = len(shipment.parcels) + 1
    parcel.contents = [ParcelContent(line_id=line.line_id, units=line.units) for line in shipment.lines]
    shipment.parcels.append(parcel)
    return parcel


def fit_contents(shipment: Shipment) -> None:
    """Reduce the contents of a shipment's parcels to what it carries; extra empty parcels are removed."""
    carried = Counter({line.line_id: line.units for line in shipment.lines})
    for parcel in list(shipment.parcels):
        for content in list(parcel.contents):
            content.units = min(content.units, carried[content.line_id])
            carried[content.line_id] -= content.units
            if not content.units:
                parcel.contents.remove(content)
        if not parcel.contents and parcel is not shipment.parcels[0]:
            shipment.parcels.remove(parcel)


def new_parcel(session: Session) -> Parcel:
    """An empty parcel of Waybill's own carrier."""
    parcel = Parcel()
    number_parcel(session, parcel)
    return parcel
