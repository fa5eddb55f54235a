"""References to papers, which the documents service owns, held against what it told of them."""

from collections.abc import Callable, Mapping
from uuid import UUID

from sqlalchemy.orm import Session

from shared.errors import Invalid
from shared.events.snapshots import DocumentsSnapshot, Paper
from shared.messaging import copies


def papers_of(session: Session, order_id: UUID) -> dict[UUID, Paper]:
    """The papers of an order by id, as far as they were heard of."""
    documents = copies.newest(session, order_id, DocumentsSnapshot)
    return {paper.document_id: paper for paper in (documents.papers if documents else ())}


def stored_papers(
    session: Session, order_id: UUID, named: Mapping[str, UUID], *, may: Callable[[Paper], bool] | None = None
) -> list[Paper]:
    """The papers that fields of a request name; each once, as first named.

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
