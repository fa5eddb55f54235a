"""The kinds of documents, their statuses and their content."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from uuid import UUID

from services.documents.domain.exemptions import exemption_reason
from services.documents.domain.figures import Figures
from shared.events.snapshots import (
    Address,
    ChargeKind,
    DeliveryGroup,
    OrderSnapshot,
    PaperKind,
    PaperStatus,
    Return,
    Shipment,
    TaxReason,
)
from shared.state_machine import StateMachine
from shared.vat import vat_identifier

WHOLE_ORDER = "order"  # the part of a paper that is about all of an order


# Kept for the legal term and numbered without gaps; the others carry no number of their own.
NUMBERED_KINDS = frozenset({PaperKind.INVOICE, PaperKind.CREDIT_NOTE})
# Made when somebody asks for them, from the order as it is then.
KINDS_ON_DEMAND = frozenset({PaperKind.ORDER_PRINTOUT, PaperKind.PAYMENT_RECEIPT})
UPLOADED_KINDS = frozenset(
    {
        PaperKind.PURCHASE_ORDER,
        PaperKind.SHIPPING_PAPER,
        PaperKind.UPLOADED_INVOICE,
        PaperKind.PAYMENT_PROOF,
        PaperKind.ATTACHMENT,
    }
)

SENT_IN_BY_CUSTOMERS = frozenset({PaperKind.PAYMENT_PROOF, PaperKind.ATTACHMENT})
# What goes with the goods, or says where they go: no prices.
FOR_WAREHOUSES = frozenset(
    {
        PaperKind.DELIVERY_NOTE,
        PaperKind.PACKING_SLIP,
        PaperKind.LABEL,
        PaperKind.RETURN_SLIP,
        PaperKind.SHIPPING_PAPER,
    }
)
FOR_CUSTOMERS = frozenset(
    {
        PaperKind.INVOICE,
        PaperKind.CREDIT_NOTE,
        PaperKind.DELIVERY_NOTE,
        PaperKind.PAYMENT_RECEIPT,
        PaperKind.RETURN_SLIP,
    }
)


class Unprintable(Exception):  # noqa: N818 - reads as what happened
    """A document or print can never be made; the text says why."""


class TooLong(Unprintable):
    """A document has more pages than anyone would print."""


class PrintKind(StrEnum):
    """What can be printed for several orders at once."""

    DOCUMENTS = "documents"  # stored papers, one after the other
    PICK_LIST = "pick_list"  # what to fetch for several shipments, in the order of the shelves
    COURIER_SHEET = "courier_sheet"  # where a courier goes, and whom to call


TRANSITIONS = {
    ("number", PaperStatus.DUE): PaperStatus.NUMBERED,
    ("number", PaperStatus.FAILED): PaperStatus.NUMBERED,
    ("store", PaperStatus.DUE): PaperStatus.STORED,
    ("store", PaperStatus.NUMBERED): PaperStatus.STORED,
    ("store", PaperStatus.FAILED): PaperStatus.STORED,
    ("fail", PaperStatus.DUE): PaperStatus.FAILED,
    ("fail", PaperStatus.NUMBERED): PaperStatus.FAILED,
    ("withdraw", PaperStatus.DUE): PaperStatus.WITHDRAWN,
    ("withdraw", PaperStatus.FAILED): PaperStatus.WITHDRAWN,
    ("supersede", PaperStatus.STORED): PaperStatus.SUPERSEDED,
    ("restore", PaperStatus.SUPERSEDED): PaperStatus.STORED,
    ("remove", PaperStatus.STORED): PaperStatus.REMOVED,
    ("remove", PaperStatus.SUPERSEDED): PaperStatus.REMOVED,
}
_STATES = StateMachine("paper", TRANSITIONS)
may = _STATES.may
status_after = _STATES.status_after


KEPT = frozenset({PaperStatus.STORED, PaperStatus.SUPERSEDED})  # with their bytes
LETTERS_OF_A_ROW = 100  # the room of a row beside what its name takes, in letters
LETTERS_OF_A_LONG_PAPER = 20_000  # ten pages or so: far from any limit


@dataclass(frozen=True, kw_only=True)
class Content:
    """Everything a document shows, frozen when it becomes due: later changes don't affect it."""

    order: OrderSnapshot
    group_id: UUID | None = None  # the delivery group that a delivery note or label is for
    address: Address | None = None  # where its goods go; None if they are collected
    place: int = 1  # this is delivery or parcel number `place` …
    places: int = 1  # … of so many
    shipment: Shipment | None = None  # what a label sticks on
    figures: Figures | None = None  # what an invoice or credit note counts
    paid_minor: int = 0  # what of the invoice was paid by then
    invoice_number: str = ""  # the invoice that a credit note is about
    invoice_issued_on: date | None = None
    in_full: bool = True  # whether a credit note cancels all of its invoice
    reason: str = ""  # why a credit note or a corrected invoice was issued, in people's words
    replaces: str = ""  # the number of the invoice that this one corrects
    returning: Return | None = None  # what a return slip comes back with
    logo: str = ""  # the SHA-256 of the seller's logo
    supplied_from: date | None = None  # when an invoice's goods left, first …
    supplied_until: date | None = None  # … and last; None while some are here

    @property
    def is_part_of_order(self) -> bool:
        """Whether an invoice is for less than all that was not cancelled, so that another one follows."""
        payment = self.order.payment
        return self.figures is not None and (
            self.figures.total_minor != payment.owed_minor + payment.credited_minor
        )

    @property
    def balance_minor(self) -> int:
        """The amount of an invoice still to be paid."""
        return (self.figures.total_minor if self.figures else 0) - self.paid_minor

    @property
    def is_exempt(self) -> bool:
        """Whether the seller charges no tax because it has no VAT number, as small businesses may."""
        taxed = self.figures is None or any(row.rate_basis_points for row in self.figures.tax)
        return not taxed and not vat_identifier(self.order.seller.vat_number)

    def tax_reason(self, rate_basis_points: int) -> TaxReason | None:
        """Why a tax rate of the order applies; None if it is simply the market's rate."""
        reasons = self.order.tax_reasons
        return next((one for one in reasons if one.rate_basis_points == rate_basis_points), None)

    @property
    def tax_reasons(self) -> tuple[TaxReason, ...]:
        """Why each of its tax rates applies, highest rate first."""
        told = (self.tax_reason(row.rate_basis_points) for row in (self.figures.tax if self.figures else ()))
        return tuple(reason for reason in told if reason is not None)

    @property
    def is_untaxed(self) -> bool:
        """Whether it charges no tax at all because of the kind of sale."""
        reasons = self.tax_reasons
        return bool(reasons) and all(not reason.rate_basis_points for reason in reasons)

    @property
    def exemption_reason(self) -> str | None:
        """The exemption wording of the seller's law; None if none is known."""
        return exemption_reason(self.order.seller.address.country) if self.is_exempt else None

    @property
    def discounts_within(self) -> tuple[str, ...]:
        """Names of the discounts included in its rows rather than shown separately."""
        if self.figures is None or not self.order.tells_parts:
            return ()
        borne = {row.tax_rate_basis_points for row in self.figures.rows if row.discount_minor}
        named = (
            fee.name
            for fee in self.order.fees
            if fee.kind == ChargeKind.DISCOUNT and fee.tax_rate_basis_points in borne
        )
        return tuple(dict.fromkeys(named))

    @property
    def one_group(self) -> DeliveryGroup | None:
        """The delivery group of the invoiced goods, if they all go to one place."""
        named = {row.line_id for row in self.figures.rows if row.line_id} if self.figures else set()
        lines = self.order.lines
        going = {line.group_id for line in lines if not named or line.line_id in named}
        groups = [group for group in self.order.delivery_groups if group.group_id in going]
        delivery = self.order.people.delivery
        places = {(delivery.get(str(group.group_id)), group.pickup_point) for group in groups}
        return groups[0] if len(places) == 1 else None

    @property
    def is_long(self) -> bool:
        """Whether the document may have so many pages that it is slow to make, or too long."""
        letters = sum(LETTERS_OF_A_ROW + len(line.name) for line in self.order.lines)
        return letters > LETTERS_OF_A_LONG_PAPER
