"""What a caller wants when an order is placed, as the API hands it over."""

from datetime import date
from typing import NotRequired, TypedDict
from uuid import UUID

from shared.events.snapshots import Address


class OrderingCustomer(TypedDict):
    """Whoever orders: known by id, or new."""

    id: NotRequired[UUID]
    name: NotRequired[str]
    email: NotRequired[str]
    phone: NotRequired[str]
    company: NotRequired[str]
    vat_number: NotRequired[str]


class WantedDelivery(TypedDict):
    """Where lines go, and how."""

    method: str
    shipping_minor: int
    address: NotRequired[Address | None]
    pickup_point: NotRequired[str | None]
    requested_on: NotRequired[date | None]


class WantedLine(TypedDict):
    """What is ordered; at the market's price unless another is named."""

    sku: str
    quantity: int
    delivery_group: NotRequired[int]  # its place among the order's, from 0
    unit_price_minor: NotRequired[int]
    discount_minor: NotRequired[int]
    name: NotRequired[str]


class AddedFee(TypedDict):
    """A charge that is no goods."""

    name: str
    amount_minor: int
    tax_class: NotRequired[str]


class GrantedDiscount(TypedDict):
    """What is taken off the goods as a whole."""

    name: str
    amount_minor: int
