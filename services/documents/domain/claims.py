"""Valid invoices, what was credited of them, and what they still claim."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from services.documents.domain.figures import Figures
from shared.events.snapshots import OrderSnapshot, Refund, RefundState

CANCELLATION = "cancellation"
CANCELLED_LINES = "cancelled_lines"
CORRECTION = "correction"
FEES = "fees"  # also the part of an invoice over nothing else
REFUND = "refund"


@dataclass(frozen=True, kw_only=True)
class Invoice:
    """A valid invoice with its credits by cause."""

    paper_id: UUID
    part: str
    figures: Figures
    number: str | None = None  # None before its turn
    issued_on: date | None = None
    credits: tuple[tuple[str, Figures], ...] = field(default=())  # by cause

    @property
    def credited(self) -> list[Figures]:
        """All credits, whatever their cause."""
        return [each for _, each in self.credits]

    @property
    def claim_minor(self) -> int:
        """The amount it still claims."""
        return self.figures.total_minor - sum(each.total_minor for each in self.credited)


@dataclass(frozen=True, kw_only=True)
class DueCredit:
    """A credit note that is due for an invoice."""

    invoice: Invoice
    cause: str
    figures: Figures
    reason: str


def unclaimed_minor(order: OrderSnapshot, invoices: Sequence[Invoice]) -> int:
    """What was received and not paid back, less what these invoices claim of it.

    A refund that no credit note bears yet counts as received: the note takes it off an invoice later.
    """
    credited = sum(refund.credited_minor for refund in settled(order))
    noted = sum(
        note.total_minor for each in invoices for cause, note in each.credits if cause.startswith(REFUND)
    )
    received = order.payment.received_minor - order.payment.refunded_minor + credited - noted
    return received - sum(each.claim_minor for each in invoices)


def settled(order: OrderSnapshot) -> list[Refund]:
    """Refunds that were paid out, oldest first; credit notes are due for these."""
    done = [refund for refund in order.refunds if refund.state == RefundState.SETTLED and refund.settled_at]
    return sorted(done, key=lambda refund: (refund.settled_at, refund.refund_id))
