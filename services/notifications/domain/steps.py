"""Which e-mails an order's newest state requires, in sending order."""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from shared.events.snapshots import (
    Courier,
    DocumentsSnapshot,
    InvoiceOn,
    MethodKind,
    OrderSnapshot,
    Paper,
    PaperKind,
    PaperStatus,
    Recipient,
    RefundKind,
    Return,
    ReturnStatus,
    Shipment,
    ShipmentsSnapshot,
    ShipmentStatus,
    Step,
)

# What happens within seconds of these is told with them: they wait for it (setting MERGE_SECONDS).
WAITING = frozenset({Step.CONFIRMATION, Step.ACCEPTED, Step.MESSAGE, Step.CUSTOMER_MESSAGE})
MESSAGES = frozenset({Step.MESSAGE, Step.CUSTOMER_MESSAGE})

ABOUT_WEBHOOKS = frozenset({Step.WEBHOOK_FAILING, Step.WEBHOOK_OFF, Step.WEBHOOK_GONE})
TO_SELLER = ABOUT_WEBHOOKS | {Step.NEW_ORDER, Step.RETURN_TO_DECIDE, Step.CUSTOMER_MESSAGE, Step.OVERDUE}

# What the customer may be sent of an order's papers, and as which step.
PAPER_STEPS = {
    PaperKind.INVOICE: Step.INVOICE,
    PaperKind.DELIVERY_NOTE: Step.DELIVERY_NOTE,
    PaperKind.CREDIT_NOTE: Step.CREDIT_NOTE,
}


@dataclass(frozen=True, kw_only=True)
class OwedEmail:
    """An e-mail to be sent."""

    step: Step
    recipient: Recipient = Recipient.CUSTOMER
    about: UUID | None = None  # the shipment, paper, refund, return or message that it tells of
    edition: str = ""  # what tells two of the same step about the same thing apart
    paper: Paper | None = None  # what is attached
    courier: Courier | None = None  # whom it is for, where it is for one


def owed_emails(
    order: OrderSnapshot, shipments: ShipmentsSnapshot | None, documents: DocumentsSnapshot | None
) -> Iterator[OwedEmail]:
    """All e-mails required at this point of an order's life, including any already written.

    Sources are heard in any order, so what follows from something waits until that is known: a shipment
    for the acceptance, an invoice for what its market issues it on, a credit note for the cancellation,
    refund or correction that it is over. A step that was passed by is still owed: an order that is first
    heard of when it has been accepted gets its confirmation and then its acceptance.
    """
    if order.anonymised_at is not None:
        return
    yield OwedEmail(step=Step.NEW_ORDER, recipient=Recipient.SELLER)
    yield OwedEmail(step=Step.CONFIRMATION)
    if is_paid(order):
        yield OwedEmail(step=Step.PAYMENT_RECEIVED)
    papers = [
        paper for paper in (documents.papers if documents else ()) if paper.status == PaperStatus.STORED
    ]
    if order.accepted_at is not None:
        yield OwedEmail(step=Step.ACCEPTED)
        if order.cancelled_at is None:
            yield from _papers(papers, PaperKind.DELIVERY_NOTE)
        yield from _emails_about_goods(shipments)
    if order.market.invoice_on != InvoiceOn.ACCEPTANCE or order.accepted_at is not None:
        yield from _papers(papers, PaperKind.INVOICE)
    ends = {
        Step.REFUSED: order.refused_at,
        Step.FAILED: order.failed_at,
        Step.CANCELLED: order.cancelled_at,
    }
    yield from (OwedEmail(step=step) for step, ended_at in ends.items() if ended_at is not None)
    for refund in order.refunds:
        # What their bank took back the customer knows, and nobody gave it.
        if refund.settled_at and refund.amount_minor > 0 and refund.kind != RefundKind.CHARGEBACK:
            yield OwedEmail(step=Step.REFUNDED, about=refund.refund_id)
    yield from _papers(
        [paper for paper in papers if _is_explained(paper, order, documents)], PaperKind.CREDIT_NOTE
    )
    yield from _emails_about_returns(order, shipments)


def is_paid(order: OrderSnapshot) -> bool:
    """Whether the money received covers the amount owed."""
    return order.payment.covered and order.payment.received_minor > 0


def is_merged(step: str, into: str, order: OrderSnapshot) -> bool:
    """Whether a queued e-mail adds nothing to one ahead of it that is written now."""
    if step in MESSAGES:
        return step == into  # an e-mail shows all messages that wait to be told
    if step == Step.DELIVERY_NOTE:
        return into == Step.ACCEPTED  # which takes the paper along
    return into == Step.CONFIRMATION and step == Step.PAYMENT_RECEIVED and is_paid(order)


def _emails_about_goods(shipments: ShipmentsSnapshot | None) -> Iterator[OwedEmail]:
    for shipment in shipments.shipments if shipments else ():
        yield from _emails_about_shipment(shipment)
    yield from emails_to_couriers(shipments)


def emails_to_couriers(shipments: ShipmentsSnapshot | None) -> Iterator[OwedEmail]:
    """One for each shipment that its courier has yet to deliver; a new one for each new assignment."""
    for shipment_id, courier in shipments.people.couriers.items() if shipments else ():
        yield OwedEmail(
            step=Step.COURIER_ASSIGNED,
            recipient=Recipient.COURIER,
            about=UUID(shipment_id),
            edition=f"{courier.assigned_at:%Y%m%dT%H%M%S%f}",
            courier=courier,
        )


def _emails_about_shipment(shipment: Shipment) -> Iterator[OwedEmail]:
    about = shipment.shipment_id
    waits = shipment.ready_at is not None and shipment.cancelled_at is None
    if waits and shipment.method_kind == MethodKind.PICKUP and shipment.collect_code:
        # Another code is another e-mail: the old one opens nothing any more.
        yield OwedEmail(step=Step.READY_FOR_PICKUP, about=about, edition=str(shipment.collect_code))
        if shipment.collect_reminded_at is not None:
            yield OwedEmail(step=Step.PICKUP_REMINDER, about=about)
    for appointment in shipment.appointments:
        edition = f"{appointment.kind}-{appointment.starts_at:%Y%m%dT%H%M}"
        yield OwedEmail(step=Step.APPOINTMENT, about=about, edition=edition)
    if shipment.shipped_at is not None:
        yield OwedEmail(step=Step.SHIPPED, about=about)
    if shipment.status == ShipmentStatus.UNDELIVERABLE:
        yield OwedEmail(step=Step.UNDELIVERABLE, about=about)
    if shipment.delivered_at is not None:
        yield OwedEmail(step=Step.DELIVERED, about=about)


def _is_explained(note: Paper, order: OrderSnapshot, documents: DocumentsSnapshot | None) -> bool:
    """Whether it is known what a credit note is for; a replacement invoice explains it too."""
    ended = order.cancelled_at or order.refused_at or order.failed_at
    if ended or order.refunds or any(line.cancelled_quantity for line in order.lines):
        return True
    papers = documents.papers if documents else ()
    return any(paper.kind == PaperKind.INVOICE and paper.refers_to == note.refers_to for paper in papers)


def _papers(papers: list[Paper], kind: PaperKind) -> Iterator[OwedEmail]:
    for paper in papers:
        if paper.kind == kind:
            yield OwedEmail(step=PAPER_STEPS[kind], about=paper.document_id, paper=paper)


def _emails_about_returns(order: OrderSnapshot, shipments: ShipmentsSnapshot | None) -> Iterator[OwedEmail]:
    arrived = {received.return_id for received in (shipments.returns if shipments else ())}
    for returned in order.returns:
        yield from _emails_about_return(returned, has_arrived=returned.return_id in arrived)


def _emails_about_return(returned: Return, *, has_arrived: bool) -> Iterator[OwedEmail]:
    yield OwedEmail(step=Step.RETURN_TO_DECIDE, recipient=Recipient.SELLER, about=returned.return_id)
    yield OwedEmail(step=Step.RETURN_REQUESTED, about=returned.return_id)
    if returned.status == ReturnStatus.REJECTED:
        yield OwedEmail(step=Step.RETURN_REJECTED, about=returned.return_id)
    if returned.approved_at is not None or has_arrived:
        yield OwedEmail(step=Step.RETURN_APPROVED, about=returned.return_id)
    if has_arrived:
        yield OwedEmail(step=Step.RETURN_RECEIVED, about=returned.return_id)


def key_of(owed: OwedEmail, order_id: UUID, recipient_id: str) -> str:
    """The unique key of an e-mail: `email:<step>:<order>:<recipient id>`, never the address."""
    step = ".".join(str(part) for part in (owed.step, owed.about, owed.edition) if part)
    return f"email:{step}:{order_id}:{recipient_id}"
