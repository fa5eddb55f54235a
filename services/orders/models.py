"""Tables of the orders service: constraints and relationships, and plain readings of a row; no workflow."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any, Generic, TypeVar
from uuid import UUID

import msgspec
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Dialect,
    Enum,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    MetaData,
    Sequence,
    Text,
    TypeDecorator,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, class_mapper, mapped_column, relationship

from services.orders.domain.channels import Channel
from services.orders.domain.fulfilment import Fulfilment
from services.orders.domain.order_status import OrderFacts, OrderStatus, Refusal, actions
from services.orders.domain.payments import Ledger, PaymentMethod, PaymentState
from services.orders.domain.totals import ChargeKind, TaxMode, TaxRounding
from shared import db
from shared.db import UtcDateTime, new_id
from shared.events.snapshots import Address, Person, TaxRow, Totals
from shared.events.snapshots import Payment as PaymentStanding

T = TypeVar("T")


class Json(TypeDecorator[T], Generic[T]):
    """A value of some type as JSONB; what comes back is that type again."""

    impl = JSONB(none_as_null=True)
    cache_ok = True

    def __init__(self, kind: Any) -> None:
        super().__init__()
        self.kind = kind

    def process_bind_param(self, value: T | None, dialect: Dialect) -> Any:  # noqa: ARG002
        """The value as plain JSON."""
        return None if value is None else msgspec.to_builtins(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> T | None:  # noqa: ARG002
        """The plain JSON as the value."""
        return None if value is None else msgspec.convert(value, self.kind)


def word(kind: type[StrEnum]) -> Enum:
    """A column of an enumeration's words; a new word needs no migration."""
    return Enum(
        kind, native_enum=False, length=32, values_callable=lambda words: [one.value for one in words]
    )


_WORDS: dict[Any, Any] = {
    kind: word(kind)
    for kind in (
        *(Channel, ChargeKind, Fulfilment, OrderStatus),
        *(PaymentMethod, PaymentState, TaxMode, TaxRounding),
    )
}


class Base(DeclarativeBase):
    """Whatever is mapped here."""

    metadata = MetaData(naming_convention=db.metadata.naming_convention)
    type_annotation_map = {  # noqa: RUF012 - as SQLAlchemy declares it
        str: Text,
        int: BigInteger,
        datetime: UtcDateTime,
        Address: Json(Address),
        dict[str, Any]: Json(dict[str, Any]),
        dict[str, str]: Json(dict[str, str]),
        dict[str, int]: Json(dict[str, int]),
        dict[str, dict[str, str]]: Json(dict[str, dict[str, str]]),
        list[str]: Json(list[str]),
        list[PaymentMethod]: Json(list[PaymentMethod]),
        tuple[TaxRow, ...]: Json(tuple[TaxRow, ...]),
        **_WORDS,
    }


# Gaps are allowed here; only papers are numbered without.
order_numbers = Sequence("order_numbers", start=100_001, metadata=Base.metadata)


def as_loaded(model: type[T], **columns: Any) -> T:
    """A row as if it had come from the database, for one that goes there without the unit of work."""
    row: T = class_mapper(model).class_manager.new_instance()
    row.__dict__.update(columns)
    return row


class Market(Base):
    """Where and how orders are sold: currency, language, tax, methods, promises."""

    __tablename__ = "markets"

    code: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    currency: Mapped[str]
    locale: Mapped[str]
    time_zone: Mapped[str]
    tax_mode: Mapped[TaxMode]
    tax_rounding: Mapped[TaxRounding]
    tax_rates: Mapped[dict[str, int]]  # basis points by tax class
    payment_methods: Mapped[list[PaymentMethod]]
    shipping_methods: Mapped[dict[str, dict[str, str]]]  # the method's name by locale, by its code
    backorders: Mapped[bool]  # whether what is not in stock may be promised
    invoice_on: Mapped[str]


class Seller(Base):
    """Whoever sells, ships and sends the invoice."""

    __tablename__ = "sellers"

    code: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    legal_name: Mapped[str]
    email: Mapped[str]
    phone: Mapped[str]
    address: Mapped[Address]
    vat_number: Mapped[str]
    registration: Mapped[str]
    website: Mapped[str]
    iban: Mapped[str]
    colour: Mapped[str]
    legal_text: Mapped[dict[str, str]]  # by locale


class Customer(Base):
    """A person or company as one seller knows it; orders keep their own copy of what they need."""

    __tablename__ = "customers"
    __table_args__ = (Index(None, "seller_code", "id"), Index(None, "seller_code", "email"))

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    seller_code: Mapped[str] = mapped_column(ForeignKey("sellers.code"))
    name: Mapped[str]
    email: Mapped[str]
    phone: Mapped[str]
    company: Mapped[str]
    vat_number: Mapped[str]
    created_at: Mapped[datetime]

    addresses: Mapped[list["CustomerAddress"]] = relationship(
        cascade="all, delete-orphan", order_by="CustomerAddress.position"
    )


class CustomerAddress(Base):
    """An entry of a customer's address book."""

    __tablename__ = "customer_addresses"

    customer_id: Mapped[UUID] = mapped_column(ForeignKey("customers.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    address: Mapped[Address]


class Product(Base):
    """What a seller sells."""

    __tablename__ = "products"

    seller_code: Mapped[str] = mapped_column(ForeignKey("sellers.code"), primary_key=True)
    sku: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    description: Mapped[str]
    page_url: Mapped[str]
    tax_class: Mapped[str]
    sales_coefficient: Mapped[int]  # stock-keeping units in one sales unit
    active: Mapped[bool]

    prices: Mapped[list["ProductPrice"]] = relationship(
        cascade="all, delete-orphan", order_by="ProductPrice.market_code"
    )


class ProductPrice(Base):
    """What a sales unit costs in a market, as its tax mode counts."""

    __tablename__ = "product_prices"
    __table_args__ = (
        ForeignKeyConstraint(["seller_code", "sku"], ["products.seller_code", "products.sku"]),
        CheckConstraint("price_minor >= 0", name="price_not_negative"),
    )

    seller_code: Mapped[str] = mapped_column(primary_key=True)
    sku: Mapped[str] = mapped_column(primary_key=True)
    market_code: Mapped[str] = mapped_column(ForeignKey("markets.code"), primary_key=True)
    price_minor: Mapped[int]


class Order(Base):
    """What a customer asked for, and all that was promised, paid and sent since."""

    __tablename__ = "orders"
    __table_args__ = (
        CheckConstraint(
            "total_minor = lines_minor + fees_minor + shipping_minor - discounts_minor + tax_added_minor",
            name="total_adds_up",
        ),
        CheckConstraint("total_minor >= 0", name="total_not_negative"),
        CheckConstraint("cancelled_minor between 0 and total_minor", name="cancelled_within_total"),
        CheckConstraint("refunded_minor between 0 and received_minor", name="refunded_within_received"),
        Index("ix_orders_newest", text("placed_at desc"), text("id desc")),
        Index("ix_orders_seller_newest", "seller_code", text("placed_at desc"), text("id desc")),
        Index(
            "uq_orders_external_reference",
            "seller_code",
            "external_reference",
            unique=True,
            postgresql_where=text("external_reference is not null"),
        ),
        Index(None, "customer_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    number: Mapped[str] = mapped_column(unique=True)
    version: Mapped[int]  # one more with each change that is told
    status: Mapped[OrderStatus]
    fulfilment: Mapped[Fulfilment]
    awaiting: Mapped[list[str] | None]  # shipments that lack stock; null until shipping was heard
    seller_code: Mapped[str] = mapped_column(ForeignKey("sellers.code"))
    market_code: Mapped[str] = mapped_column(ForeignKey("markets.code"))
    channel: Mapped[Channel]
    locale: Mapped[str]
    currency: Mapped[str]
    external_reference: Mapped[str | None]

    customer_id: Mapped[UUID] = mapped_column(ForeignKey("customers.id"))
    customer_name: Mapped[str]
    customer_email: Mapped[str]
    customer_phone: Mapped[str]
    customer_company: Mapped[str]
    customer_vat_number: Mapped[str]
    billing_address: Mapped[Address]

    lines_minor: Mapped[int]
    fees_minor: Mapped[int]
    shipping_minor: Mapped[int]
    discounts_minor: Mapped[int]
    tax_added_minor: Mapped[int]
    total_minor: Mapped[int]
    tax: Mapped[tuple[TaxRow, ...]]

    payment_method: Mapped[PaymentMethod]
    cancelled_minor: Mapped[int]  # what of the total is no longer wanted
    received_minor: Mapped[int]  # these four are restated from the ledger by one function
    refunded_minor: Mapped[int]
    payment_state: Mapped[PaymentState]
    covered_at: Mapped[datetime | None]

    placed_at: Mapped[datetime]
    accepted_at: Mapped[datetime | None]
    cancelled_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]

    seller: Mapped[Seller] = relationship(lazy="joined", innerjoin=True)
    market: Mapped[Market] = relationship(lazy="joined", innerjoin=True)
    delivery_groups: Mapped[list["DeliveryGroup"]] = relationship(order_by="DeliveryGroup.position")
    lines: Mapped[list["OrderLine"]] = relationship(order_by="OrderLine.position")
    fees: Mapped[list["OrderFee"]] = relationship(order_by="OrderFee.position")
    holds: Mapped[list["Hold"]] = relationship(order_by="Hold.held_at")
    refunds: Mapped[list["Refund"]] = relationship(order_by="Refund.requested_at")
    cancellations: Mapped[list["Cancellation"]] = relationship(order_by="Cancellation.requested_at")

    @property
    def customer(self) -> Person:
        """The customer as the order was placed with; later changes to the customer leave it alone."""
        return Person(
            name=self.customer_name,
            email=self.customer_email,
            phone=self.customer_phone,
            company=self.customer_company,
            vat_number=self.customer_vat_number,
        )

    @property
    def totals(self) -> Totals:
        """What it costs."""
        return Totals(
            lines_minor=self.lines_minor,
            fees_minor=self.fees_minor,
            shipping_minor=self.shipping_minor,
            discounts_minor=self.discounts_minor,
            tax_added_minor=self.tax_added_minor,
            total_minor=self.total_minor,
            tax=self.tax,
        )

    @property
    def ledger(self) -> Ledger:
        """The sums of its money."""
        return Ledger(
            total_minor=self.total_minor,
            cancelled_minor=self.cancelled_minor,
            received_minor=self.received_minor,
            refunded_minor=self.refunded_minor,
        )

    @property
    def payment(self) -> PaymentStanding:
        """What the ledger means."""
        ledger = self.ledger
        return PaymentStanding(
            method=self.payment_method,
            state=self.payment_state,
            owed_minor=ledger.owed_minor,
            received_minor=ledger.received_minor,
            refunded_minor=ledger.refunded_minor,
            covered=ledger.covered,
            covered_at=self.covered_at,
        )

    @property
    def cancellation(self) -> "Cancellation | None":
        """The last try to cancel it."""
        return self.cancellations[-1] if self.cancellations else None

    @property
    def wanted_units(self) -> int:
        """Sales units the customer still wants."""
        return sum(line.quantity - line.cancelled_quantity for line in self.lines)

    @property
    def facts(self) -> OrderFacts:
        """What the rules of its life look at."""
        return OrderFacts(
            status=self.status,
            payment_method=self.payment_method,
            covered=self.ledger.covered,
            holds=tuple(hold.reason for hold in self.holds if hold.released_at is None),
            backorders=self.market.backorders,
            awaiting=None if self.awaiting is None else tuple(self.awaiting),
            goods_left=self.fulfilment.goods_left,
        )

    @property
    def actions(self) -> dict[str, Refusal | None]:
        """What is possible now (None), and what stands against everything else."""
        return actions(self.facts)


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
    address: Mapped[Address | None]
    pickup_point: Mapped[str | None]
    requested_on: Mapped[date | None]


class OrderLine(Base):
    """Some units of one SKU at one price, as they were when the order was placed."""

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
    sales_coefficient: Mapped[int]
    cancelled_quantity: Mapped[int]
    returned_quantity: Mapped[int]


class OrderFee(Base):
    """A charge or discount that is no goods; shipping is one, with its delivery group."""

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


class Hold(Base):
    """Why an order stands still, until someone lets it go."""

    __tablename__ = "holds"
    __table_args__ = (Index(None, "order_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    order_id: Mapped[UUID] = mapped_column(ForeignKey("orders.id"))
    reason: Mapped[str]
    owner: Mapped[str]
    held_at: Mapped[datetime]
    released_by: Mapped[str | None]
    released_at: Mapped[datetime | None]


class Payment(Base):
    """Money received; rows are never changed."""

    __tablename__ = "payments"
    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        Index(None, "order_id", "recorded_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    order_id: Mapped[UUID] = mapped_column(ForeignKey("orders.id"))
    method: Mapped[PaymentMethod]
    amount_minor: Mapped[int]
    reference: Mapped[str]
    document_id: Mapped[UUID | None]  # the supporting document, in the documents service
    webhook_id: Mapped[str | None] = mapped_column(unique=True)  # the gateway's own id of its call
    recorded_by: Mapped[str]
    recorded_at: Mapped[datetime]


class Refund(Base):
    """Money that goes back to the customer: requested, then settled."""

    __tablename__ = "refunds"
    __table_args__ = (CheckConstraint("amount_minor > 0", name="amount_positive"), Index(None, "order_id"))

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    order_id: Mapped[UUID] = mapped_column(ForeignKey("orders.id"))
    amount_minor: Mapped[int]
    reason: Mapped[str]
    state: Mapped[str]
    requested_by: Mapped[str]
    requested_at: Mapped[datetime]
    reference: Mapped[str]
    settled_by: Mapped[str | None]
    settled_at: Mapped[datetime | None]


class Cancellation(Base):
    """One try to cancel an order, and how it was answered."""

    __tablename__ = "cancellations"
    __table_args__ = (Index(None, "order_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    order_id: Mapped[UUID] = mapped_column(ForeignKey("orders.id"))
    reason: Mapped[str]
    requested_by: Mapped[str]
    requested_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]
    done: Mapped[bool | None]  # null while shipping is asked
    refusal: Mapped[str]  # why not


class HistoryEntry(Base):
    """One change of an order: who, what, when, and what it made of what."""

    __tablename__ = "order_history"
    __table_args__ = (Index(None, "order_id", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    order_id: Mapped[UUID] = mapped_column(ForeignKey("orders.id"))
    version: Mapped[int]  # of the order after the change
    at: Mapped[datetime]
    actor: Mapped[str]
    action: Mapped[str]
    before: Mapped[dict[str, Any]]
    after: Mapped[dict[str, Any]]
    detail: Mapped[dict[str, Any]]
