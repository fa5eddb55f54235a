"""Queries for bank statements; an account covers all markets, so only those who see all of them see it."""

from collections.abc import Sequence
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Select, false, func, literal, select, true, union_all
from sqlalchemy.orm import Session, joinedload, lazyload, load_only

from services.orders.domain.bank_statements import LineState
from services.orders.models import BankLine, BankStatement, Order
from services.orders.queries.lists import COUNTED_AT_MOST
from shared.access import EVERYTHING, actor_of, seen
from shared.errors import NotFound

S = TypeVar("S", bound=Select[*tuple[Any, ...]])


def statement(session: Session, statement_id: UUID) -> BankStatement:
    """One statement; raises NotFound, also for one the caller may not see."""
    return seen(
        session,
        select(BankStatement).where(BankStatement.id == statement_id, all_markets(session)),
        "bank statement",
        statement_id,
        BankStatement.seller_code,
    )


def statements(session: Session, seller: str, limit: int, before: UUID | None) -> Sequence[BankStatement]:
    """Statements of a seller's account, newest first; raises NotFound for one the caller may not see."""
    refuse_another_seller(session, seller)
    page = (
        select(BankStatement)
        .where(BankStatement.seller_code == seller)
        .order_by(BankStatement.id.desc())
        .limit(limit)
    )
    if before is not None:
        page = page.where(BankStatement.id < before)
    return session.scalars(page).all()


def line(session: Session, line_id: UUID) -> BankLine:
    """One line; raises NotFound, also for one the caller may not see."""
    rows = select(BankLine).where(BankLine.id == line_id, all_markets(session))
    return seen(session, rows, "bank line", line_id, BankLine.seller_code)


def lines(
    session: Session,
    seller: str,
    state: LineState,
    limit: int,
    after: UUID | None,
    *,
    statement_id: UUID | None = None,
) -> Sequence[BankLine]:
    """Lines in a state, of a seller's account or one of its statements, oldest first, with their orders.

    Raises NotFound for another's.
    """
    refuse_another_seller(session, seller)
    number = joinedload(BankLine.order).options(
        load_only(Order.number), lazyload(Order.seller), lazyload(Order.market)
    )
    page = _in_state(select(BankLine), seller, state, statement_id)
    page = page.options(number).order_by(BankLine.id).limit(limit)
    if after is not None:
        page = page.where(BankLine.id > after)
    return session.scalars(page).all()


def counts(session: Session, seller: str, statement_id: UUID | None = None) -> dict[LineState, int]:
    """How many lines are in each state; COUNTED_AT_MOST + 1 means more than COUNTED_AT_MOST.

    Raises NotFound for another's.
    """
    refuse_another_seller(session, seller)
    counted = [
        select(
            literal(state.value).label("state"),
            select(func.count())
            .select_from(
                _in_state(select(BankLine.id), seller, state, statement_id)
                .limit(COUNTED_AT_MOST + 1)
                .subquery()
            )
            .scalar_subquery(),
        )
        for state in LineState
    ]
    return {LineState(state): count for state, count in session.execute(union_all(*counted))}


def new_lines(session: Session, statement_id: UUID) -> Sequence[UUID]:
    """The lines of a statement that have not been matched yet, in the order of the file."""
    new = select(BankLine.id).where(BankLine.statement_id == statement_id, BankLine.state == LineState.NEW)
    return session.scalars(new.order_by(BankLine.id)).all()


def all_markets(session: Session) -> ColumnElement[bool]:
    """The condition that the actor sees all markets."""
    return true() if EVERYTHING in actor_of(session).markets else false()


def refuse_another_seller(session: Session, seller: str) -> None:
    """Raise NotFound unless the caller sees the seller in every market, all of which share the account."""
    actor = actor_of(session)
    if not actor.may_see_seller(seller) or EVERYTHING not in actor.markets:
        raise NotFound("seller", seller)


def _in_state(rows: S, seller: str, state: LineState, statement_id: UUID | None) -> S:
    rows = rows.where(BankLine.seller_code == seller, BankLine.state == state)
    return rows if statement_id is None else rows.where(BankLine.statement_id == statement_id)
