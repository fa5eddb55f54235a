"""The slow work on papers: making them, and erasing bytes."""

from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session, sessionmaker

from services.documents import numbering, queries, storage
from services.documents.commands import papers as commands
from services.documents.db import folder_of
from services.documents.domain.papers import NUMBERED_KINDS, disagreements, may
from services.documents.messaging import jobs
from services.documents.models import Paper
from shared.messaging.jobs import Effect, PermanentFailure


@jobs.kind("paper", limit_seconds=20, queue="rendering")
def make_paper(sessions: sessionmaker[Session], argument: dict[str, Any]) -> Effect | None:
    """Number a paper if its kind has numbers, render it, keep its bytes; a dead worker's number is reused.

    Figures that don't add up fail for good, before a number is taken.
    """
    # Here, not above: WeasyPrint takes a second and 40 MB, and only the rendering worker runs this.
    from services.documents import rendering  # noqa: PLC0415

    paper_id = UUID(argument["paper_id"])
    with sessions() as session:
        folder = folder_of(session)
        paper = session.get_one(Paper, paper_id)
    if not may("store", paper.status):
        return None
    content = paper.frozen
    if paper.kind in NUMBERED_KINDS and (faults := "; ".join(disagreements(content.order))):
        raise PermanentFailure(faults)
    with sessions.begin() as session:
        paper = numbering.give_number(session, paper_id)
    if not may("store", paper.status):  # withdrawn meanwhile
        return None
    pdf = rendering.render(paper.kind, content, paper.number or "", paper.issued_on)
    digest = storage.store(folder, pdf)
    return partial(commands.paper_stored, paper_id=paper_id, sha256=digest, size_bytes=len(pdf))


@jobs.on_dead("paper")
def give_up_paper(session: Session, argument: dict[str, Any], reason: str) -> None:
    """A paper that can't be made fails with the reason."""
    commands.give_up(session, UUID(argument["paper_id"]), reason)


@jobs.kind("removal", limit_seconds=30)
def remove_bytes(sessions: sessionmaker[Session], argument: dict[str, Any]) -> None:
    """Erase the bytes of a paper that was removed, unless another paper is the very same."""
    with sessions() as session:
        folder = folder_of(session)
        needed = queries.is_stored(session, argument["sha256"])
    if not needed:
        storage.remove(folder, argument["sha256"])
