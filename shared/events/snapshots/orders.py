"""The orders service's snapshot of an order, and its enums."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import ClassVar
from uuid import UUID

from shared.events.open_enum import OpenEnum
from shared.events.snapshots.people import Address, People


@dataclass(frozen=True, kw_only=True)
class SellerBlock:
    """The seller's details at this time, for documents and e-mails."""

    seller: str  # its code
    name: str
    legal_name: str
    email: str
    address: Address
    phone: str = ""
    vat_number: str = ""
    registration: str = ""  # the company register's words, for the foot of papers
    website: str = ""
    iban: str = ""
    colour: str = "#1f4e5f"
    legal_text: dict[str, str] = field(default_factory=dict)  # by locale


class TaxMode(OpenEnum):
    """Whether a market's prices contain the tax."""

    GROSS = "gross"  # they contain it: it is shown, not added
    NET = "net"  # it is added


class TaxRounding(OpenEnum):
    """Where a market rounds tax to whole minor units."""

    PER_LINE = "per_line"  # each line by itself; a rate's tax is their sum
    PER_RATE = "per_rate"  # once per rate; each line shows its share of it


class TaxTreatment(OpenEnum):
    """The VAT rule that applies to a sale."""

    HOME = "home"  # at the rates of where the seller is
    DESTINATION = "destination"  # at those of where the goods go, or the customer of a digital service is
    INTRA_COMMUNITY = "intra_community"  # goods to a business in another member state
    REVERSE_CHARGE = "reverse_charge"  # services to one: it owes the tax itself
    EXPORT = "export"  # goods that leave the territory
    EXEMPT = "exempt"  # for what it is, or whom it is for
    OUTSIDE = "outside"  # not subject to this VAT at all


@dataclass(frozen=True, kw_only=True)
class TaxReason:
    """Why a tax rate of an order applies; there is one for each rate."""

    rate_basis_points: int
    treatment: TaxTreatment
    exemption: str = ""  # of what is exempt, its code in VATEX, the list of EN 16931
    places: tuple[str, ...] = ()  # whose VAT: countries, or the parts of them that shared.vat tells apart


class InvoiceOn(OpenEnum):
    """What triggers an invoice."""

    ACCEPTANCE = "acceptance"
    PAYMENT = "payment"
    SHIPMENT = "shipment"
    HAND = "hand"  # nothing: staff issue it


class InvoicePer(OpenEnum):
    """What one invoice covers."""

    ORDER = "order"
    METHOD = "method"  # all that goes out by one method
    SHIPMENT = "shipment"


class NumbersPer(OpenEnum):
    """How often document numbers restart."""

    YEAR = "year"
    MONTH = "month"


@dataclass(frozen=True, kw_only=True)
class MarketBlock:
    """The market's rules at this time."""

    market: str  # its code
    name: str
    currency: str  # ISO 4217
    locale: str
    time_zone: str  # IANA
    tax_mode: TaxMode
    tax_rounding: TaxRounding
    backorders: bool
    invoice_on: InvoiceOn
    invoice_per: InvoicePer = InvoicePer.ORDER
    numbers_per: NumbersPer = NumbersPer.YEAR


@dataclass(frozen=True, kw_only=True)
class DeliveryGroup:
    """Lines that go to one address by one method; the address is in people.delivery."""

    group_id: UUID
    method: str  # delivery, pickup, …: shipping's method code
    method_name: str
    shipping_minor: int
    pickup_point: str | None = None
    requested_on: date | None = None
    waived_minor: int = 0  # of shipping_minor, for a coupon: it is not charged


@dataclass(frozen=True, kw_only=True)
class OrderLine:
    """One SKU of an order; amounts include or exclude tax as the market's tax mode says."""

    line_id: UUID
    group_id: UUID
    sku: str
    name: str
    quantity: int
    unit_price_minor: int
    total_minor: int  # quantity times price, less the line's discount
    tax_rate_basis_points: int
    tax_minor: int  # contained in total_minor in a gross market, added to it in a net one
    discount_minor: int = 0
    sales_coefficient: int = 1  # stock-keeping units in one sales unit
    cancelled_quantity: int = 0
    returned_quantity: int = 0
    # Its share of the order's discounts and the tax in that, to be taken off the two above; None for orders
    # of before these were told.
    order_discount_minor: int | None = None
    order_discount_tax_minor: int | None = None
    tax_treatment: TaxTreatment | None = None  # None where the market's rates were all there was to know
    tax_place: str = ""  # whose VAT it is, as in TaxReason


class ChargeKind(OpenEnum):
    """What an amount is for."""

    LINE = "line"
    SHIPPING = "shipping"
    FEE = "fee"
    DISCOUNT = "discount"  # its amount is negative
    AMOUNT = "amount"  # of refunds alone: no part of the order in particular


@dataclass(frozen=True, kw_only=True)
class Fee:
    """A charge or discount that is not for goods; discounts are negative."""

    kind: ChargeKind
    name: str
    amount_minor: int
    tax_rate_basis_points: int
    tax_minor: int
    group_id: UUID | None = None


@dataclass(frozen=True, kw_only=True)
class TaxRow:
    """The order's totals at one tax rate: net plus tax is gross."""

    rate_basis_points: int
    net_minor: int
    tax_minor: int
    gross_minor: int


@dataclass(frozen=True, kw_only=True)
class Totals:
    """total = lines + fees + shipping - discounts + tax_added, all in minor units of the order's currency."""

    lines_minor: int
    fees_minor: int
    shipping_minor: int
    discounts_minor: int
    tax_added_minor: int  # 0 in a gross market
    total_minor: int
    tax: tuple[TaxRow, ...]


class PaymentMethod(OpenEnum):
    """How the customer chose to pay."""

    ONLINE = "online"  # the gateway tells of it by a signed call
    TRANSFER = "transfer"
    PAYMENT_LINK = "payment_link"
    CARD_ON_PHONE = "card_on_phone"
    CASH_ON_DELIVERY = "cash_on_delivery"
    EXCHANGE = "exchange"  # paid with goods that come back; nobody chooses it

    @property
    def pays_on_delivery(self) -> bool:
        """Whether payment is collected on delivery."""
        return self is PaymentMethod.CASH_ON_DELIVERY


class PaymentState(OpenEnum):
    """The payment status of an order."""

    UNPAID = "unpaid"
    PARTLY_PAID = "partly_paid"
    PAID = "paid"
    OVERPAID = "overpaid"
    PARTLY_REFUNDED = "partly_refunded"
    REFUNDED = "refunded"


@dataclass(frozen=True, kw_only=True)
class Payment:
    """Payment totals of an order and what they mean; derived, never set."""

    method: PaymentMethod
    state: PaymentState
    owed_minor: int
    received_minor: int
    refunded_minor: int
    covered: bool
    covered_at: datetime | None = None
    credited_minor: int = 0  # by how much refunds have lessened what is owed
    refund_pending_minor: int = 0  # requested back and not paid out yet
    pays_on_delivery: bool | None = None  # None only of publishers that told the method alone

    @property
    def is_on_delivery(self) -> bool:
        """Whether payment is collected on delivery."""
        if self.pays_on_delivery is None:
            return self.method == PaymentMethod.CASH_ON_DELIVERY
        return self.pays_on_delivery

    @property
    def due_on_delivery_minor(self) -> int:
        """The amount to collect on delivery."""
        return self.outstanding_minor if self.is_on_delivery else 0

    @property
    def outstanding_minor(self) -> int:
        """The amount still to be paid; money already on its way back doesn't count as paid."""
        stays = self.received_minor - self.refunded_minor - self.refund_pending_minor
        return max(0, self.owed_minor - stays)


@dataclass(frozen=True, kw_only=True)
class RefundPart:
    """What a refund or cancellation credits at one tax rate; net plus tax is gross."""

    kind: ChargeKind
    name: str  # the line's or fee's; empty for an amount
    tax_rate_basis_points: int
    net_minor: int
    tax_minor: int
    gross_minor: int
    line_id: UUID | None = None
    quantity: int = 0  # of the line's units


class RefundState(OpenEnum):
    """The status of a refund."""

    REQUESTED = "requested"  # decided; the money is still here
    SETTLED = "settled"  # paid out, or there was no money to pay out
    WITHDRAWN = "withdrawn"  # a mistake, undone before any money went


class RefundKind(OpenEnum):
    """Who initiated a refund."""

    REFUND = "refund"  # the seller, here
    GATEWAY = "gateway"  # somebody at the payment gateway itself
    CHARGEBACK = "chargeback"  # the customer's bank; requested while it is open, withdrawn if it is won


@dataclass(frozen=True, kw_only=True)
class Refund:
    """What a customer is credited, and how much of that is paid back.

    A refund that credits nothing gives back what was paid too much, or what a cancellation freed: the bill is
    no smaller for it, and it calls for no credit note. One that is all credit and no money lessens what is
    still to be paid, and is settled at once.
    """

    refund_id: UUID
    amount_minor: int  # money that goes back
    reason: str
    state: RefundState
    requested_at: datetime
    settled_at: datetime | None = None
    return_id: UUID | None = None
    method: str = ""
    reference: str = ""  # of what was paid out
    credited_minor: int = 0  # off the bill, tax included: what a credit note is over
    parts: tuple[RefundPart, ...] = ()  # sum to credited_minor
    tax: tuple[TaxRow, ...] = ()  # of the parts, by rate
    restock: bool | None = None  # whether the goods come back to be sold again; None where there are none
    kind: RefundKind = RefundKind.REFUND


@dataclass(frozen=True, kw_only=True)
class Hold:
    """Why an order is on hold, and who can lift the hold."""

    hold_id: UUID
    reason: str
    owner: str
    held_at: datetime


class ReturnStatus(OpenEnum):
    """The status of a return."""

    REQUESTED = "requested"  # customer or staff would like to; staff decide
    APPROVED = "approved"  # shipping expects the goods, until the return expires
    REJECTED = "rejected"  # final
    RECEIVED = "received"  # the goods are here, inspected; what for them is to be decided
    REFUNDED = "refunded"  # money goes back; closed when it has
    EXCHANGED = "exchanged"  # another order takes its place
    CLOSED = "closed"  # final, unless goods come after all


class ReturnReason(OpenEnum):
    """Why goods are returned, as codes; anything more personal goes into the note."""

    DAMAGED = "damaged"
    FAULTY = "faulty"
    WRONG_ITEM = "wrong_item"
    NOT_AS_DESCRIBED = "not_as_described"
    TOO_LATE = "too_late"
    NOT_WANTED = "not_wanted"
    OTHER = "other"


class CloseReason(OpenEnum):
    """How a return was closed."""

    DONE = "done"  # refunded or exchanged
    DISMISSED = "dismissed"  # received, and nothing is given for it
    EXPIRED = "expired"  # the goods never came
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, kw_only=True)
class ReturnLine:
    """How much of an order line is returned, in sales units."""

    line_id: UUID
    sku: str
    requested_quantity: int
    received_quantity: int = 0
    restocked_quantity: int = 0
    scrapped_quantity: int = 0


@dataclass(frozen=True, kw_only=True)
class Return:
    """A return of goods."""

    return_id: UUID
    status: ReturnStatus
    reason: ReturnReason
    lines: tuple[ReturnLine, ...]
    number: str = ""
    by_customer: bool = False  # who asked for it
    requested_at: datetime | None = None
    approved_at: datetime | None = None
    expires_at: datetime | None = None  # until when approved goods are waited for
    received_at: datetime | None = None
    closed_at: datetime | None = None
    answer: str = ""  # what the customer is told: how to send it, or why not
    close_reason: str = ""  # a CloseReason, once it is closed
    exchange_order_id: UUID | None = None


@dataclass(frozen=True, kw_only=True)
class CancelledLine:
    """How much of an order line is to be cancelled."""

    line_id: UUID
    quantity: int  # sales units, beyond those that are cancelled already


@dataclass(frozen=True, kw_only=True)
class CancelledUnits:
    """Cancelled units of lines, and what they take off the bill."""

    cancelled_at: datetime
    reason: str
    parts: tuple[RefundPart, ...]


class Channel(OpenEnum):
    """The channel through which the customer ordered."""

    WEB = "web"
    MOBILE = "mobile"
    CALL = "call"
    STORE = "store"
    MARKETPLACE = "marketplace"
    OTHER = "other"


class OrderStatus(OpenEnum):
    """The status of an order."""

    DRAFT = "draft"  # a cart; holds no stock, may be deleted
    PLACED = "placed"  # asked for; editable, not yet promised
    ACCEPTED = "accepted"  # promised to the customer; shipping may release
    CANCELLING = "cancelling"  # shipping is asked whether goods have left
    COMPLETED = "completed"  # every unit delivered, returned or cancelled, nothing owed
    CANCELLED = "cancelled"  # final; money received goes back as a refund
    REFUSED = "refused"  # final; the seller won't fulfil it
    FAILED = "failed"  # final; a prepaid order was not paid in time
    ABANDONED = "abandoned"  # final; a draft nobody came back to


@dataclass(frozen=True, kw_only=True)
class OrderSnapshot:
    """An order, as the orders service knows it."""

    SOURCE: ClassVar[str] = "orders"

    order_id: UUID
    number: str
    version: int
    status: OrderStatus
    channel: Channel
    locale: str
    currency: str
    customer_id: UUID
    seller: SellerBlock
    market: MarketBlock
    people: People
    delivery_groups: tuple[DeliveryGroup, ...]
    lines: tuple[OrderLine, ...]
    fees: tuple[Fee, ...]
    totals: Totals
    payment: Payment
    placed_at: datetime
    external_reference: str = ""  # the shop's or marketplace's own number
    cancelled_units: tuple[CancelledUnits, ...] = ()  # of an order that goes on; oldest first
    refunds: tuple[Refund, ...] = ()
    returns: tuple[Return, ...] = ()
    holds: tuple[Hold, ...] = ()
    acceptable_since: datetime | None = None  # since when nothing has stood against accepting it
    accepted_at: datetime | None = None
    refused_at: datetime | None = None
    failed_at: datetime | None = None
    cancel_requested_at: datetime | None = None  # set while shipping is asked
    cancel_lines: tuple[CancelledLine, ...] = ()  # what it is asked for; nothing: the whole order
    cancelled_at: datetime | None = None
    completed_at: datetime | None = None
    anonymised_at: datetime | None = None
    cancel_reason: str = ""
    end_reason: str = ""  # why it was cancelled, refused or failed
    exchange_of: UUID | None = None
    link_serial: int = 0  # customers' links of another serial were revoked
    tax_reasons: tuple[TaxReason, ...] = ()  # none where the market's rates were all there was to know
    to_decide: int = 0  # what the gateway told of its money and waits for a person

    @property
    def subject(self) -> str:
        """The order's id, which events use as their subject."""
        return str(self.order_id)

    @property
    def tells_parts(self) -> bool:
        """Whether the snapshot gives each part of the bill; for older orders the parts must be calculated."""
        return all(line.order_discount_minor is not None for line in self.lines)
