"""Selects for lists, pages and checks; they change nothing."""

from services.shipping.queries.shipments import (
    order_state,
    shipment,
    shipments_page,
)
from services.shipping.queries.stock import (
    is_waited_for,
    location,
    locations_page,
    locations_serving,
    next_to_serve,
    stock_drift,
    stock_level,
    stock_page,
)

__all__ = [
    "is_waited_for",
    "location",
    "locations_page",
    "locations_serving",
    "next_to_serve",
    "order_state",
    "shipment",
    "shipments_page",
    "stock_drift",
    "stock_level",
    "stock_page",
]
