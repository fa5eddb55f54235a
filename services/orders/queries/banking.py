"""Selects for bank statements; an account is of all a seller's markets, so only who sees them all sees it."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, false, select, true
from sqlalchemy.orm import Session

from services.orders.domain.statements import LineState
from services.orders.models import BankLine, BankStatement
from shared.access import EVERYTHING, actor_of, seen
from shared.errors import NotFound


def statement(session: Session, statement_id: UUID) -> BankStatement:
    """One statement; raises NotFound, also for another's."""
    return seen(
        session,
        select(BankStatement).where(BankStatement.id == statement_id, all_markets(session)),
        "bank statement",
        statement_id,
        BankStatement.seller_code,
    )


def line(session: Session, line_id: UUID) -> BankLine:
    """One line; raises NotFound, also for another's."""
    rows = select(BankLine).where(BankLine.id == line_id, all_markets(session))
    return seen(session, rows, "bank line", line_id, BankLine.seller_code)


def lines(
    session: Session, seller: str, state: LineState, limit: int, after: UUID | None
) -> Sequence[BankLine]:
    """Lines of a seller's account in a state, oldest first; raises NotFound for another's."""
    if not _sees(session, seller):
        raise NotFound("seller", seller)
    page = (
        select(BankLine)
        .where(BankLine.seller_code == seller, BankLine.state == state)
        .order_by(BankLine.id)
        .limit(limit)
    )
    if after is not None:
        page = page.where(BankLine.id > after)
    return session.scalars(page).all()


def new_lines(session: Session, statement_id: UUID) -> Sequence[UUID]:
    """The lines of a statement that nobody has looked at, in the order of the file."""
    new = select(BankLine.id).where(BankLine.statement_id == statement_id, BankLine.state == LineState.NEW)
    return session.scalars(new.order_by(BankLine.id)).all()


def all_markets(session: Session) -> ColumnElement[bool]:
    """Whether the actor sees all markets, as a condition."""
    return true() if EVERYTHING in actor_of(session).markets else false()


def _sees(session: Session, seller: str) -> bool:
    actor = actor_of(session)
    return actor.may_see_seller(seller) and EVERYTHING in actor.markets
