"""The contents of an order or a draft: customer, deliveries, lines, fees and discounts, as they are given."""

from collections.abc import Sequence
from datetime import date
from typing import NotRequired, TypedDict, cast
from uuid import UUID

from services.orders.models import DeliveryGroup
from shared.events.snapshots import Address, Channel, PaymentMethod


class CustomerInput(TypedDict):
    """The customer: a known one's id, or a new one's details."""

    id: NotRequired[UUID]
    name: NotRequired[str]
    email: NotRequired[str]
    phone: NotRequired[str]
    company: NotRequired[str]
    vat_number: NotRequired[str]


class DeliveryInput(TypedDict, total=False):
    """Where lines go, and how, named as a group's columns are; an order always has method and price."""

    method: str
    shipping_minor: int
    address: Address | None
    pickup_point: str | None
    requested_on: date | None


class Quoted(TypedDict):
    """The name and price of a line's product when the line was added to a draft."""

    name: str
    price_minor: int | None


class LineInput(TypedDict):
    """A line to order; at the market's price unless another is given."""

    sku: str
    quantity: int
    delivery_group: NotRequired[int]  # its place among the order's, from 0
    unit_price_minor: NotRequired[int]
    discount_minor: NotRequired[int]
    name: NotRequired[str]
    price_set_by: NotRequired[str | None]  # who named the price, where that is not whoever places the order
    quoted: NotRequired[Quoted]  # of a line of a draft


class FeeInput(TypedDict):
    """A charge for something other than goods."""

    name: str
    amount_minor: int
    tax_class: NotRequired[str]


class DiscountInput(TypedDict):
    """A discount on the goods as a whole."""

    name: str
    amount_minor: int
    share_basis_points: NotRequired[int | None]  # of the goods, if it was granted as that


class OrderContents(TypedDict, total=False):
    """What an order is made of; of a draft as far as it is known.

    An order to place has a customer, delivery groups, lines and a payment method.
    """

    customer: CustomerInput
    billing_address: Address
    delivery_groups: Sequence[DeliveryInput]
    lines: Sequence[LineInput]
    fees: Sequence[FeeInput]
    discounts: Sequence[DiscountInput]
    coupons: Sequence[str]
    payment_method: PaymentMethod
    channel: Channel
    locale: str
    external_reference: str
    remark: str


def delivery_input(group: DeliveryGroup) -> DeliveryInput:
    """A delivery group as input, as if it had just been entered."""
    return cast(DeliveryInput, {name: getattr(group, name) for name in DeliveryInput.__annotations__})
