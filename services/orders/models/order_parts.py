"""The parts of an order, its holds and its cancellations."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from services.orders.models.mapping import Base
from shared.db import new_id
from shared.events.snapshots import Address, CancelledLine, ChargeKind, RefundPart, TaxTreatment


class DeliveryGroup(Base):
    """Lines of an order that go to one place by one method."""

    __tablename__ = "delivery_groups"
    __table_args__ = (Index(None, "order_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    order_id: Mapped[UUID] = mapped_column(ForeignKey("orders.id"))
    position: Mapped[int]
    method: Mapped[str]
    method_name: Mapped[str]  # in the order's language
    shipping_minor: Mapped[int]
    waived_minor: Mapped[int]  # what of that a coupon takes off: it is never charged
    address: Mapped[Address | None]
    pickup_point: Mapped[str | None]
    requested_on: Mapped[date | None]


class OrderLine(Base):
    """A quantity of one SKU at one price, as it was when the order was placed."""

    __tablename__ = "order_lines"
    __table_args__ = (
        CheckConstraint("total_minor = quantity * unit_price_minor - discount_minor", name="total_adds_up"),
        CheckConstraint("quantity > 0", name="quantity_positive"),
        CheckConstraint("cancelled_quantity + returned_quantity <= quantity", name="no_more_than_ordered"),
        Index(None, "order_id"),
        Index(None, "sku"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    order_id: Mapped[UUID] = mapped_column(ForeignKey("orders.id"))
    position: Mapped[int]
    group_id: Mapped[UUID] = mapped_column(ForeignKey("delivery_groups.id"))
    sku: Mapped[str]
    name: Mapped[str]
    quantity: Mapped[int]
    unit_price_minor: Mapped[int]
    list_price_minor: Mapped[int | None]  # the market's price at the time
    price_set_by: Mapped[str | None]  # who named another price than that
    discount_minor: Mapped[int]
    total_minor: Mapped[int]
    tax_class: Mapped[str]
    tax_rate_basis_points: Mapped[int]
    tax_minor: Mapped[int]
    tax_treatment: Mapped[TaxTreatment | None]  # null where the market's rates are all there is to know
    tax_place: Mapped[str | None]  # whose tax it is
    # Its share of the order's discounts, and the tax in that; null on lines of before these were kept.
    order_discount_minor: Mapped[int | None]
    order_discount_tax_minor: Mapped[int | None]
    sales_coefficient: Mapped[int]
    cancelled_quantity: Mapped[int]
    returned_quantity: Mapped[int]


class OrderFee(Base):
    """A charge or discount that is not a line; shipping is one, with its delivery group."""

    __tablename__ = "order_fees"
    __table_args__ = (Index(None, "order_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    order_id: Mapped[UUID] = mapped_column(ForeignKey("orders.id"))
    position: Mapped[int]
    kind: Mapped[ChargeKind]
    name: Mapped[str]
    amount_minor: Mapped[int]
    tax_rate_basis_points: Mapped[int]
    tax_minor: Mapped[int]
    group_id: Mapped[UUID | None] = mapped_column(ForeignKey("delivery_groups.id"))
    tax_class: Mapped[str | None]  # empty: as its goods are taxed; null of discounts, and on rows of before
    share_basis_points: Mapped[int | None]  # of the goods, which a discount follows; None for an amount


class Hold(Base):
    """A hold on an order, until someone lifts it."""

    __tablename__ = "holds"
    __table_args__ = (Index(None, "order_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    order_id: Mapped[UUID] = mapped_column(ForeignKey("orders.id"))
    reason: Mapped[str]
    owner: Mapped[str]
    held_at: Mapped[datetime]
    released_by: Mapped[str | None]
    released_at: Mapped[datetime | None]


class Cancellation(Base):
    """An attempt to cancel an order or part of it, and its outcome."""

    __tablename__ = "cancellations"
    __table_args__ = (Index(None, "order_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    order_id: Mapped[UUID] = mapped_column(ForeignKey("orders.id"))
    reason: Mapped[str]
    lines: Mapped[tuple[CancelledLine, ...]]  # units to be cancelled; none: the order as a whole
    requested_by: Mapped[str]
    requested_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]
    done: Mapped[bool | None]  # null while shipping is asked
    refusal: Mapped[str]  # why not
    parts: Mapped[tuple[RefundPart, ...]]  # what it took off the bill; none of the order as a whole
