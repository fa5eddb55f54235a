"""Several documents as one file for printing. The caller owns the transaction; rendering follows."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from services.documents import queries, storage
from services.documents.domain.papers import PrintKind, may, status_after
from services.documents.models import Paper, Print
from shared import clock
from shared.access import actor_of
from shared.db import new_id
from shared.errors import NotFound, Refused
from shared.events.snapshots import PaperKind, PaperStatus, ShipmentsSnapshot, ShipmentStatus
from shared.messaging import copies
from shared.messaging.jobs import enqueue

KEPT = timedelta(days=1)  # it repeats what the papers say, names and addresses too


def print_documents(session: Session, document_ids: Sequence[UUID]) -> Print:
    """Combine stored documents into one PDF, in the order given.

    Raises NotFound, Refused with the document_id: not_stored, removed, superseded, or not_printable for
    pictures.
    """
    papers = queries.stored_papers_of(session, document_ids)
    for paper in papers:
        if paper.content_type != "application/pdf":
            raise Refused("not_printable", "only PDFs can be combined", document_id=str(paper.id))
    return _owe_papers(session, papers)


def print_papers_of_orders(
    session: Session, order_ids: Sequence[UUID], kind: PaperKind
) -> tuple[Print, set[UUID]]:
    """Combine the stored documents of a kind for several orders into one PDF, in the order given.

    Answers the print and the orders that are on it. Raises Refused no_such_paper where none of them has one.
    """
    found = queries.printable_papers(session, order_ids, kind)
    if not found:
        raise Refused("no_such_paper", f"none of these orders has a stored {kind}")
    papers = [paper for order_id in order_ids for paper in found.get(order_id, ())]
    return _owe_papers(session, papers), set(found)


def print_papers_of_shipments(
    session: Session, shipments: Sequence[tuple[UUID, UUID]], kind: PaperKind
) -> tuple[Print, set[UUID]]:
    """Combine the stored documents of a kind for shipments, given as (order, shipment), into one PDF.

    They are in the order asked for. Answers the print and the shipments that are on it. Raises Refused
    no_such_paper where none of them has one.
    """
    found = queries.printable_papers(session, {order_id for order_id, _ in shipments}, kind)
    by_part = {
        (order_id, paper.part): paper for order_id, papers in found.items() for paper in papers
    }  # of several the newest
    papers = {
        shipment_id: paper
        for order_id, shipment_id in shipments
        if (paper := by_part.get((order_id, str(shipment_id)))) is not None
    }
    if not papers:
        raise Refused("no_such_paper", f"none of these shipments has a stored {kind}")
    return _owe_papers(session, list(papers.values())), set(papers)


def print_shipments(session: Session, kind: PrintKind, shipments: Sequence[tuple[UUID, UUID]]) -> Print:
    """Make a pick list or courier sheet for shipments, given as (order, shipment).

    Raises NotFound, Refused: shipment_cancelled, several_sellers, for a print can only be for one seller.
    """
    sellers = set()
    for order_id, shipment_id in shipments:
        order = queries.visible_order(session, order_id)
        sellers.add(order.seller.seller)
        known = copies.newest(session, order_id, ShipmentsSnapshot)
        of_order = {each.shipment_id: each for each in (known.shipments if known else ())}
        if shipment_id not in of_order:
            raise NotFound("shipment", shipment_id)
        if of_order[shipment_id].status == ShipmentStatus.CANCELLED:
            raise Refused("shipment_cancelled", "the shipment is cancelled", shipment_id=str(shipment_id))
    if len(sellers) > 1:
        raise Refused("several_sellers", "a print can only be for one seller")
    pairs = [[str(order_id), str(shipment_id)] for order_id, shipment_id in shipments]
    return _owe(session, kind, {"shipments": pairs}, {order_id for order_id, _ in shipments})


def store_print(session: Session, print_id: UUID, content: bytes, unprintable: str = "") -> None:
    """Store the file of a print, unless the print was deleted meanwhile."""
    made = session.get(Print, print_id, with_for_update=True)
    if made is None or not may("store", made.status):
        return
    made.sha256, made.size_bytes = storage.store(session, content), len(content)
    made.unprintable = unprintable
    made.status = status_after("store", made.status)


def give_up_print(session: Session, print_id: UUID, reason: str) -> None:
    """Record that a print could not be made."""
    made = session.get(Print, print_id, with_for_update=True)
    if made is not None and may("fail", made.status):
        made.status, made.failure = status_after("fail", made.status), reason


def forget_print(session: Session, print_id: UUID) -> None:
    """Delete a print and its file, if they still exist."""
    made = session.get(Print, print_id, with_for_update=True)
    if made is not None:
        if made.status is PaperStatus.STORED and made.sha256:
            # After the commit, as papers'.
            enqueue(
                session,
                "removal",
                key=f"removal:{made.id}:{made.sha256}",
                order_id=made.id,
                number=str(made.id),
                argument={"sha256": made.sha256},
            )
        session.delete(made)


def forget_prints_of(session: Session, order_id: UUID) -> None:
    """Delete every print that contains an order, because its person was erased."""
    for made in queries.prints_of(session, order_id):
        forget_print(session, made.id)


def _owe_papers(session: Session, papers: Sequence[Paper]) -> Print:
    hashes = [paper.sha256 for paper in papers]
    return _owe(session, PrintKind.DOCUMENTS, {"sha256": hashes}, {paper.order_id for paper in papers})


def _owe(session: Session, kind: PrintKind, argument: dict[str, Any], order_ids: set[UUID]) -> Print:
    made = Print(
        id=new_id(),
        kind=kind,
        argument=argument,
        order_ids=sorted(order_ids),
        requested_by=actor_of(session).name,
        requested_at=clock.now(),
    )
    session.add(made)
    session.flush()
    for job, run_at in (("print", made.requested_at), ("forget_print", made.requested_at + KEPT)):
        enqueue(
            session,
            job,
            key=f"{job}:{made.id}",
            order_id=made.id,
            number=str(made.id),
            argument={"print_id": str(made.id)},
            run_at=run_at,
        )
    return made
