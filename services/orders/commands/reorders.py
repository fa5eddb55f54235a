"""Ordering again what was ordered before. The caller owns the transaction; commands never commit."""

from uuid import UUID

from sqlalchemy.orm import Session

from services.orders import queries
from services.orders.commands.customers import refuse_erased
from services.orders.commands.drafts import add_draft
from services.orders.commands.quotes import Quote
from services.orders.commands.wanted import DraftContents, DraftDelivery, DraftLine
from services.orders.models import DeliveryGroup, Order, OrderLine


def reorder(session: Session, order_id: UUID) -> Quote:
    """A new draft with an order's customer, addresses, methods, lines and coupons.

    Everything is priced anew: what is gone, what costs another price and which coupon grants nothing any
    more is named among the draft's notices, line by line. Prices, fees and discounts given by hand are not
    repeated. Raises NotFound, or Refused (person_erased).
    """
    order = queries.order(session, order_id)
    refuse_erased(session, order.customer_id)
    return add_draft(session, order.seller_code, order.market_code, _contents(order), reorder_of=order.id)


def _contents(order: Order) -> DraftContents:
    places = {group.id: place for place, group in enumerate(order.delivery_groups)}
    contents: DraftContents = {
        "customer": {"id": order.customer_id},
        "billing_address": order.billing_address,
        "delivery_groups": [_delivery(group) for group in order.delivery_groups],
        "lines": [_line(line, places[line.group_id]) for line in order.lines],
        "coupons": order.coupons,
        "channel": order.channel,
        "locale": order.locale,
    }
    if order.payment_method in order.market.payment_methods:
        contents["payment_method"] = order.payment_method
    return contents


def _delivery(group: DeliveryGroup) -> DraftDelivery:
    delivery: DraftDelivery = {"method": group.method, "shipping_minor": group.shipping_minor}
    if group.address is not None:
        delivery["address"] = group.address
    if group.pickup_point is not None:
        delivery["pickup_point"] = group.pickup_point
    return delivery


def _line(line: OrderLine, place: int) -> DraftLine:
    return {
        "sku": line.sku,
        "quantity": line.quantity,
        "delivery_group": place,
        "quoted": {"name": line.name, "price_minor": line.unit_price_minor},
    }
