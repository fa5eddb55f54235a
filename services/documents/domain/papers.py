"""What papers there are, how one comes to be, and what it says."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from uuid import UUID

from shared.errors import Refused
from shared.events.snapshots import Address, OrderSnapshot, Shipment

WHOLE_ORDER = "order"  # the part of a paper that is about all of an order


class PaperKind(StrEnum):
    """The papers that the system makes by itself."""

    INVOICE = "invoice"
    CREDIT_NOTE = "credit_note"  # takes an invoice back; nothing issued is ever edited
    DELIVERY_NOTE = "delivery_note"  # goes with the goods, without prices
    LABEL = "label"  # sticks on a parcel


# Kept for the legal term and numbered without gaps; the others carry no number of their own.
NUMBERED_KINDS = frozenset({PaperKind.INVOICE, PaperKind.CREDIT_NOTE})


class PaperStatus(StrEnum):
    """The life of a paper."""

    DUE = "due"  # its content is frozen; a renderer will make it
    NUMBERED = "numbered"  # has its place in a gapless series, so it must come to be
    STORED = "stored"  # its bytes are kept and never change
    FAILED = "failed"  # could not be made; waits for an operator
    WITHDRAWN = "withdrawn"  # no longer wanted, before it had a number
    REMOVED = "removed"  # its bytes were erased with a person; hash and dates stay


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
    ("remove", PaperStatus.STORED): PaperStatus.REMOVED,
}


def may(action: str, status: PaperStatus) -> bool:
    """Whether an action may start in a status."""
    return (action, status) in TRANSITIONS


def status_after(action: str, status: PaperStatus) -> PaperStatus:
    """Where an action leads; raises Refused where it may not start."""
    if not may(action, status):
        raise Refused("wrong_status", f"a paper that is {status} can't {action}")
    return TRANSITIONS[action, status]


@dataclass(frozen=True, kw_only=True)
class Content:
    """All that a paper says, frozen when it falls due: later edits of order or customer don't reach it."""

    order: OrderSnapshot
    group_id: UUID | None = None  # the delivery group that a delivery note or label is for
    address: Address | None = None  # where its goods go; None if they are collected
    place: int = 1  # this is delivery or parcel number `place` …
    places: int = 1  # … of so many
    shipment: Shipment | None = None  # what a label sticks on
    invoice_number: str = ""  # the invoice that a credit note cancels
    invoice_issued_on: date | None = None


def disagreements(order: OrderSnapshot) -> Iterator[str]:
    """Which of an order's figures do not add up to its total; such an order is never invoiced."""
    totals = order.totals
    lines = sum(line.total_minor for line in order.lines)
    rows = lines + sum(fee.amount_minor for fee in order.fees) + totals.tax_added_minor
    if rows != totals.total_minor:
        yield f"lines, fees and added tax make {rows}, the total is {totals.total_minor}"
    gross = sum(row.gross_minor for row in totals.tax)
    if gross != totals.total_minor:
        yield f"the tax table makes {gross}, the total is {totals.total_minor}"
    for row in totals.tax:
        if row.net_minor + row.tax_minor != row.gross_minor:
            yield f"at {row.rate_basis_points} basis points net and tax don't make gross"
