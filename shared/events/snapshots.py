"""What each service knows of an order, as told to the others: the whole newest state, never a difference.

Adding a field with a default is free; anything else is a new event name (docs/events.md).
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import ClassVar
from uuid import UUID


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where someone lives or works."""

    name: str
    line1: str
    city: str
    postcode: str
    country: str  # ISO 3166-1 alpha-2
    line2: str = ""
    region: str = ""
    company: str = ""
    phone: str = ""


@dataclass(frozen=True, kw_only=True)
class Person:
    """Whoever ordered."""

    name: str
    email: str
    phone: str = ""
    company: str = ""
    vat_number: str = ""


@dataclass(frozen=True, kw_only=True)
class Courier:
    """Whoever was asked to take a shipment to its customer."""

    code: str  # theirs among the couriers of the seller
    name: str
    email: str
    assigned_at: datetime
    note: str = ""  # what staff wrote to them


@dataclass(frozen=True, kw_only=True)
class People:
    """Names and addresses of a snapshot, and their only place: emptied when the person is erased."""

    customer: Person | None = None
    billing: Address | None = None
    delivery: dict[str, Address] = field(default_factory=dict)  # by delivery group's id
    couriers: dict[str, Courier] = field(default_factory=dict)  # by shipment's id; in shipping's alone


@dataclass(frozen=True, kw_only=True)
class SellerBlock:
    """The seller as of now: what papers and e-mails show of it."""

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


@dataclass(frozen=True, kw_only=True)
class MarketBlock:
    """The market's rules as of now."""

    market: str  # its code
    name: str
    currency: str  # ISO 4217
    locale: str
    time_zone: str  # IANA
    tax_mode: str  # gross: prices contain tax; net: tax is added
    tax_rounding: str  # per_line or per_rate
    backorders: bool
    invoice_on: str  # acceptance, payment, shipment or hand
    invoice_per: str = "order"  # order, method or shipment: what one invoice is about
    numbers_per: str = "year"  # year or month: when papers' numbers begin again


@dataclass(frozen=True, kw_only=True)
class DeliveryGroup:
    """Lines that go to one place by one method; its address is in people.delivery."""

    group_id: UUID
    method: str  # delivery, pickup, …: shipping's method code
    method_name: str
    shipping_minor: int
    pickup_point: str | None = None
    requested_on: date | None = None


@dataclass(frozen=True, kw_only=True)
class OrderLine:
    """One SKU of an order; amounts as the market's tax mode counts them."""

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


@dataclass(frozen=True, kw_only=True)
class Fee:
    """A charge or discount that is no goods; discounts are negative."""

    kind: str  # shipping, fee, discount
    name: str
    amount_minor: int
    tax_rate_basis_points: int
    tax_minor: int
    group_id: UUID | None = None


@dataclass(frozen=True, kw_only=True)
class TaxRow:
    """What one rate makes of the order: net plus tax is gross."""

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


@dataclass(frozen=True, kw_only=True)
class Payment:
    """The ledger's sums and what they mean; derived, never set."""

    method: str
    state: str  # unpaid, partly_paid, paid, overpaid, partly_refunded, refunded
    owed_minor: int
    received_minor: int
    refunded_minor: int
    covered: bool
    covered_at: datetime | None = None
    credited_minor: int = 0  # by how much refunds have lessened what is owed
    refund_pending_minor: int = 0  # requested back and not paid out yet

    @property
    def outstanding_minor(self) -> int:
        """What is still to come; money that is on its way back pays for nothing any more."""
        stays = self.received_minor - self.refunded_minor - self.refund_pending_minor
        return max(0, self.owed_minor - stays)


@dataclass(frozen=True, kw_only=True)
class RefundPart:
    """What a refund takes off the bill, at one tax rate; net plus tax is gross."""

    kind: str  # line, shipping, fee, discount; amount: of no part of the order in particular
    name: str  # the line's or fee's; empty for an amount
    tax_rate_basis_points: int
    net_minor: int
    tax_minor: int
    gross_minor: int
    line_id: UUID | None = None
    quantity: int = 0  # of the line's units


@dataclass(frozen=True, kw_only=True)
class Refund:
    """What a customer need not pay, and how much of it is money that goes back.

    A refund that credits nothing gives back what was paid too much, or what a cancellation freed: the bill is
    no smaller for it, and it calls for no credit note. One that is all credit and no money lessens what is
    still to be paid, and is settled at once.
    """

    refund_id: UUID
    amount_minor: int  # money that goes back
    reason: str
    state: str  # requested, settled, withdrawn
    requested_at: datetime
    settled_at: datetime | None = None
    return_id: UUID | None = None
    method: str = ""
    reference: str = ""  # of what was paid out
    credited_minor: int = 0  # off the bill, tax included: what a credit note is over
    parts: tuple[RefundPart, ...] = ()  # sum to credited_minor
    tax: tuple[TaxRow, ...] = ()  # of the parts, by rate
    restock: bool | None = None  # whether the goods come back to be sold again; None where there are none


@dataclass(frozen=True, kw_only=True)
class Hold:
    """Why the order stands still, and whose call it is."""

    hold_id: UUID
    reason: str
    owner: str
    held_at: datetime


@dataclass(frozen=True, kw_only=True)
class ReturnLine:
    """How much of an order line comes back, in sales units."""

    line_id: UUID
    sku: str
    requested_quantity: int
    received_quantity: int = 0
    restocked_quantity: int = 0
    scrapped_quantity: int = 0


@dataclass(frozen=True, kw_only=True)
class Return:
    """Goods on their way back."""

    return_id: UUID
    status: str  # requested, approved, rejected, received, refunded, exchanged, closed
    reason: str  # a word: damaged, wrong_item, …
    lines: tuple[ReturnLine, ...]
    number: str = ""
    by_customer: bool = False  # who asked for it
    requested_at: datetime | None = None
    approved_at: datetime | None = None
    expires_at: datetime | None = None  # until when approved goods are waited for
    received_at: datetime | None = None
    closed_at: datetime | None = None
    answer: str = ""  # what the customer is told: how to send it, or why not
    close_reason: str = ""  # done, expired, withdrawn
    exchange_order_id: UUID | None = None


@dataclass(frozen=True, kw_only=True)
class CancelledLine:
    """How much of an order line is to be cancelled."""

    line_id: UUID
    quantity: int  # sales units, beyond those that are cancelled already


@dataclass(frozen=True, kw_only=True)
class OrderSnapshot:
    """An order, as the orders service knows it."""

    SOURCE: ClassVar[str] = "orders"

    order_id: UUID
    number: str
    version: int
    status: str
    channel: str
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
    refunds: tuple[Refund, ...] = ()
    returns: tuple[Return, ...] = ()
    holds: tuple[Hold, ...] = ()
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

    @property
    def subject(self) -> str:
        """The order's id, as events name it."""
        return str(self.order_id)


@dataclass(frozen=True, kw_only=True)
class ShipmentLine:
    """How much of an order line a shipment carries."""

    line_id: UUID
    sku: str
    quantity: int  # sales units
    units: int  # stock-keeping units: quantity times sales coefficient
    # What a picker needs, told while the warehouse has the shipment in hand: released or packing.
    bin: str = ""  # the shelf, as of then
    barcode: str = ""
    specifications: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Parcel:
    """A box."""

    parcel_id: UUID
    carrier: str
    tracking_number: str
    tracking_url: str
    weight_grams: int = 0
    label_document_id: UUID | None = None
    tracking_status: str = ""  # the carrier's newest word, as shipping's TrackingStatus lists them
    tracked_at: datetime | None = None  # when that was so
    # What is in it, in whole sales units and in units; of a shipment's only parcel it may be left out.
    lines: tuple[ShipmentLine, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Appointment:
    """When somebody comes to a customer."""

    kind: str  # delivery, installation, service
    starts_at: datetime
    ends_at: datetime
    signed_at: datetime | None = None  # the customer signed that it was done


@dataclass(frozen=True, kw_only=True)
class Shipment:
    """An order's lines of one delivery group from one location."""

    shipment_id: UUID
    number: str
    group_id: UUID
    method: str
    status: str
    location: str
    lines: tuple[ShipmentLine, ...]
    parcels: tuple[Parcel, ...] = ()
    created_at: datetime
    released_at: datetime | None = None
    packing_at: datetime | None = None
    ready_at: datetime | None = None
    shipped_at: datetime | None = None
    delivered_at: datetime | None = None
    cancelled_at: datetime | None = None
    undeliverable_at: datetime | None = None
    returned_at: datetime | None = None
    method_kind: str = "delivery"  # delivery, pickup, download, hand_over, service
    collect_by: datetime | None = None  # until when what is ready for pickup is kept
    collect_code: int = 0  # which of its codes holds (shared.collect_codes); 0 while there is none
    collect_reminded_at: datetime | None = None
    download_url: str = ""
    appointments: tuple[Appointment, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ReceivedReturn:
    """What came back of a return, inspected; how much of its lines, and what became of it."""

    return_id: UUID
    location: str
    received_at: datetime
    lines: tuple[ReturnLine, ...]


@dataclass(frozen=True, kw_only=True)
class Cancellation:
    """What shipping answered to the newest order.cancel_requested."""

    requested_at: datetime  # the request it answers
    done: bool  # all open shipments were cancelled; else none was
    reason: str = ""  # why not: already_shipped, …
    lines: tuple[CancelledLine, ...] = ()  # what was asked for; nothing: the whole order


@dataclass(frozen=True, kw_only=True)
class ShipmentsSnapshot:
    """All shipments of an order, as the shipping service knows them."""

    SOURCE: ClassVar[str] = "shipping"

    order_id: UUID
    number: str
    version: int
    # Only couriers and delivery, as shipping will use it: by shipment, and by group as of its last shipment.
    people: People
    shipments: tuple[Shipment, ...]
    cancellation: Cancellation | None = None
    unassigned: tuple[ShipmentLine, ...] = ()  # in no shipment, since somebody deleted the one they were in
    returns: tuple[ReceivedReturn, ...] = ()

    @property
    def subject(self) -> str:
        """The order's id, as events name it."""
        return str(self.order_id)


@dataclass(frozen=True, kw_only=True)
class Paper:
    """One document about an order; its bytes never change once stored."""

    document_id: UUID
    kind: str  # invoice, credit_note, delivery_note, label, …
    status: str  # due, numbered, stored, failed, removed
    part: str  # what of the order it is about: "order", a method's code, a group's, shipment's or return's id
    number: str = ""  # gapless within its series; empty for kinds without one
    total_minor: int = 0
    issued_on: date | None = None
    stored_at: datetime | None = None
    content_type: str = "application/pdf"
    sha256: str = ""
    size_bytes: int = 0
    refers_to: UUID | None = None  # a credit note's invoice
    parcels: tuple[UUID, ...] = ()  # those that a label is for; not said: all of its shipment
    unprintable: str = ""  # characters that no typeface has, each once; a mark stands for them


@dataclass(frozen=True, kw_only=True)
class DocumentsSnapshot:
    """All papers of an order, as the documents service knows them."""

    SOURCE: ClassVar[str] = "documents"

    order_id: UUID
    number: str
    version: int
    currency: str
    papers: tuple[Paper, ...]

    @property
    def subject(self) -> str:
        """The order's id, as events name it."""
        return str(self.order_id)


@dataclass(frozen=True, kw_only=True)
class SentEmail:
    """One e-mail about an order, without its words or its reader's address."""

    email_id: UUID
    step: str
    recipient: str  # customer, seller or courier
    status: str  # queued, sent, failed
    at: datetime
    error: str = ""
    document_ids: tuple[UUID, ...] = ()  # the papers attached


@dataclass(frozen=True, kw_only=True)
class ConversationSnapshot:
    """What was written about an order, as the notifications service knows it."""

    SOURCE: ClassVar[str] = "notifications"

    order_id: UUID
    number: str
    version: int
    emails: tuple[SentEmail, ...] = ()
    messages: int = 0
    unanswered: bool = False
    customer_wrote_at: datetime | None = None
    seller_wrote_at: datetime | None = None

    @property
    def subject(self) -> str:
        """The order's id, as events name it."""
        return str(self.order_id)


@dataclass(frozen=True, kw_only=True)
class StockLevel:
    """Stock-keeping units at one location."""

    location: str
    on_hand: int
    reserved: int
    seller: str = ""  # whose the location is; * for everyone's; not said by what is older than this field


@dataclass(frozen=True, kw_only=True)
class StockSnapshot:
    """All levels of one SKU, of whatever seller; advice while an order is composed, never a promise."""

    SOURCE: ClassVar[str] = "shipping"

    sku: str
    version: int
    as_of: datetime
    levels: tuple[StockLevel, ...]

    @property
    def subject(self) -> str:
        """The SKU, as events name it."""
        return self.sku
