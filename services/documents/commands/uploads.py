"""Uploads, and sellers' logos: validated first, then stored. The caller owns the transaction."""

from uuid import UUID

from sqlalchemy.orm import Session

from services.documents import queries, storage
from services.documents.commands.papers import tell_stored
from services.documents.domain.papers import WHOLE_ORDER
from services.documents.domain.uploads import MOST_BY_CUSTOMER
from services.documents.models import Logo, Paper
from shared import clock
from shared.access import actor_of
from shared.db import new_id
from shared.errors import NotFound, Refused
from shared.events.snapshots import PaperKind, PaperStatus
from shared.messaging.order_locks import lock_order


def keep_upload(
    session: Session,
    order_id: UUID,
    kind: PaperKind,
    *,
    filename: str,
    content_type: str,
    content: bytes,
) -> Paper:
    """Store an upload, add it to the order's documents and publish document.stored.

    Raises NotFound, Refused: person_erased, too_many_uploads of one order by its customer.
    """
    queries.visible_order(session, order_id)  # before the lock: nobody waits at another's order
    lock_order(session, order_id)
    order = queries.visible_order(session, order_id)
    if order.anonymised_at is not None:
        raise Refused("person_erased", "the customer has been erased")
    actor = actor_of(session).name
    if (
        actor.startswith("customer:")
        and queries.count_of_sender(session, order_id, actor) >= MOST_BY_CUSTOMER
    ):
        raise Refused("too_many_uploads", f"customers can upload {MOST_BY_CUSTOMER} files per order")
    now = clock.now()
    paper_id = new_id()
    paper = Paper(
        id=paper_id,
        key=f"{kind}:{order_id}:{paper_id}",
        order_id=order_id,
        order_number=order.number,
        kind=kind,
        part=WHOLE_ORDER,
        cause="upload",
        seller=order.seller.seller,
        market=order.market.market,
        currency=order.currency,
        total_minor=0,
        status=PaperStatus.STORED,
        content={},
        requested_by=actor,
        filename=filename,
        content_type=content_type,
        sha256=storage.store(session, content),
        size_bytes=len(content),
        due_at=now,
        stored_at=now,
    )
    session.add(paper)
    session.flush()
    tell_stored(session, paper)
    return paper


def set_logo(session: Session, seller: str, *, content: bytes, content_type: str) -> Logo:
    """Set a seller's logo for future documents; empty removes it. Raises NotFound for another's seller."""
    actor = actor_of(session)
    if not actor.may_see_seller(seller):
        raise NotFound("seller", seller)
    logo = Logo(
        seller=seller,
        sha256=storage.store(session, content) if content else None,
        content_type=content_type,
        size_bytes=len(content),
        set_by=actor.name,
        set_at=clock.now(),
    )
    session.add(logo)
    session.flush()
    return logo
