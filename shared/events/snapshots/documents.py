"""The documents service's snapshot of an order's documents, and its enums."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import ClassVar
from uuid import UUID

from shared.events.open_enum import OpenEnum


class PaperKind(OpenEnum):
    """What a document is for."""

    INVOICE = "invoice"
    CREDIT_NOTE = "credit_note"  # takes an invoice back; nothing issued is ever edited
    DELIVERY_NOTE = "delivery_note"  # goes with the goods, without prices
    PACKING_SLIP = "packing_slip"  # lies in the parcel and tells what is in it
    LABEL = "label"  # sticks on a parcel
    RETURN_SLIP = "return_slip"  # comes back with the goods
    ORDER_PRINTOUT = "order_printout"  # the order as of now, for the seller's own use
    PAYMENT_RECEIPT = "payment_receipt"  # what was received so far
    # What people send in:
    PURCHASE_ORDER = "purchase_order"
    SHIPPING_PAPER = "shipping_paper"
    UPLOADED_INVOICE = "uploaded_invoice"  # made elsewhere; Waybill's own are never uploaded
    PAYMENT_PROOF = "payment_proof"
    ATTACHMENT = "attachment"  # of a message


class PaperStatus(OpenEnum):
    """The status of a document."""

    DUE = "due"  # its content is frozen; a renderer will make it
    NUMBERED = "numbered"  # has its place in a gapless series, so it must come to be
    STORED = "stored"  # its bytes are kept and never change
    FAILED = "failed"  # could not be made; waits for an operator
    SUPERSEDED = "superseded"  # its parcels were packed otherwise since, or are not sent: kept, never printed
    WITHDRAWN = "withdrawn"  # no longer wanted, before it had a number
    REMOVED = "removed"  # its bytes were erased; hash and dates stay


@dataclass(frozen=True, kw_only=True)
class Paper:
    """One document of an order; its content never changes once stored."""

    document_id: UUID
    kind: PaperKind
    status: PaperStatus
    part: str  # what of the order it is about: "order", a method's code, a group's, shipment's or return's id
    number: str = ""  # gapless within its series; empty for kinds without one
    total_minor: int = 0
    issued_on: date | None = None
    stored_at: datetime | None = None
    content_type: str = "application/pdf"
    sha256: str = ""
    size_bytes: int = 0
    refers_to: UUID | None = None  # the invoice that a credit note credits or a corrected one replaces
    parcels: tuple[UUID, ...] = ()  # those that a label is for; not said: all of its shipment
    unprintable: str = ""  # characters that no typeface has, each once; a mark stands for them
    einvoice_faults: tuple[str, ...] = ()  # why an invoice carries no XML for machines, though it should


@dataclass(frozen=True, kw_only=True)
class DocumentsSnapshot:
    """All documents of an order, as the documents service knows them."""

    SOURCE: ClassVar[str] = "documents"

    order_id: UUID
    number: str
    version: int
    currency: str
    papers: tuple[Paper, ...]

    @property
    def subject(self) -> str:
        """The order's id, which events use as their subject."""
        return str(self.order_id)
