"""Numbers without gaps or duplicates: one series per market, seller, kind and year or month."""

from collections.abc import Iterable
from datetime import date
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.documents import queries
from services.documents.domain.papers import NUMBERED_KINDS, may, status_after
from services.documents.models import NumberingPlace, Paper, Series, ToldNumber
from shared import clock
from shared.events.snapshots import NumbersPer, PaperKind
from shared.messaging.order_locks import of_locked_order

PREFIXES = {PaperKind.INVOICE: "", PaperKind.CREDIT_NOTE: "CN-"}
# Invoices of a market whose code begins like a prefix: else they would be numbered as another's credit notes.
TOLD_APART = "INV-"


class NotRecalled(Exception):  # noqa: N818
    """The database may have been restored, and has not yet recovered the numbers issued since."""


class ToldBefore(Exception):  # noqa: N818
    """The document already had a number before the database was restored."""


class NumberTaken(Exception):  # noqa: N818 - reads as what happened
    """Another document of the seller already has this number; the text names it."""


def give_number(session: Session, paper_id: UUID) -> Paper:
    """Give a document its number and legal date, if it is still wanted; the caller commits at once.

    The number is taken and written down in one transaction, so a renderer that dies afterwards finds it
    on its next try, and one that dies before leaves no gap. Until the commit all others wait for the
    series: nothing slow may happen in between. Raises NumberTaken; NotRecalled and ToldBefore, where a number
    may be another's or is known already.
    """
    paper = of_locked_order(session, session.get_one(Paper, paper_id))
    if paper.kind not in NUMBERED_KINDS or paper.number is not None or not may("number", paper.status):
        return paper
    rules = paper.frozen.order.market
    today = clock.now().astimezone(ZoneInfo(rules.time_zone)).date()
    period = f"{today:%Y-%m}" if rules.numbers_per == NumbersPer.MONTH else f"{today:%Y}"
    first = insert(Series).values(
        market=paper.market,
        seller=paper.seller,
        kind=paper.kind,
        period=period,
        last_number=1,
        last_issued_on=today,
    )
    taken = first.on_conflict_do_update(
        index_elements=[Series.market, Series.seller, Series.kind, Series.period],
        set_={
            "last_number": Series.last_number + 1,
            "last_issued_on": func.greatest(Series.last_issued_on, first.excluded.last_issued_on),
        },
    ).returning(Series.last_number, Series.last_issued_on, _is_elsewhere(), _told(), _told(paper))
    sequence, issued_on, is_elsewhere, is_any_told, is_told = session.execute(taken).one()
    if is_elsewhere:
        raise NotRecalled
    if is_told:
        raise ToldBefore
    number = number_of(paper, period, sequence)
    while is_any_told and session.get(ToldNumber, number):
        sequence, issued_on, *_ = session.execute(taken).one()
        number = number_of(paper, period, sequence)
    if other := queries.paper_of_number(session, paper.seller, number):
        kind = other.kind.replace("_", " ")
        raise NumberTaken(f"{number} is already the number of the {kind} of order {other.order_number}")
    return _numbered(paper, period, sequence, issued_on)


def give_told_number(session: Session, paper_id: UUID) -> Paper:
    """Give a document back the number and date it had before a restore, which the customer already has.

    The caller commits at once.
    """
    paper = of_locked_order(session, session.get_one(Paper, paper_id))
    told = session.scalars(
        select(ToldNumber)
        .where(ToldNumber.order_id == paper.order_id, ToldNumber.kind == paper.kind)
        .order_by(ToldNumber.part != paper.part, ToldNumber.number)
        .limit(1)
    ).first()
    if told is None or paper.number is not None or not may("number", paper.status):
        return paper
    period, _, counted = told.number.removeprefix(_series_name(paper)).rpartition("-")
    sequence = int(counted)
    known = insert(Series).values(
        market=paper.market,
        seller=paper.seller,
        kind=paper.kind,
        period=period,
        last_number=sequence,
        last_issued_on=told.issued_on,
    )
    session.execute(
        known.on_conflict_do_update(
            index_elements=[Series.market, Series.seller, Series.kind, Series.period],
            set_={
                "last_number": func.greatest(Series.last_number, sequence),
                "last_issued_on": func.greatest(Series.last_issued_on, told.issued_on),
            },
        )
    )
    session.delete(told)
    return _numbered(paper, period, sequence, told.issued_on)


def is_recalled(session: Session) -> bool:
    """Whether this database knows all its issued numbers, because it has not been restored since."""
    return not session.execute(select(_is_elsewhere())).scalar_one()


def recall(session: Session, told: Iterable[ToldNumber]) -> int:
    """Keep issued numbers that other services know and no document here has; returns how many.

    Of two that are the same the first counts. From the commit on numbers are given again. Agents that do so
    at once wait for each other.
    """
    session.execute(select(NumberingPlace).with_for_update())
    heard: dict[str, ToldNumber] = {}
    for one in told:
        heard.setdefault(one.number, one)
    known = set(session.scalars(select(Paper.number).where(Paper.number.in_(heard))))
    known |= set(session.scalars(select(ToldNumber.number)))
    forgotten = [one for number, one in heard.items() if number not in known]
    session.add_all(forgotten)
    session.execute(
        insert(NumberingPlace)
        .values(id=1, place=func.database_place())
        .on_conflict_do_update(index_elements=[NumberingPlace.id], set_={"place": func.database_place()})
    )
    return len(forgotten)


def _is_elsewhere() -> Any:
    return select(NumberingPlace.id).where(NumberingPlace.place != func.database_place()).exists()


def _told(paper: Paper | None = None) -> Any:
    """Whether any number was issued before the database was restored, or one for this document."""
    told = select(ToldNumber.number)
    if paper is not None:
        told = told.where(ToldNumber.order_id == paper.order_id, ToldNumber.kind == paper.kind)
    return told.exists()


def _numbered(paper: Paper, period: str, sequence: int, issued_on: date) -> Paper:
    paper.series_period = period
    paper.sequence = sequence
    paper.issued_on = issued_on
    paper.number = number_of(paper, period, sequence)
    paper.status = status_after("number", paper.status)
    return paper


def number_of(paper: Paper, period: str, sequence: int) -> str:
    """The number of a document; no two series of a seller share one."""
    return f"{_series_name(paper)}{period}-{sequence:06}"


def _series_name(paper: Paper) -> str:
    market = paper.market.upper()
    prefix = PREFIXES[paper.kind]
    if not prefix and market.startswith((*filter(None, PREFIXES.values()), TOLD_APART)):
        prefix = TOLD_APART
    return f"{prefix}{market}-{paper.seller}-".upper()
