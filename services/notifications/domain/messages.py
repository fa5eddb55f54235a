"""Who may post what on an order, how much, and when an answer is due."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.events.snapshots import Author, Paper, PaperKind

LONGEST_TEXT = 4000
MOST_ATTACHMENTS = 5
# Of what a customer writes within an hour: a leaked link must not fill the seller's mailbox.
MOST_MESSAGES = 10
WITHIN = timedelta(hours=1)

# What may go with a message: the other side reads it, so no label and no printout of the seller's own.
_FROM_CUSTOMER = frozenset({PaperKind.ATTACHMENT, PaperKind.PAYMENT_PROOF})
_ISSUED = frozenset(
    {PaperKind.INVOICE, PaperKind.CREDIT_NOTE, PaperKind.DELIVERY_NOTE, PaperKind.RETURN_SLIP}
)
_FROM_SELLER = _FROM_CUSTOMER | _ISSUED


@dataclass(frozen=True, kw_only=True)
class QuotedMessage:
    """A message as quoted in an e-mail."""

    text: str
    posted_at: datetime
    attachments: int


def opens_to_customer(kind: str, author: Author) -> bool:
    """Whether the customer may see a message's attachment: documents meant for them, or their uploads."""
    return kind in _ISSUED or author is Author.CUSTOMER


def may_be_attached(paper: Paper, author: Author) -> bool:
    """Whether a stored document of the order may be attached to a message by this side."""
    kinds = _FROM_CUSTOMER if author is Author.CUSTOMER else _FROM_SELLER
    return paper.kind in kinds
