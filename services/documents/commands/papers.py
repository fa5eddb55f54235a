"""Commands on documents. The caller owns the transaction and the order's lock; commands never commit."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from uuid import UUID

import msgspec
from sqlalchemy.orm import Session

from services.documents import events, queries, storage
from services.documents.commands.prints import forget_prints_of
from services.documents.domain.claims import CORRECTION, DueCredit, Invoice, unclaimed_minor
from services.documents.domain.due_papers import (
    PACKED,
    DuePaper,
    cancelled_shipments,
    credit_note,
    due_invoice_papers,
    due_papers,
    invoice_content,
    is_superseded,
    on_demand,
    packed,
)
from services.documents.domain.figures import rest_of_invoice
from services.documents.domain.invoices import is_off
from services.documents.domain.papers import (
    KINDS_ON_DEMAND,
    NUMBERED_KINDS,
    UPLOADED_KINDS,
    may,
    status_after,
)
from services.documents.models import Paper
from shared import clock
from shared.access import actor_of
from shared.errors import Refused
from shared.events.snapshots import (
    Address,
    InvoiceOn,
    OrderSnapshot,
    PaperKind,
    PaperStatus,
    People,
    ShipmentsSnapshot,
)
from shared.messaging import copies, outbox
from shared.messaging.jobs import enqueue
from shared.messaging.order_locks import lock_order, of_locked_order

# What an order's end doesn't take back: a credit note is what takes back, and who asks for a paper gets it.
STAYS_DUE = KINDS_ON_DEMAND | {PaperKind.CREDIT_NOTE}


def issue_due_papers(session: Session, order: OrderSnapshot, shipments: ShipmentsSnapshot | None) -> None:
    """Create the documents that the order's current state requires; existing ones are not changed.

    Once due, a paper stays due while the order stands, also if the payment that called for it is voided.
    """
    papers = queries.papers_in_line(session, order.order_id)
    if is_off(order):
        _withdraw(paper for paper in papers if paper.number is None and paper.kind not in STAYS_DUE)
    cancelled = cancelled_shipments(shipments)
    _withdraw(paper for paper in papers if paper.part in cancelled and paper.number is None)
    _supersede(papers, shipments)
    known = {paper.key for paper in papers} | {
        packed(paper.kind, frozen, frozen.shipment).key
        for paper in papers
        if paper.kind in PACKED and (frozen := paper.frozen).shipment
    }
    for due in due_papers(order, shipments, standing_invoices(papers)):
        if due.key not in known:
            _add(session, due)


def standing_invoices(papers: Sequence[Paper]) -> list[Invoice]:
    """The order's invoices that were not corrected, in the order they became due, with their credits."""
    notes = [
        paper
        for paper in papers
        if paper.kind is PaperKind.CREDIT_NOTE and paper.status is not PaperStatus.WITHDRAWN
    ]
    corrected = {note.refers_to for note in notes if note.cause == CORRECTION}
    return [
        invoice_of(paper, notes)
        for paper in papers
        if paper.kind is PaperKind.INVOICE
        and paper.status is not PaperStatus.WITHDRAWN
        and paper.id not in corrected
    ]


def invoice_of(paper: Paper, notes: Iterable[Paper]) -> Invoice:
    """An invoice in the form the domain rules use."""
    return Invoice(
        paper_id=paper.id,
        part=paper.part,
        figures=paper.counted,
        number=paper.number,
        issued_on=paper.issued_on,
        credits=tuple((note.cause, note.counted) for note in notes if note.refers_to == paper.id),
    )


def issue_invoices(session: Session, order_id: UUID) -> list[Paper]:
    """Invoice an order in a market where invoices are issued by hand; rendering follows.

    Where the market takes one invoice a shipment, those that have gone out and have none yet. Raises
    NotFound for an unknown or another seller's order, Refused where the market's rule issues it
    (issued_by_rule), before acceptance (not_accepted), for an order that is off (order_is_off), whose person
    was erased (person_erased), that has its invoices (already_issued) or nothing to invoice yet
    (nothing_to_invoice).
    """
    queries.visible_order(session, order_id)  # before the lock: nobody waits at another's order
    lock_order(session, order_id)
    order = _promised_order(session, order_id)
    if order.market.invoice_on != InvoiceOn.HAND:
        raise Refused("issued_by_rule", f"this market issues invoices on {order.market.invoice_on}")
    papers = queries.papers_in_line(session, order_id)
    shipments = copies.newest(session, order_id, ShipmentsSnapshot)
    invoices = standing_invoices(papers)
    due = list(due_invoice_papers(order, shipments, invoices, by_hand=True))
    if not due and invoices:
        raise Refused("already_issued", "the order has been invoiced", document_id=str(invoices[-1].paper_id))
    if not due:
        raise Refused("nothing_to_invoice", "no shipment has left yet")
    return [_add(session, each) for each in due]


def request_paper(session: Session, order_id: UUID, kind: PaperKind) -> Paper:
    """Request a document of the order as it is now; repeating it returns the same until the order changes.

    Raises NotFound, Refused (nothing_received, person_erased).
    """
    queries.visible_order(session, order_id)  # before the lock: nobody waits at another's order
    lock_order(session, order_id)
    order = queries.visible_order(session, order_id)
    if order.anonymised_at is not None:
        raise Refused("person_erased", "the customer has been erased")
    due = on_demand(kind, order)
    known = queries.paper_of_key(session, due.key)
    return known if known is not None else _add(session, due)


def correct_invoice(
    session: Session,
    paper_id: UUID,
    *,
    reason: str,
    billing: Address | None = None,
    vat_number: str | None = None,
) -> Paper:
    """Cancel an invoice by a credit note and issue a new one: issued documents are never edited.

    The new one says what the order says now, what was paid and when the goods left too, with another
    address or VAT number where one is given, over the same goods. Raises NotFound, Refused (not_an_invoice,
    not_issued, already_credited, order_is_off, not_accepted, person_erased).
    """
    paper = of_locked_order(session, queries.paper(session, paper_id))
    if paper.kind is not PaperKind.INVOICE:
        raise Refused("not_an_invoice", f"a {paper.kind.replace('_', ' ')} can't be corrected")
    if paper.number is None:
        raise Refused("not_issued", "the invoice has no number yet")
    order = _promised_order(session, paper.order_id)
    papers = queries.papers_in_line(session, paper.order_id)
    invoice = invoice_of(paper, [each for each in papers if each.kind is PaperKind.CREDIT_NOTE])
    if invoice.credits:
        raise Refused("already_credited", "the invoice already has a credit note")
    figures = rest_of_invoice(invoice.figures, (), order.market.tax_mode)
    credit = DueCredit(invoice=invoice, cause=CORRECTION, figures=figures, reason=reason)
    shipments = copies.newest(session, paper.order_id, ShipmentsSnapshot)
    note = credit_note(order, credit, shipments)
    # The credit note goes to whom the invoice went.
    _add(session, replace(note, content=replace(note.content, order=paper.frozen.order)))
    customer = order.people.customer
    if customer is not None and vat_number is not None:
        customer = replace(customer, vat_number=vat_number)
    people = replace(order.people, customer=customer, billing=billing or order.people.billing)
    others = [each for each in standing_invoices(papers) if each.paper_id != paper.id]
    newest = replace(order, people=people)
    content = invoice_content(newest, shipments, paper.part, invoice.figures, unclaimed_minor(order, others))
    return _add(
        session,
        DuePaper(
            kind=PaperKind.INVOICE,
            part=paper.part,
            content=replace(content, reason=reason, replaces=paper.number),
            cause=CORRECTION,
            total_minor=paper.total_minor,
            suffix=f"{CORRECTION}:{paper.id}",
            refers_to=paper.id,
        ),
    )


def try_again(session: Session, paper_id: UUID) -> Paper:
    """Retry a document that could not be made; raises NotFound, Refused (wrong_status)."""
    paper = of_locked_order(session, queries.paper(session, paper_id))
    if paper.status is not PaperStatus.FAILED:
        raise Refused("wrong_status", f"the document is {paper.status}")
    _owe(session, paper, f"{paper.key}:again:{clock.now().isoformat()}")
    return paper


def store_paper(
    session: Session,
    paper_id: UUID,
    content: bytes,
    einvoice: dict[str, object] | None = None,
    unprintable: str = "",
) -> None:
    """Store the file of a document that is still wanted, and publish the event."""
    paper = session.get_one(Paper, paper_id)
    if not may("store", paper.status):
        return
    paper.sha256 = storage.store(session, content)
    paper.status = status_after("store", paper.status)
    paper.size_bytes = len(content)
    paper.einvoice = einvoice
    paper.unprintable = unprintable
    paper.stored_at = clock.now()
    paper.failure = ""
    if paper.kind in {PaperKind.INVOICE, *PACKED}:
        shipments = copies.newest(session, paper.order_id, ShipmentsSnapshot)
        if paper.kind is not PaperKind.INVOICE:
            _supersede([paper], shipments)  # packed anew while it was made
        elif order := copies.newest(session, paper.order_id, OrderSnapshot):
            # What was refunded or cancelled while it waited for its number could not be credited before.
            issue_due_papers(session, order, shipments)
    tell_stored(session, paper)


def tell_stored(session: Session, paper: Paper) -> None:
    """Publish that a document is stored; of the unnumbered ones shipping only needs the labels."""
    unconcerned = () if paper.kind is PaperKind.LABEL else ("shipping",)
    outbox.publish(session, events.paper_stored(session, paper), but=unconcerned)


def give_up(session: Session, paper_id: UUID, reason: str) -> None:
    """Record that a document could not be made; a numbered one keeps its number and waits for an operator."""
    paper = session.get_one(Paper, paper_id)
    if not may("fail", paper.status):
        return
    paper.status = status_after("fail", paper.status)
    paper.failure = reason
    outbox.publish(session, events.document_failed(session, paper, reason))


def erase_people(session: Session, order_id: UUID) -> None:
    """Erase personal data from an order's documents, including their files.

    Invoices and credit notes stay as they are: the law wants them kept for its term (P-38). A removed
    paper keeps its hash and dates.
    """
    copies.erase_people(session, order_id)
    forget_prints_of(session, order_id)
    for paper in queries.papers_in_line(session, order_id):
        if paper.kind in NUMBERED_KINDS:
            continue
        if paper.kind in UPLOADED_KINDS:
            paper.filename = ""
        else:
            frozen = paper.frozen
            paper.content = msgspec.to_builtins(
                replace(frozen, order=replace(frozen.order, people=People()), address=None)
            )
        if may("withdraw", paper.status):
            paper.status = status_after("withdraw", paper.status)
        elif may("remove", paper.status):
            _remove(session, paper, "person_erased")


def remove_upload(session: Session, paper_id: UUID, reason: str) -> Paper:
    """Remove an upload: its file is deleted; its record keeps the sender and the hash.

    Raises NotFound, Refused: made_by_the_system for a paper of ours, wrong_status once it is gone.
    """
    paper = of_locked_order(session, queries.paper(session, paper_id))
    if paper.kind not in UPLOADED_KINDS:
        raise Refused("made_by_the_system", "only uploads can be removed")
    _remove(session, paper, reason)
    return paper


def _promised_order(session: Session, order_id: UUID) -> OrderSnapshot:
    order = queries.visible_order(session, order_id)
    if order.accepted_at is None:
        raise Refused("not_accepted", "an order can only be invoiced once it is accepted")
    if is_off(order):
        raise Refused("order_is_off", f"the order is {order.status}")
    if order.anonymised_at is not None:
        raise Refused("person_erased", "the customer has been erased")
    return order


def _add(session: Session, due: DuePaper) -> Paper:
    order = due.content.order
    logo = queries.newest_logo(session, order.seller.seller)
    content = replace(due.content, logo=logo.sha256 or "") if logo else due.content
    paper = Paper(
        key=due.key,
        order_id=order.order_id,
        order_number=order.number,
        kind=due.kind,
        part=due.part,
        cause=due.cause,
        seller=order.seller.seller,
        market=order.market.market,
        currency=order.currency,
        total_minor=due.total_minor,
        content=msgspec.to_builtins(content),
        requested_by=actor_of(session).name,
        refers_to=due.refers_to,
        due_at=clock.now(),
    )
    session.add(paper)
    session.flush()
    _owe(session, paper, due.key)
    return paper


def _owe(session: Session, paper: Paper, key: str) -> None:
    enqueue(
        session,
        "long_paper"
        if paper.frozen.is_long
        else "paper",  # with more time, and a longer wait if its worker dies
        key=key,
        order_id=paper.order_id,
        number=paper.order_number,
        argument={"paper_id": str(paper.id)},
    )


def _withdraw(papers: Iterable[Paper]) -> None:
    for paper in papers:
        if may("withdraw", paper.status):
            paper.status = status_after("withdraw", paper.status)


def _supersede(papers: Iterable[Paper], shipments: ShipmentsSnapshot | None) -> None:
    """Mark documents that no parcel needs any more as superseded; restore those that are needed again."""
    if shipments is None:
        return
    for paper in papers:
        if paper.kind in PACKED and (frozen := paper.frozen).shipment is not None:
            step = "supersede" if is_superseded(paper.kind, frozen, shipments) else "restore"
            if may(step, paper.status):
                paper.status = status_after(step, paper.status)


def _remove(session: Session, paper: Paper, reason: str) -> None:
    paper.status = status_after("remove", paper.status)
    assert paper.sha256 is not None
    # After the commit: bytes that a rolled-back transaction still needs must not be gone.
    enqueue(
        session,
        "removal",
        key=f"removal:{paper.id}:{paper.sha256}",
        order_id=paper.order_id,
        number=paper.order_number,
        argument={"sha256": paper.sha256},
    )
    outbox.publish(session, events.document_removed(session, paper, reason))
