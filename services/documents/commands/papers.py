"""What can be done to papers. The caller owns the transaction and the order's lock; commands never commit."""

from dataclasses import replace
from uuid import UUID

import msgspec
from sqlalchemy.orm import Session

from services.documents import events, queries
from services.documents.domain.due_papers import (
    DuePaper,
    cancelled_shipments,
    due_papers,
    invoice,
    is_off,
)
from services.documents.domain.papers import (
    NUMBERED_KINDS,
    PaperKind,
    may,
    status_after,
)
from services.documents.models import Paper
from shared import clock
from shared.access import actor_of
from shared.errors import Refused
from shared.events.snapshots import OrderSnapshot, People, ShipmentsSnapshot
from shared.messaging import copies, outbox
from shared.messaging.jobs import enqueue
from shared.messaging.subjects import lock_order


def issue_due_papers(session: Session, order: OrderSnapshot, shipments: ShipmentsSnapshot | None) -> None:
    """Bring the papers of an order in line with its newest state; what exists is never touched.

    Once due, a paper stays due while the order stands, also if the payment that called for it is voided.
    """
    papers = {(paper.kind, paper.part): paper for paper in queries.papers_in_line(session, order.order_id)}
    if is_off(order):
        for paper in papers.values():
            _take_back(session, paper, papers)
        return
    for due in due_papers(order, shipments):
        if (due.kind, due.part) not in papers:
            _add(session, due)
    for part in cancelled_shipments(shipments):
        label = papers.get((PaperKind.LABEL, part))
        if label is not None and may("withdraw", label.status):
            label.status = status_after("withdraw", label.status)


def issue_invoice(session: Session, order_id: UUID) -> Paper:
    """Have an order invoiced, in a market that leaves the moment to people; rendering follows.

    Raises NotFound for an unknown or another seller's order, Refused where the market's rule issues it
    (issued_by_rule), before acceptance (not_accepted), for an order that is off (order_is_off), whose person
    was erased (person_erased), or that has its invoice (already_issued).
    """
    lock_order(session, order_id)
    order = queries.visible_order(session, order_id)
    if order.market.invoice_on != "hand":
        raise Refused("issued_by_rule", f"this market invoices on {order.market.invoice_on}")
    if order.accepted_at is None:
        raise Refused("not_accepted", "an order is invoiced after its acceptance")
    if is_off(order):
        raise Refused("order_is_off", f"the order is {order.status}")
    if order.anonymised_at is not None:
        raise Refused("person_erased", "whoever ordered was erased")
    due = invoice(order)
    for paper in queries.papers_in_line(session, order_id):
        if (paper.kind, paper.part) == (due.kind, due.part):
            raise Refused("already_issued", "the order has its invoice", document_id=str(paper.id))
    return _add(session, due)


def paper_stored(session: Session, paper_id: UUID, sha256: str, size_bytes: int) -> None:
    """Note that a paper's bytes are kept and tell of it; bytes of a paper no longer wanted are erased."""
    paper = session.get_one(Paper, paper_id)
    if not may("store", paper.status):
        _erase_bytes(session, paper, sha256)
        return
    paper.status = status_after("store", paper.status)
    paper.sha256 = sha256
    paper.size_bytes = size_bytes
    paper.stored_at = clock.now()
    paper.failure = ""
    outbox.publish(session, events.paper_stored(session, paper))


def give_up(session: Session, paper_id: UUID, reason: str) -> None:
    """Note that a paper could not be made; one that has a number keeps it and waits for an operator."""
    paper = session.get_one(Paper, paper_id)
    if not may("fail", paper.status):
        return
    paper.status = status_after("fail", paper.status)
    paper.failure = reason
    outbox.publish(session, events.document_failed(session, paper, reason))


def erase_people(session: Session, order_id: UUID) -> None:
    """Empty the papers of an order of its person, their bytes included.

    Invoices and credit notes stay as they are: the law wants them kept for its term (P-38). A removed
    paper keeps its hash and dates.
    """
    copies.erase_people(session, order_id)
    for paper in queries.papers_in_line(session, order_id):
        if paper.kind in NUMBERED_KINDS:
            continue
        frozen = paper.frozen
        paper.content = msgspec.to_builtins(
            replace(frozen, order=replace(frozen.order, people=People()), address=None)
        )
        if may("withdraw", paper.status):
            paper.status = status_after("withdraw", paper.status)
        elif may("remove", paper.status):
            assert paper.sha256 is not None
            paper.status = status_after("remove", paper.status)
            _erase_bytes(session, paper, paper.sha256)
            outbox.publish(session, events.document_removed(session, paper, "person_erased"))


def _add(session: Session, due: DuePaper, refers_to: UUID | None = None) -> Paper:
    order = due.content.order
    paper = Paper(
        order_id=order.order_id,
        order_number=order.number,
        kind=due.kind,
        part=due.part,
        seller=order.seller.seller,
        market=order.market.market,
        currency=order.currency,
        total_minor=due.total_minor,
        content=msgspec.to_builtins(due.content),
        requested_by=actor_of(session).name,
        refers_to=refers_to,
        due_at=clock.now(),
    )
    session.add(paper)
    session.flush()
    enqueue(
        session,
        "paper",
        key=f"{due.kind}:{order.order_id}:{due.part}",
        order_id=order.order_id,
        number=order.number,
        argument={"paper_id": str(paper.id)},
    )
    return paper


def _take_back(session: Session, paper: Paper, papers: dict[tuple[PaperKind, str], Paper]) -> None:
    if paper.kind is PaperKind.CREDIT_NOTE:
        return  # it is what takes back, and stays due however often its order is heard to be off
    if paper.number is None:
        if may("withdraw", paper.status):
            paper.status = status_after("withdraw", paper.status)
    elif paper.kind is PaperKind.INVOICE and (PaperKind.CREDIT_NOTE, paper.part) not in papers:
        content = replace(paper.frozen, invoice_number=paper.number, invoice_issued_on=paper.issued_on)
        note = DuePaper(
            kind=PaperKind.CREDIT_NOTE, part=paper.part, content=content, total_minor=paper.total_minor
        )
        _add(session, note, refers_to=paper.id)


def _erase_bytes(session: Session, paper: Paper, sha256: str) -> None:
    # After the commit: bytes that a rolled-back transaction still needs must not be gone.
    enqueue(
        session,
        "removal",
        key=f"removal:{paper.id}:{sha256}",
        order_id=paper.order_id,
        number=paper.order_number,
        argument={"sha256": sha256},
    )
