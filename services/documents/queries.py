"""Read-only queries on documents."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Boolean, Text, any_, cast, func, select, union
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from services.documents.domain.papers import (
    FOR_CUSTOMERS,
    FOR_WAREHOUSES,
    KEPT,
    SENT_IN_BY_CUSTOMERS,
    UPLOADED_KINDS,
)
from services.documents.domain.printed_shipments import PrintedShipment, address_of
from services.documents.models import Logo, Paper, Print, Series
from shared.access import actor_of, seen, visible
from shared.errors import NotFound, Refused
from shared.events.snapshots import (
    ConversationSnapshot,
    OrderSnapshot,
    PaperKind,
    PaperStatus,
    ShipmentsSnapshot,
)
from shared.messaging import copies, tables


def papers_of_order(session: Session, order_id: UUID) -> Sequence[Paper]:
    """An order's documents of the kinds the reader may see, oldest first.

    Raises NotFound for an order the reader can't see.
    """
    visible_order(session, order_id)
    papers = [paper for paper in papers_in_line(session, order_id) if paper.kind in readable_kinds(session)]
    return with_e_mails(session, order_id, papers)


def paper(session: Session, paper_id: UUID) -> Paper:
    """One document; raises NotFound unless the reader may see its seller, market and kind."""
    rows = select(Paper).where(Paper.id == paper_id, Paper.kind.in_(readable_kinds(session)))
    return seen(session, rows, "document", paper_id, Paper.seller, Paper.market)


def readable_kinds(session: Session) -> frozenset[PaperKind]:
    """All kinds, or only those for warehouses if the reader may read labels but no other documents."""
    scopes = actor_of(session).scopes
    if "labels:read" in scopes and "documents:read" not in scopes:
        return FOR_WAREHOUSES
    return frozenset(PaperKind)


def stored_paper(session: Session, paper_id: UUID) -> Paper:
    """One document whose file is stored and valid.

    Raises NotFound, Refused (not_stored, removed, superseded).
    """
    found = paper(session, paper_id)
    _require_stored(found)
    return found


def _require_stored(found: Paper) -> None:
    if found.status is not PaperStatus.STORED:
        gone = found.status in {PaperStatus.REMOVED, PaperStatus.SUPERSEDED}
        reason = str(found.status) if gone else "not_stored"
        raise Refused(reason, f"the document is {found.status}", document_id=str(found.id))


def stored_papers_of(session: Session, ids: Sequence[UUID]) -> list[Paper]:
    """These documents, in this order, under the same conditions as `stored_paper`."""
    rows = select(Paper).where(Paper.id.in_(ids), Paper.kind.in_(readable_kinds(session)))
    found = {paper.id: paper for paper in session.scalars(visible(session, rows, Paper.seller, Paper.market))}
    for paper_id in ids:
        if paper_id not in found:
            raise NotFound("document", paper_id)
        _require_stored(found[paper_id])
    return [found[paper_id] for paper_id in ids]


def printable_papers(
    session: Session, order_ids: Collection[UUID], kind: PaperKind
) -> dict[UUID, list[Paper]]:
    """The stored PDFs of a kind by order, oldest first; orders the reader can't see are left out."""
    rows = (
        select(Paper)
        .where(
            Paper.order_id.in_(order_ids),
            Paper.kind == kind,
            Paper.kind.in_(readable_kinds(session)),
            Paper.status == PaperStatus.STORED,
            Paper.content_type == "application/pdf",
        )
        .order_by(Paper.order_id, Paper.id)
    )
    found: dict[UUID, list[Paper]] = {}
    for paper in session.scalars(visible(session, rows, Paper.seller, Paper.market)):
        found.setdefault(paper.order_id, []).append(paper)
    return found


def order_numbers(session: Session, order_ids: Collection[UUID]) -> dict[UUID, str]:
    """The order numbers of those orders that the reader may see."""
    order, snapshot = tables.copies.c, tables.copies.c.snapshot
    rows = select(order.subject, snapshot["number"].astext).where(
        order.subject.in_(list(map(str, order_ids))), order.source == OrderSnapshot.SOURCE
    )
    rows = visible(session, rows, snapshot["seller"]["seller"].astext, snapshot["market"]["market"].astext)
    return {UUID(subject): number for subject, number in session.execute(rows)}


def papers_for_customer(session: Session, order_id: UUID) -> Sequence[Paper]:
    """What an order's customer may see: documents meant for them and their own uploads, oldest first."""
    own = Paper.requested_by == actor_of(session).name
    theirs = Paper.kind.in_(FOR_CUSTOMERS) | (Paper.kind.in_(SENT_IN_BY_CUSTOMERS) & own)
    stored = (Paper.order_id == order_id) & (Paper.status == PaperStatus.STORED)
    return session.scalars(select(Paper).where(stored, theirs).order_by(Paper.id)).all()


def paper_for_customer(session: Session, order_id: UUID, paper_id: UUID) -> Paper:
    """One of those documents; raises NotFound for any other, of this order or another."""
    for paper in papers_for_customer(session, order_id):
        if paper.id == paper_id:
            return paper
    raise NotFound("document", paper_id)


def count_of_sender(session: Session, order_id: UUID, sender: str) -> int:
    """How many files someone has uploaded to an order, including removed ones."""
    sent = select(func.count()).where(
        Paper.order_id == order_id, Paper.requested_by == sender, Paper.kind.in_(UPLOADED_KINDS)
    )
    return session.execute(sent).scalar_one()


def visible_order(session: Session, order_id: UUID) -> OrderSnapshot:
    """An order's newest known state; raises NotFound if the reader can't see it."""
    order = copies.newest(session, order_id, OrderSnapshot)
    if order is None or not actor_of(session).may_see(order.seller.seller, order.market.market):
        raise NotFound("order", order_id)
    return order


def papers_in_line(session: Session, order_id: UUID) -> Sequence[Paper]:
    """Every document of an order, in the order they became due."""
    return session.scalars(select(Paper).where(Paper.order_id == order_id).order_by(Paper.id)).all()


def paper_of_key(session: Session, key: str) -> Paper | None:
    """The document with this unique key, if it exists."""
    return session.scalars(select(Paper).where(Paper.key == key)).one_or_none()


def paper_of_number(session: Session, seller: str, number: str) -> Paper | None:
    """The seller's document with this number, if there is one."""
    return session.scalars(select(Paper).where(Paper.seller == seller, Paper.number == number)).one_or_none()


def count_without_xml(session: Session, since: datetime) -> dict[str, int]:
    """How many invoices and credit notes were stored without required XML, by seller."""
    rows = (
        select(Paper.seller, func.count())
        .where(~Paper.einvoice["valid"].astext.cast(Boolean), Paper.stored_at >= since)
        .group_by(Paper.seller)
        .order_by(Paper.seller)
    )
    return dict(session.execute(rows).all())


def newest_logo(session: Session, seller: str) -> Logo | None:
    """A seller's logo; None if it never had one."""
    return session.scalars(
        select(Logo).where(Logo.seller == seller).order_by(Logo.id.desc()).limit(1)
    ).one_or_none()


def own_print(session: Session, print_id: UUID) -> Print:
    """A print for whoever requested it, while they may see everything in it; otherwise NotFound."""
    order, snapshot = tables.copies.c, tables.copies.c.snapshot
    orders = select(order.subject).where(
        order.subject == any_(cast(Print.order_ids, ARRAY(Text))), order.source == OrderSnapshot.SOURCE
    )
    mine = visible(session, orders, snapshot["seller"]["seller"].astext, snapshot["market"]["market"].astext)
    unreadable = select(Paper.id).where(
        Paper.order_id == any_(Print.order_ids),
        Print.argument["sha256"].has_key(Paper.sha256),
        Paper.kind.not_in(readable_kinds(session)),
    )
    rows = select(Print).where(
        Print.id == print_id,
        Print.requested_by == actor_of(session).name,
        ~orders.where(order.subject.not_in(mine)).exists(),
        ~unreadable.exists(),
    )
    return seen(session, rows, "print", print_id)


def stored_print(session: Session, print_id: UUID) -> Print:
    """A print whose file is stored; raises NotFound, Refused (not_stored)."""
    found = own_print(session, print_id)
    if found.status is not PaperStatus.STORED:
        raise Refused("not_stored", f"the print is {found.status}")
    return found


def prints_of(session: Session, order_id: UUID) -> Sequence[Print]:
    """The prints that contain an order."""
    return session.scalars(select(Print).where(Print.order_ids.contains([order_id]))).all()


def printed_shipments(session: Session, shipments: Iterable[tuple[str, str]]) -> list[PrintedShipment]:
    """Shipments, given as (order, shipment), in their newest known state; without erased persons."""
    wanted = list(shipments)
    orders = copies.newest_of_each(session, {order_id for order_id, _ in wanted}, OrderSnapshot)
    goods = copies.newest_of_each(session, orders, ShipmentsSnapshot)
    found = []
    for order_id, shipment_id in wanted:
        order, known = orders.get(order_id), goods.get(order_id)
        if order is None or known is None or order.anonymised_at is not None:
            continue
        for shipment in known.shipments:
            if str(shipment.shipment_id) == shipment_id:
                address = address_of(shipment, order, known)
                found.append(PrintedShipment(order=order, shipment=shipment, address=address))
    return found


def stored_papers(session: Session) -> Iterator[Paper]:
    """Every document whose file must exist, a few at a time."""
    stored = select(Paper).where(Paper.status.in_(KEPT)).order_by(Paper.id)
    yield from session.scalars(stored.execution_options(yield_per=200))


def stored_logos(session: Session) -> Iterator[Logo]:
    """Every logo whose file must exist."""
    yield from session.scalars(select(Logo).where(Logo.sha256.is_not(None)).order_by(Logo.id))


def count_stored(session: Session) -> int:
    """How many documents must have a stored file."""
    stored = select(func.count()).select_from(Paper).where(Paper.status.in_(KEPT))
    return session.execute(stored).scalar_one()


def count_series(session: Session) -> int:
    """How many number series there are."""
    return session.execute(select(func.count()).select_from(Series)).scalar_one()


def printed_papers(session: Session, hashes: Collection[str]) -> Sequence[Paper]:
    """The documents stored under these hashes, uploads first."""
    stored = select(Paper).where(Paper.sha256.in_(hashes), Paper.status == PaperStatus.STORED)
    return session.scalars(stored.order_by(Paper.kind.not_in(UPLOADED_KINDS), Paper.id)).all()


def needed_hashes(session: Session, of: Collection[str]) -> set[str]:
    """Those of these hashes that a document, print or logo still needs."""
    needed = union(
        select(Paper.sha256).where(Paper.sha256.in_(of), Paper.status.in_(KEPT)),
        select(Print.sha256).where(Print.sha256.in_(of), Print.status == PaperStatus.STORED),
        select(Logo.sha256).where(Logo.sha256.in_(of)),
    )
    return set(session.scalars(needed))


def with_e_mails(session: Session, order_id: UUID, papers: Sequence[Paper]) -> Sequence[Paper]:
    """The same documents with the e-mails they were attached to, as notifications last reported."""
    conversation = copies.newest(session, order_id, ConversationSnapshot)
    for paper in papers:
        paper.sent = [
            email for email in (conversation.emails if conversation else ()) if paper.id in email.document_ids
        ]
    return papers
