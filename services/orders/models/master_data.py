"""Markets, sellers, their customers and what they sell."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Text,
    UniqueConstraint,
    literal_column,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from services.orders.domain.taxation import ChargesTaxed, TaxTable
from services.orders.domain.verification import Check
from services.orders.models.mapping import Base
from shared.db import new_id
from shared.events.snapshots import (
    Address,
    InvoiceOn,
    InvoicePer,
    NumbersPer,
    PaymentMethod,
    TaxMode,
    TaxRounding,
)


class Market(Base):
    """A market: its currency, language, taxes, methods and rules."""

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
    invoice_on: Mapped[InvoiceOn]
    pay_within_seconds: Mapped[int | None]  # how long a prepaid order may stay unpaid; null: for ever
    accept_within_seconds: Mapped[int | None]  # how long an order that can be accepted is waited for
    verifies: Mapped[list[Check]] = mapped_column(default=[*Check])  # what else than held an order needs
    abandon_drafts_after_days: Mapped[int] = mapped_column(default=30)
    return_days: Mapped[int]  # how long after delivery customers may ask to send goods back
    return_expiry_days: Mapped[int]  # how long approved goods are waited for
    exchange_after_return: Mapped[bool]  # whether what is sent in exchange waits for the goods
    invoice_per: Mapped[InvoicePer] = mapped_column(default=InvoicePer.ORDER)
    numbers_per: Mapped[NumbersPer] = mapped_column(default=NumbersPer.YEAR)
    charges_taxed: Mapped[ChargesTaxed] = mapped_column(default=ChargesTaxed.STANDARD)
    # What sales are taxed by, if not by the rates above; long, and no order that was placed asks for it.
    tax_table: Mapped[TaxTable | None] = mapped_column(deferred=True)
    version: Mapped[int] = mapped_column(BigInteger, default=1)  # grows with each change


class Seller(Base):
    """A seller: sells, ships and sends the invoice."""

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
    version: Mapped[int] = mapped_column(BigInteger, default=1)  # grows with each change


_PHONE_DIGITS = "regexp_replace(phone, '[^0-9]', '', 'g')"
# The digits of a customer's telephone, as it is looked up; the index has the same expression.
PHONE_DIGITS_OF_CUSTOMER = literal_column(_PHONE_DIGITS.replace("phone", "customers.phone"), Text)


class Customer(Base):
    """A person or company as one seller knows it; orders keep their own copy of what they need."""

    __tablename__ = "customers"
    __table_args__ = (
        Index(None, "seller_code", "id"),
        Index(None, "seller_code", "email"),
        Index(
            "ix_customers_search",
            *("name_folded", "email"),
            postgresql_using="gin",
            postgresql_ops={"name_folded": "gin_trgm_ops", "email": "gin_trgm_ops"},
        ),
        Index(
            "ix_customers_phone",
            literal_column(_PHONE_DIGITS).label("digits"),
            postgresql_using="gin",
            postgresql_ops={"digits": "gin_trgm_ops"},
        ),
        Index("ix_customers_markets", "markets", postgresql_using="gin"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    seller_code: Mapped[str] = mapped_column(ForeignKey("sellers.code"))
    name: Mapped[str]
    name_folded: Mapped[str | None]  # searchable; null until commands.folding was there
    email: Mapped[str]
    phone: Mapped[str]
    company: Mapped[str]
    vat_number: Mapped[str]
    markets: Mapped[list[str]]  # where they bought, or were entered for: whoever sees one of them sees them
    created_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(
        BigInteger, default=1
    )  # grows with each change, of the address book too
    erased_at: Mapped[datetime | None]  # then nothing of the person is here any more
    erased_by: Mapped[str | None]

    addresses: Mapped[list["CustomerAddress"]] = relationship(
        cascade="all, delete-orphan", order_by="CustomerAddress.position"
    )


class CustomerAddress(Base):
    """An entry in a customer's address book."""

    __tablename__ = "customer_addresses"
    __table_args__ = (UniqueConstraint("customer_id", "position"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    customer_id: Mapped[UUID] = mapped_column(ForeignKey("customers.id"))
    position: Mapped[int]  # the lowest is the default's
    address: Mapped[Address]


class Product(Base):
    """What a seller sells."""

    __tablename__ = "products"
    __table_args__ = (
        Index(
            "ix_products_search",
            "text_folded",
            postgresql_using="gin",
            postgresql_ops={"text_folded": "gin_trgm_ops"},
        ),
    )

    seller_code: Mapped[str] = mapped_column(ForeignKey("sellers.code"), primary_key=True)
    sku: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    description: Mapped[str]
    text_folded: Mapped[str | None]  # name and description, searchable; null until commands.folding was there
    page_url: Mapped[str]
    tax_class: Mapped[str]
    sales_coefficient: Mapped[int]  # stock-keeping units in one sales unit
    active: Mapped[bool]
    version: Mapped[int] = mapped_column(BigInteger, default=1)  # grows with each change

    prices: Mapped[list["ProductPrice"]] = relationship(
        cascade="all, delete-orphan", order_by="ProductPrice.market_code"
    )


class ProductPrice(Base):
    """The price of a sales unit in a market, gross or net as in its tax mode."""

    __tablename__ = "product_prices"
    __table_args__ = (
        ForeignKeyConstraint(["seller_code", "sku"], ["products.seller_code", "products.sku"]),
        CheckConstraint("price_minor >= 0", name="price_not_negative"),
    )

    seller_code: Mapped[str] = mapped_column(primary_key=True)
    sku: Mapped[str] = mapped_column(primary_key=True)
    market_code: Mapped[str] = mapped_column(ForeignKey("markets.code"), primary_key=True)
    price_minor: Mapped[int]


class Coupon(Base):
    """What a code takes off in one market: a percentage or an amount off the goods, shipping, or both."""

    __tablename__ = "coupons"
    __table_args__ = (
        CheckConstraint(
            "num_nonnulls(percentage_basis_points, amount_minor) = 1"
            " or (num_nonnulls(percentage_basis_points, amount_minor) = 0 and free_shipping)",
            name="grants_something",
        ),
    )

    seller_code: Mapped[str] = mapped_column(ForeignKey("sellers.code"), primary_key=True)
    market_code: Mapped[str] = mapped_column(ForeignKey("markets.code"), primary_key=True)
    code: Mapped[str] = mapped_column(primary_key=True)  # in capitals
    name: Mapped[str]
    percentage_basis_points: Mapped[int | None]
    amount_minor: Mapped[int | None]
    free_shipping: Mapped[bool]
    valid_from: Mapped[datetime | None]
    valid_until: Mapped[datetime | None]  # the first instant at which it is not valid any more
    minimum_minor: Mapped[int | None]  # of goods, before discounts on the order
    most_uses: Mapped[int | None]  # by all customers together
    most_uses_per_customer: Mapped[int | None]
    active: Mapped[bool]
    version: Mapped[int] = mapped_column(BigInteger, default=1)  # grows with each change


class CouponUse(Base):
    """A record that an order used a coupon; deleted if the order comes to nothing."""

    __tablename__ = "coupon_uses"
    __table_args__ = (
        ForeignKeyConstraint(
            ["seller_code", "market_code", "code"],
            ["coupons.seller_code", "coupons.market_code", "coupons.code"],
        ),
        Index(None, "order_id"),
        *(
            Index(f"ix_coupon_uses_{who}", "seller_code", "market_code", "code", who, "order_id")
            for who in ("customer_id", "email")
        ),
    )

    seller_code: Mapped[str] = mapped_column(primary_key=True)
    market_code: Mapped[str] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(primary_key=True)
    order_id: Mapped[UUID] = mapped_column(ForeignKey("orders.id"), primary_key=True)
    customer_id: Mapped[UUID]  # the customer's of the order
    email: Mapped[str]  # as search_words.word_of keeps it; empty once the person is erased
