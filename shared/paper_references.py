"""Checks references to documents against what the documents service has published."""

from collections.abc import Callable, Mapping
from uuid import UUID

from sqlalchemy.orm import Session

from shared.errors import Invalid
from shared.events.snapshots import DocumentsSnapshot, Paper
from shared.messaging import copies


def papers_of(session: Session, order_id: UUID) -> dict[UUID, Paper]:
    """An order's documents by id, as far as this service has heard of them."""
    documents = copies.newest(session, order_id, DocumentsSnapshot)
    return {paper.document_id: paper for paper in (documents.papers if documents else ())}


def stored_papers(
    session: Session, order_id: UUID, named: Mapping[str, UUID], *, may: Callable[[Paper], bool] | None = None
) -> list[Paper]:
    """The documents that a request's fields refer to, without duplicates, in the order given.

    Raises Invalid, by the field, for what is not known as a stored paper of this order: of whatever order or
    seller it is else, not there, not stored any more, or not one that `may` go there. One that was stored
    this moment is known as soon as document.stored was heard, within seconds.
    """
    known = papers_of(session, order_id)
    stored = {
        paper_id: paper
        for paper_id, paper in known.items()
        if paper.status == "stored" and (may is None or may(paper))
    }
    wrong = [field for field, paper_id in named.items() if paper_id not in stored]
    if wrong:
        reason = "is not known as a stored document of this order" + (" that may be sent" if may else "")
        raise Invalid(**dict.fromkeys(wrong, reason))
    return [stored[paper_id] for paper_id in dict.fromkeys(named.values())]
