"""What a caller gives when an order is placed or drafted, as the API hands it over."""

from datetime import date
from typing import NotRequired, TypedDict, cast
from uuid import UUID

from services.orders.models import DeliveryGroup
from shared.events.snapshots import Address, Channel, PaymentMethod


class CustomerInput(TypedDict):
    """Whoever orders: known by id, or new."""

    id: NotRequired[UUID]
    name: NotRequired[str]
    email: NotRequired[str]
    phone: NotRequired[str]
    company: NotRequired[str]
    vat_number: NotRequired[str]


class DeliveryInput(TypedDict, total=False):
    """Where lines go, and how, as the columns of a group say; of an order, method and price are there."""

    method: str
    shipping_minor: int
    address: Address | None
    pickup_point: str | None
    requested_on: date | None


class LineInput(TypedDict):
    """What is ordered; at the market's price unless another is named."""

    sku: str
    quantity: int
    delivery_group: NotRequired[int]  # its place among the order's, from 0
    unit_price_minor: NotRequired[int]
    discount_minor: NotRequired[int]
    name: NotRequired[str]
    price_set_by: NotRequired[str | None]  # who named the price, where that is not whoever places the order


class FeeInput(TypedDict):
    """A charge that is no goods."""

    name: str
    amount_minor: int
    tax_class: NotRequired[str]


class DiscountInput(TypedDict):
    """What is taken off the goods as a whole."""

    name: str
    amount_minor: int
    share_basis_points: NotRequired[int | None]  # of the goods, if it was granted as that


class Quoted(TypedDict):
    """What a line's product was called and cost when the line was added."""

    name: str
    price_minor: int | None


class DraftLine(LineInput):
    """A line of a draft."""

    quoted: NotRequired[Quoted]


class DraftContents(TypedDict, total=False):
    """What place_order is to be given of a draft, as far as it is known."""

    customer: CustomerInput
    billing_address: Address
    delivery_groups: list[DeliveryInput]
    lines: list[DraftLine]
    fees: list[FeeInput]
    discounts: list[DiscountInput]
    coupons: list[str]
    payment_method: PaymentMethod
    channel: Channel
    locale: str
    external_reference: str
    remark: str


def delivery_input(group: DeliveryGroup) -> DeliveryInput:
    """Where the lines of a group go, as if it were given."""
    return cast(DeliveryInput, {name: getattr(group, name) for name in DeliveryInput.__annotations__})
