"""Tables of the shipping service: constraints and relationships; no workflow, no HTTP."""

from services.shipping.models.mapping import Base
from services.shipping.models.parcels import Parcel, parcel_serials
from services.shipping.models.shipments import OrderState, Shipment, ShipmentLine
from services.shipping.models.stock import Location, StockLevel, StockMovement

__all__ = [
    "Base",
    "Location",
    "OrderState",
    "Parcel",
    "Shipment",
    "ShipmentLine",
    "StockLevel",
    "StockMovement",
    "parcel_serials",
]
