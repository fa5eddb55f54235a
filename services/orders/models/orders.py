"""Orders, and simple derived values; no workflow."""

from collections import Counter
from dataclasses import fields
from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Sequence, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from services.orders.domain.credits import Bill, Charged, bear_discounts
from services.orders.domain.fulfilment import Fulfilment, Goods, Stage, units_at, units_gone
from services.orders.domain.order_status import OrderFacts, actions
from services.orders.domain.payments import Balance
from services.orders.domain.return_status import ENDED
from services.orders.domain.shown_statuses import CsrStatus, Lifecycle, TimelineStep
from services.orders.domain.taxation import ChargesTaxed, Taxation
from services.orders.domain.verification import Check
from services.orders.models.mapping import Base
from services.orders.models.master_data import Market, Seller
from services.orders.models.order_parts import Cancellation, DeliveryGroup, Hold, OrderFee, OrderLine
from services.orders.models.refunds import Refund
from services.orders.models.returns import Return
from shared.db import new_id
from shared.events.from_rows import made_of
from shared.events.snapshots import (
    Address,
    Channel,
    ChargeKind,
    OrderStatus,
    PaymentMethod,
    PaymentState,
    Person,
    RefundPart,
    RefundState,
    TaxMode,
    TaxRow,
    Totals,
)
from shared.events.snapshots import Payment as PaymentStanding
from shared.state_machine import Refusal

# Gaps are allowed here; only papers are numbered without.
order_numbers = Sequence("order_numbers", start=100_001, metadata=Base.metadata)

# The customer's columns, by what they are called of a person.
CUSTOMER_COLUMNS = {part.name: f"customer_{part.name}" for part in fields(Person)}

_customer = made_of(Person, **CUSTOMER_COLUMNS)
_totals = made_of(Totals)
_balance = made_of(Balance)
_payment = made_of(
    PaymentStanding,
    method="payment_method",
    state="payment_state",
    owed_minor="balance.owed_minor",
    covered="balance.covered",
    pays_on_delivery="payment_method.pays_on_delivery",
)


class Order(Base):
    """An order: what the customer asked for, and what was promised, paid and sent since."""

    __tablename__ = "orders"
    __table_args__ = (
        CheckConstraint(
            "total_minor = lines_minor + fees_minor + shipping_minor - discounts_minor + tax_added_minor",
            name="total_adds_up",
        ),
        CheckConstraint("total_minor >= 0", name="total_not_negative"),
        CheckConstraint(
            "least(cancelled_minor, credited_minor) >= 0 and cancelled_minor + credited_minor <= total_minor",
            name="taken_off_within_total",
        ),
        CheckConstraint(
            "least(refunded_minor, refund_pending_minor) >= 0"
            " and refunded_minor + refund_pending_minor <= received_minor",
            name="refunds_within_received",
        ),
        # With the amount, so that a band of amounts is found by walking the index and not the orders.
        Index("ix_orders_newest", text("placed_at desc"), text("id desc"), "total_minor"),
        Index("ix_orders_seller_newest", "seller_code", text("placed_at desc"), text("id desc")),
        Index(
            "uq_orders_external_reference",
            "seller_code",
            "external_reference",
            unique=True,
            postgresql_where=text("external_reference is not null"),
        ),
        Index(None, "customer_id"),
        # Whatever a list is filtered by, its rows come in the list's order out of one of these.
        *(
            Index(f"ix_orders_{column}_newest", column, "placed_at", "id")
            for column in (
                *("status", "fulfilment", "market_code"),
                *("channel", "payment_state", "payment_method"),
                *("lifecycle", "csr_status", "timeline"),
            )
        ),
        Index(None, "total_minor", "id"),
        # What a seller asks all day: its own orders of one status.
        Index("ix_orders_seller_status_newest", "seller_code", "status", "placed_at", "id"),
        Index(
            "ix_orders_customer_name_folded",
            "customer_name_folded",
            postgresql_using="gin",
            postgresql_ops={"customer_name_folded": "gin_trgm_ops"},
        ),
        Index(
            "ix_orders_due",
            text("coalesce(payment_due_at, acceptance_due_at)"),
            "id",
            postgresql_where=text("coalesce(payment_due_at, acceptance_due_at) is not null"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    number: Mapped[str] = mapped_column(unique=True)
    version: Mapped[int]  # one more with each change, told or not
    status: Mapped[OrderStatus]
    goods: Mapped[tuple[Goods, ...] | None]  # what its shipments carry; null until shipping was heard
    # From here to `customer_name_folded` all is read off the rest, by commands.changes.derive_columns alone.
    fulfilment: Mapped[Fulfilment]
    awaiting: Mapped[list[str] | None]  # shipments that lack stock; null until shipping was heard
    lifecycle: Mapped[Lifecycle]
    queues: Mapped[list[str]]  # the seller's: domain.shown_statuses.Queue
    csr_status: Mapped[CsrStatus | None]
    timeline: Mapped[TimelineStep | None]
    payment_due_at: Mapped[datetime | None]
    acceptance_due_at: Mapped[datetime | None]
    held_since: Mapped[datetime | None]
    acceptable_since: Mapped[datetime | None]  # null while anything stands against accepting it
    customer_name_folded: Mapped[str | None]  # searchable; null until commands.folding was there
    seller_code: Mapped[str] = mapped_column(ForeignKey("sellers.code"))
    market_code: Mapped[str] = mapped_column(ForeignKey("markets.code"))
    channel: Mapped[Channel]
    locale: Mapped[str]
    currency: Mapped[str]
    external_reference: Mapped[str | None]
    exchange_of: Mapped[UUID | None] = mapped_column(ForeignKey("orders.id"))  # which it takes the place of
    tags: Mapped[list[str]]
    coupons: Mapped[list[str]]  # the codes as the customer gave them, valid or not
    remark: Mapped[str]  # of the customer at checkout
    coupons_refused: Mapped[dict[str, str]]  # those that took nothing off, each with the reason
    free_shipping: Mapped[str | None]  # the name of the coupon for which shipping costs nothing
    link_serial: Mapped[int]  # customers' links of another serial were revoked

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
    taxation: Mapped[Taxation | None]  # how that was decided; null where the market's rates are all there is
    charges_taxed: Mapped[ChargesTaxed | None]  # null on orders of before: at the class `standard`

    payment_method: Mapped[PaymentMethod]
    cancelled_minor: Mapped[int]  # what of the total is no longer wanted
    received_minor: Mapped[int]  # these are restated from the ledger by one function
    refunded_minor: Mapped[int]
    credited_minor: Mapped[int]
    refund_pending_minor: Mapped[int]
    payment_state: Mapped[PaymentState]
    covered_at: Mapped[datetime | None]
    to_decide: Mapped[int]  # payment discrepancies that are open, counted by commands.payment_gateway alone

    placed_at: Mapped[datetime]
    unverified: Mapped[list[Check]]  # what was missing when it was placed
    verified_by: Mapped[str | None]  # the service itself, where nothing was missing
    verified_at: Mapped[datetime | None]
    accepted_at: Mapped[datetime | None]
    refused_at: Mapped[datetime | None]
    failed_at: Mapped[datetime | None]
    cancelled_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    anonymised_at: Mapped[datetime | None]  # then nothing here says whose order it was
    end_reason: Mapped[str]  # why it was cancelled, refused or failed

    seller: Mapped[Seller] = relationship(lazy="joined", innerjoin=True)
    market: Mapped[Market] = relationship(lazy="joined", innerjoin=True)
    delivery_groups: Mapped[list[DeliveryGroup]] = relationship(order_by="DeliveryGroup.position")
    lines: Mapped[list[OrderLine]] = relationship(order_by="OrderLine.position")
    fees: Mapped[list[OrderFee]] = relationship(order_by="OrderFee.position")
    holds: Mapped[list[Hold]] = relationship(order_by="Hold.held_at")
    refunds: Mapped[list[Refund]] = relationship(order_by="Refund.requested_at")
    returns: Mapped[list[Return]] = relationship(order_by="Return.id", foreign_keys="Return.order_id")
    cancellations: Mapped[list[Cancellation]] = relationship(order_by="Cancellation.requested_at")

    @property
    def customer(self) -> Person:
        """The customer as named when the order was placed; later changes to the customer do not affect it."""
        return _customer(self)

    @property
    def delivery_addresses(self) -> list[Address]:
        """The delivery addresses by group; groups for collection or electronic delivery have none."""
        return [group.address for group in self.delivery_groups if group.address]

    @property
    def totals(self) -> Totals:
        """The order's totals."""
        return _totals(self)

    @property
    def balance(self) -> Balance:
        """The order's payment totals."""
        return _balance(self)

    @property
    def charged(self) -> list[Charged]:
        """Its parts as the customer pays them, lines less their share of discounts; they sum to the total."""
        on_top = self.market.tax_mode is TaxMode.NET
        tells = self.tells_parts
        parts = []
        for line in self.lines:
            tax = line.tax_minor - (line.order_discount_tax_minor or 0)
            parts.append(
                Charged(
                    kind=ChargeKind.LINE,
                    name=line.name,
                    rate_basis_points=line.tax_rate_basis_points,
                    gross_minor=line.total_minor - (line.order_discount_minor or 0) + tax * on_top,
                    tax_minor=tax,
                    line_id=line.id,
                    quantity=line.quantity,
                    tax_on_top=on_top and tells,
                    cancelled=0 if tells else line.cancelled_quantity,
                )
            )
        others = [
            Charged(
                kind=fee.kind,
                name=fee.name,
                rate_basis_points=fee.tax_rate_basis_points,
                gross_minor=fee.amount_minor + fee.tax_minor * on_top,
                tax_minor=fee.tax_minor,
            )
            for fee in self.fees
        ]
        charges = [part for part in others if part.kind is not ChargeKind.DISCOUNT]
        if tells:
            return parts + charges
        return bear_discounts(parts + charges, [part for part in others if part.kind is ChargeKind.DISCOUNT])

    @property
    def tells_parts(self) -> bool:
        """Whether events break the bill down into parts; for older orders they do not."""
        return all(line.order_discount_minor is not None for line in self.lines)

    @property
    def bill(self) -> Bill:
        """The order's charges, and what was credited on them."""
        return Bill(charged=self.charged, refunded=self.refunded_parts, cancelled=self.cancelled_parts)

    @property
    def cancelled_parts(self) -> list[RefundPart]:
        """What cancelled units took off the bill, by part."""
        return [part for one in self.cancellations if one.done for part in one.parts]

    @property
    def refunded_parts(self) -> list[RefundPart]:
        """What refunds took off the bill, by part."""
        return [
            part
            for refund in self.refunds
            if refund.state is not RefundState.WITHDRAWN
            for part in refund.parts
        ]

    @property
    def units_in_returns(self) -> Counter[UUID]:
        """Units of each line that were returned or are on their way back."""
        units: Counter[UUID] = Counter()
        for one in self.returns:
            for line in one.lines:
                if one.received_at is not None:
                    units[line.line_id] += line.received_quantity
                elif one.status not in ENDED:
                    units[line.line_id] += line.requested_quantity
        return units

    @property
    def payment(self) -> PaymentStanding:
        """The payment status of the order."""
        return _payment(self)

    @property
    def due_at(self) -> datetime | None:
        """When the order fails or is refused unless something is done first."""
        return self.payment_due_at or self.acceptance_due_at

    @property
    def cancellation(self) -> Cancellation | None:
        """The latest attempt to cancel the order or part of it."""
        return self.cancellations[-1] if self.cancellations else None

    @property
    def standing_holds(self) -> list[Hold]:
        """The holds that have not been lifted."""
        return [hold for hold in self.holds if hold.released_at is None]

    @property
    def wanted_units(self) -> int:
        """Sales units ordered, less those cancelled."""
        return sum(line.quantity - line.cancelled_quantity for line in self.lines)

    @property
    def returned_units(self) -> int:
        """Sales units that were returned."""
        return sum(line.returned_quantity for line in self.lines)

    @property
    def fulfilled(self) -> bool:
        """Whether every wanted unit was delivered, or came back undelivered and was refunded."""
        delivered, came_back = (
            units_at(stage, self.goods or ()) for stage in (Stage.DELIVERED, Stage.RETURNED)
        )
        refunded = sum(part.quantity for part in self.refunded_parts)
        return 0 < self.wanted_units <= delivered + min(came_back, refunded)

    @property
    def facts(self) -> OrderFacts:
        """The facts that the rules of the order's life depend on."""
        balance = self.balance
        return OrderFacts(
            status=self.status,
            payment_method=self.payment_method,
            covered=balance.covered,
            holds=tuple(hold.reason for hold in self.standing_holds),
            backorders=self.market.backorders,
            awaiting=None if self.awaiting is None else tuple(self.awaiting),
            goods_left=self.fulfilment.goods_left,
            units_here=self.wanted_units - units_gone(self.goods or ()),
            delivered=self.fulfilment in {Fulfilment.PARTLY_DELIVERED, Fulfilment.DELIVERED},
            owed_minor=balance.owed_minor,
            excess_minor=balance.excess_minor,
            fulfilled=self.fulfilled,
        )

    @property
    def actions(self) -> dict[str, Refusal | None]:
        """Each action with what blocks it, or None if it is possible now."""
        return actions(self.facts)
