"""Selects for lists, pages and checks; they change nothing."""

from services.shipping.queries.goods import (
    appointments_page,
    carrier,
    carriers_page,
    courier,
    couriers_page,
    deliveries_page,
    expected_return,
    is_tracked_elsewhere,
    returns_of_order,
    returns_page,
    tracked_parcel,
)
from services.shipping.queries.queues import overdue_page, queue_page
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
    "appointments_page",
    "carrier",
    "carriers_page",
    "courier",
    "couriers_page",
    "deliveries_page",
    "expected_return",
    "is_tracked_elsewhere",
    "is_waited_for",
    "location",
    "locations_page",
    "locations_serving",
    "next_to_serve",
    "order_state",
    "overdue_page",
    "queue_page",
    "returns_of_order",
    "returns_page",
    "shipment",
    "shipments_page",
    "stock_drift",
    "stock_level",
    "stock_page",
    "tracked_parcel",
]
