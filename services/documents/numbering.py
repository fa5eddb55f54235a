"""Numbers without gap or double: one series for each market, seller, kind and year or month."""

from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.documents import queries
from services.documents.domain.papers import NUMBERED_KINDS, may, status_after
from services.documents.models import Paper, Series
from shared import clock
from shared.events.snapshots import NumbersPer, PaperKind
from shared.messaging.subjects import of_locked_order

PREFIXES = {PaperKind.INVOICE: "", PaperKind.CREDIT_NOTE: "CN-"}
# Invoices of a market whose code begins like a prefix: else they would be numbered as another's credit notes.
TOLD_APART = "INV-"


class NumberTaken(Exception):  # noqa: N818 - reads as what happened
    """A number is on another paper of the seller already; the text names it."""


def give_number(session: Session, paper_id: UUID) -> Paper:
    """A paper with the number and legal date it needs, if it is still wanted; the caller commits at once.

    The number is taken and written down in one transaction, so a renderer that dies afterwards finds it
    on its next try, and one that dies before leaves no gap. Until the commit all others wait for the
    series: nothing slow may happen in between. Raises NumberTaken.
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
    ).returning(Series.last_number, Series.last_issued_on)
    sequence, issued_on = session.execute(taken).one()
    number = number_of(paper, period, sequence)
    if other := queries.paper_of_number(session, paper.seller, number):
        kind = other.kind.replace("_", " ")
        raise NumberTaken(f"{number} is the number of the {kind} of order {other.order_number} already")
    paper.series_period = period
    paper.sequence = sequence
    paper.issued_on = issued_on
    paper.number = number
    paper.status = status_after("number", paper.status)
    return paper


def number_of(paper: Paper, period: str, sequence: int) -> str:
    """What a paper of a series is numbered; no two series of a seller have one in common."""
    market = paper.market.upper()
    prefix = PREFIXES[paper.kind]
    if not prefix and market.startswith((*filter(None, PREFIXES.values()), TOLD_APART)):
        prefix = TOLD_APART
    return f"{prefix}{market}-{paper.seller}-{period}-{sequence:06}".upper()
