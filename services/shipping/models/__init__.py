"""Tables of the shipping service: constraints and relationships; no workflow, no HTTP."""

from services.shipping.models.goods import Goods
from services.shipping.models.mapping import Base
from services.shipping.models.parcels import Parcel, ParcelContent, parcel_serials
from services.shipping.models.pick_lists import PickList, PickListLine, pick_list_serials
from services.shipping.models.shipments import OrderState, Shipment, ShipmentLine, UnassignedLine
from services.shipping.models.stock import Location, StockLevel, StockMovement

__all__ = [
    "Base",
    "Goods",
    "Location",
    "OrderState",
    "Parcel",
    "ParcelContent",
    "PickList",
    "PickListLine",
    "Shipment",
    "ShipmentLine",
    "StockLevel",
    "StockMovement",
    "UnassignedLine",
    "parcel_serials",
    "pick_list_serials",
]
