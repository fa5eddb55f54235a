"""Audits number series and stored files for gaps and damage."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services.documents.models import Paper, Series
from shared.access import actor_of, visible
from shared.events.snapshots import PaperKind

MOST_NAMED = 100


@dataclass(frozen=True, kw_only=True)
class AuditedSeries:
    """A series compared with the documents that have its numbers."""

    market: str
    seller: str
    kind: PaperKind
    period: str
    last_number: int
    last_issued_on: date
    papers: int
    highest: int
    missing: tuple[int, ...]  # the first of them

    @property
    def fault(self) -> str:
        """What is wrong with the series; empty if nothing. The database itself prevents duplicates."""
        if self.papers == self.last_number == self.highest:
            return ""
        missing = f"; missing: {', '.join(map(str, self.missing))}" if self.missing else ""
        return (
            f"series {self.market} {self.seller} {self.kind} {self.period}: {self.last_number} numbers given"
            f" out, {self.papers} papers have one, the highest is {self.highest}{missing}"
        )


def audited_series(session: Session) -> list[AuditedSeries]:
    """Every series the reader may see, compared with the documents that have its numbers."""
    papers = (
        select(
            Paper.market,
            Paper.seller,
            Paper.kind,
            Paper.series_period,
            func.count().label("papers"),
            func.max(Paper.sequence).label("highest"),
        )
        .where(Paper.sequence.is_not(None))
        .group_by(Paper.market, Paper.seller, Paper.kind, Paper.series_period)
        .subquery()
    )
    counted = (
        select(Series, func.coalesce(papers.c.papers, 0), func.coalesce(papers.c.highest, 0))
        .outerjoin(
            papers,
            (papers.c.market == Series.market)
            & (papers.c.seller == Series.seller)
            & (papers.c.kind == Series.kind)
            & (papers.c.series_period == Series.period),
        )
        .order_by(Series.market, Series.seller, Series.kind, Series.period)
    )
    counted = visible(session, counted, Series.seller, Series.market)
    return [
        AuditedSeries(
            market=series.market,
            seller=series.seller,
            kind=series.kind,
            period=series.period,
            last_number=series.last_number,
            last_issued_on=series.last_issued_on,
            papers=count,
            highest=highest,
            missing=() if count == series.last_number else tuple(_missing(session, series)),
        )
        for series, count, highest in session.execute(counted)
    ]


def faulty_series(session: Session) -> Iterator[AuditedSeries]:
    """Series whose numbers are not exactly 1 to their last."""
    return (series for series in audited_series(session) if series.fault)


def numbers(  # noqa: PLR0917 - a series is named by four things
    session: Session, market: str, seller: str, kind: str, period: str, after: int, limit: int
) -> list[Paper]:
    """The documents of a series in number order; none if the reader can't see the series."""
    if not actor_of(session).may_see(seller, market):
        return []
    borne = select(Paper).where(
        Paper.market == market,
        Paper.seller == seller,
        Paper.kind == PaperKind(kind),
        Paper.series_period == period,
        Paper.sequence > after,
    )
    return list(session.scalars(borne.order_by(Paper.sequence).limit(limit)))


def _missing(session: Session, series: Series) -> list[int]:
    given = func.generate_series(1, series.last_number).column_valued("given")
    borne = select(Paper.sequence).where(
        Paper.market == series.market,
        Paper.seller == series.seller,
        Paper.kind == series.kind,
        Paper.series_period == series.period,
        Paper.sequence == given,
    )
    return list(session.scalars(select(given).where(~borne.exists()).order_by(given).limit(MOST_NAMED)))
