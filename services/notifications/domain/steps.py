"""Which e-mails an order's newest state calls for, in the order in which they are told."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from shared.events.snapshots import DocumentsSnapshot, OrderSnapshot, Paper, ShipmentsSnapshot


class Step(StrEnum):
    """What an e-mail tells; a part of its key, so a step is told once and never renamed."""

    NEW_ORDER = "new_order"  # to the seller; all others to the customer
    CONFIRMATION = "confirmation"  # the order was received, and how to pay for it
    ACCEPTED = "accepted"
    SHIPPED = "shipped"  # one per shipment
    INVOICE = "invoice"  # one per invoice, attached
    CANCELLED = "cancelled"
    CREDIT_NOTE = "credit_note"  # one per credit note, attached


class Recipient(StrEnum):
    """Whom an e-mail is for."""

    CUSTOMER = "customer"
    SELLER = "seller"


@dataclass(frozen=True, kw_only=True)
class Letter:
    """An e-mail that is owed."""

    step: Step
    recipient: Recipient = Recipient.CUSTOMER
    about: UUID | None = None  # the shipment or paper that it tells of
    paper: Paper | None = None  # what is attached


def owed_letters(
    order: OrderSnapshot, shipments: ShipmentsSnapshot | None, documents: DocumentsSnapshot | None
) -> Iterator[Letter]:
    """Every e-mail that is owed once the order has come this far, whether or not it was written before.

    Sources are heard in any order, so what follows from something waits until that is known: a shipment
    for the acceptance, an invoice for what its market issues it on, a credit note for the cancellation
    or refund. A step that was passed by is still owed: an order that is first heard of when it has
    been accepted gets its confirmation and then its acceptance.
    """
    if order.anonymised_at is not None:
        return
    yield Letter(step=Step.NEW_ORDER, recipient=Recipient.SELLER)
    yield Letter(step=Step.CONFIRMATION)
    if order.accepted_at is not None:
        yield Letter(step=Step.ACCEPTED)
        for shipment in shipments.shipments if shipments else ():
            if shipment.shipped_at is not None:
                yield Letter(step=Step.SHIPPED, about=shipment.shipment_id)
    papers = [paper for paper in (documents.papers if documents else ()) if paper.status == "stored"]
    if order.market.invoice_on != "acceptance" or order.accepted_at is not None:
        yield from _papers(papers, "invoice", Step.INVOICE)
    if order.cancelled_at is not None:
        yield Letter(step=Step.CANCELLED)
    if order.cancelled_at is not None or order.refunds:
        yield from _papers(papers, "credit_note", Step.CREDIT_NOTE)


def _papers(papers: list[Paper], kind: str, step: Step) -> Iterator[Letter]:
    for paper in papers:
        if paper.kind == kind:
            yield Letter(step=step, about=paper.document_id, paper=paper)


def key_of(letter: Letter, order_id: UUID, recipient_id: str) -> str:
    """What makes an e-mail the same one: `email:<step>:<order>:<recipient id>`, never the address."""
    step = f"{letter.step}.{letter.about}" if letter.about else letter.step
    return f"email:{step}:{order_id}:{recipient_id}"
