"""What is read of papers; changes nothing."""

from collections.abc import Iterator, Sequence
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services.documents.domain.papers import PaperStatus
from services.documents.models import Paper, Series
from shared.access import actor_of
from shared.errors import NotFound, Refused
from shared.events.snapshots import OrderSnapshot
from shared.messaging import copies


def papers_of_order(session: Session, order_id: UUID) -> Sequence[Paper]:
    """Every paper of an order, oldest first; raises NotFound for an order the reader can't see."""
    visible_order(session, order_id)
    return papers_in_line(session, order_id)


def paper(session: Session, paper_id: UUID) -> Paper:
    """One paper; raises NotFound where the reader can't see its seller or market."""
    found = session.get(Paper, paper_id)
    if found is None or not actor_of(session).may_see(found.seller, found.market):
        raise NotFound("document", paper_id)
    return found


def stored_paper(session: Session, paper_id: UUID) -> Paper:
    """One paper whose bytes are kept; raises NotFound, Refused (not_stored, removed)."""
    found = paper(session, paper_id)
    if found.status is not PaperStatus.STORED:
        raise Refused(
            "removed" if found.status is PaperStatus.REMOVED else "not_stored",
            f"the document is {found.status}",
        )
    return found


def visible_order(session: Session, order_id: UUID) -> OrderSnapshot:
    """An order as last heard; raises NotFound where the reader can't see it."""
    order = copies.newest(session, order_id, OrderSnapshot)
    if order is None or not actor_of(session).may_see(order.seller.seller, order.market.market):
        raise NotFound("order", order_id)
    return order


def papers_in_line(session: Session, order_id: UUID) -> Sequence[Paper]:
    """Every paper of an order, in the order they fell due."""
    return session.scalars(select(Paper).where(Paper.order_id == order_id).order_by(Paper.id)).all()


def stored_papers(session: Session) -> Iterator[Paper]:
    """Every paper whose bytes must be there, a few at a time."""
    stored = select(Paper).where(Paper.status == PaperStatus.STORED).order_by(Paper.id)
    yield from session.scalars(stored.execution_options(yield_per=200))


def count_stored(session: Session) -> int:
    """How many papers' bytes must be there."""
    stored = select(func.count()).select_from(Paper).where(Paper.status == PaperStatus.STORED)
    return session.execute(stored).scalar_one()


def count_series(session: Session) -> int:
    """How many series give out numbers."""
    return session.execute(select(func.count()).select_from(Series)).scalar_one()


def is_stored(session: Session, sha256: str) -> bool:
    """Whether any paper still needs the bytes of this hash."""
    needed = select(Paper.id).where(Paper.sha256 == sha256, Paper.status == PaperStatus.STORED).limit(1)
    return session.scalar(needed) is not None


def series_with_faults(session: Session) -> Iterator[tuple[Series, int, int]]:
    """Each series that has given out other numbers than 1 to its last, with how many papers have one.

    Doubles can't be, the database refuses them: a series is whole when as many papers as its last number
    have numbers, none above it. The third of the tuple is the highest number found.
    """
    papers = (
        select(
            Paper.market,
            Paper.seller,
            Paper.kind,
            Paper.series_year,
            func.count().label("papers"),
            func.max(Paper.sequence).label("highest"),
        )
        .where(Paper.sequence.is_not(None))
        .group_by(Paper.market, Paper.seller, Paper.kind, Paper.series_year)
        .subquery()
    )
    counted = select(Series, func.coalesce(papers.c.papers, 0), func.coalesce(papers.c.highest, 0)).outerjoin(
        papers,
        (papers.c.market == Series.market)
        & (papers.c.seller == Series.seller)
        & (papers.c.kind == Series.kind)
        & (papers.c.series_year == Series.year),
    )
    for series, count, highest in session.execute(counted):
        if count != series.last_number or highest != series.last_number:
            yield series, count, highest
