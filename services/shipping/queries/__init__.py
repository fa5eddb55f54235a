"""Selects for lists, pages and checks; they change nothing."""

from services.shipping.queries.availability import goods_of_seller, movements_page, reservations_page, sources
from services.shipping.queries.carriers import (
    appointments_page,
    carrier,
    carriers_page,
    courier,
    couriers_page,
    deliveries_page,
    is_tracked_elsewhere,
    tracked_parcel,
)
from services.shipping.queries.picking import bins, open_pick_lines, pick_list, pick_lists_page, to_find
from services.shipping.queries.queues import overdue_page, queue_page
from services.shipping.queries.returns import expected_return, returns_of_order, returns_page
from services.shipping.queries.shipments import (
    order_of,
    order_state,
    orders_of,
    released_at,
    shipment,
    shipments,
    shipments_page,
)
from services.shipping.queries.stock import (
    is_waited_for,
    location,
    locations_for,
    locations_page,
    next_to_serve,
    skus_to_tell,
    skus_waited_for_at,
    stock_drift,
    stock_level,
    stock_page,
)

__all__ = [
    "appointments_page",
    "bins",
    "carrier",
    "carriers_page",
    "courier",
    "couriers_page",
    "deliveries_page",
    "expected_return",
    "goods_of_seller",
    "is_tracked_elsewhere",
    "is_waited_for",
    "location",
    "locations_for",
    "locations_page",
    "movements_page",
    "next_to_serve",
    "open_pick_lines",
    "order_of",
    "order_state",
    "orders_of",
    "overdue_page",
    "pick_list",
    "pick_lists_page",
    "queue_page",
    "released_at",
    "reservations_page",
    "returns_of_order",
    "returns_page",
    "shipment",
    "shipments",
    "shipments_page",
    "skus_to_tell",
    "skus_waited_for_at",
    "sources",
    "stock_drift",
    "stock_level",
    "stock_page",
    "to_find",
    "tracked_parcel",
]
