"""Tables of the shipping service: constraints and relationships; no workflow, no HTTP."""

from services.shipping.models.carriers import Carrier, Courier, TrackingEvent
from services.shipping.models.goods import Goods
from services.shipping.models.handovers import Appointment, Pickup, SignOff
from services.shipping.models.locations import Location
from services.shipping.models.mapping import Base
from services.shipping.models.parcels import Parcel, ParcelContent, parcel_serials
from services.shipping.models.pick_lists import PickList, PickListLine, pick_list_serials
from services.shipping.models.returns import ExpectedLine, ExpectedReturn, Finding
from services.shipping.models.shipments import OrderState, Shipment, ShipmentLine, UnassignedLine
from services.shipping.models.stock import StockLevel, StockMovement

__all__ = [
    "Appointment",
    "Base",
    "Carrier",
    "Courier",
    "ExpectedLine",
    "ExpectedReturn",
    "Finding",
    "Goods",
    "Location",
    "OrderState",
    "Parcel",
    "ParcelContent",
    "PickList",
    "PickListLine",
    "Pickup",
    "Shipment",
    "ShipmentLine",
    "SignOff",
    "StockLevel",
    "StockMovement",
    "TrackingEvent",
    "UnassignedLine",
    "parcel_serials",
    "pick_list_serials",
]
