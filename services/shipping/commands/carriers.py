"""Carriers of parcels: Waybill's own, which needs no network, and any other by name.

The calls of a carrier are functions here, one each: number_parcel asks for a number, name_carrier takes one
that another carrier gave; the label is made by documents, and what a carrier tells comes by signed calls.
"""

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from services.shipping import queries
from services.shipping.domain import own_tracking
from services.shipping.models import Carrier, Parcel, Shipment, TrackingEvent, parcel_serials
from shared.errors import Invalid, Refused


def number_parcel(session: Session, parcel: Parcel) -> None:
    """Give a parcel to Waybill's own carrier, which assigns its number and link at once."""
    number = own_tracking.tracking_number(session.scalars(select(parcel_serials.next_value())).one())
    parcel.carrier = own_tracking.CARRIER
    parcel.tracking_number = parcel.own_number = number
    parcel.tracking_url = own_tracking.tracking_link(number)


def name_carrier(
    session: Session,
    shipment: Shipment,
    parcel: Parcel,
    *,
    carrier: str,
    tracking_number: str,
    tracking_url: str,
) -> bool:
    """Set the carrier, number and link of a shipment's parcel; returns whether that is new.

    What is missing is made: Waybill's own number, a known carrier's link. Raises Invalid where it can't be,
    or Waybill's own carrier gave the number to no parcel of the order; Refused tracking_number_taken where a
    parcel of another order of the seller, on its way, has it: what the carrier says of one would be told of
    the other. What other sellers entered is neither told nor in the way.
    """
    if carrier == own_tracking.CARRIER:
        tracking_number = tracking_number or parcel.own_number
        given = {one.own_number for of in shipment.order.shipments for one in of.parcels}
        if tracking_number and tracking_number not in given:
            raise Invalid(tracking_number="is not one that this carrier gave to a parcel of the order")
    known = session.get(Carrier, carrier)
    missing = {} if tracking_number else {"tracking_number": "is required with this carrier"}
    if not tracking_url:
        if known is None:
            missing["tracking_url"] = "is required with this carrier"
        else:
            tracking_url = known.link_to(tracking_number)
    if missing:
        raise Invalid(**missing)
    before = (parcel.carrier, parcel.tracking_number)
    if (*before, parcel.tracking_url) == (carrier, tracking_number, tracking_url):
        return False
    if before != (carrier, tracking_number):
        if queries.is_tracked_elsewhere(session, carrier, tracking_number, shipment):
            raise Refused(
                "tracking_number_taken", "a parcel of another order is on its way under this number"
            )
        # What was said of the number that it had before was said of another parcel.
        session.execute(delete(TrackingEvent).where(TrackingEvent.parcel_id == parcel.id))
        session.expire(parcel, ["events"])
        parcel.tracking_status = parcel.tracked_at = None
    parcel.carrier, parcel.tracking_number, parcel.tracking_url = carrier, tracking_number, tracking_url
    return True
