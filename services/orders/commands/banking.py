"""Bank statements: imported, matched, and the rest worked by hand. The caller owns the transaction."""

import hashlib
from collections import Counter
from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.orders import queries
from services.orders.commands.payments import record_payment
from services.orders.domain.bank_statements import WAITING, LineState, Row, order_numbers, read
from services.orders.domain.order_status import refusals
from services.orders.models import BankLine, BankStatement, Market, Order, Payment, Seller
from services.orders.queries.banking import line as visible_line
from services.orders.queries.banking import refuse_another_seller
from shared import clock
from shared.access import actor_of
from shared.db import locked, new_id
from shared.errors import Invalid, NotFound, Refused
from shared.messaging import jobs
from shared.messaging.order_locks import lock_order

LONGEST_REFERENCE = 200


def import_statement(session: Session, *, seller: str, currency: str, content: bytes) -> BankStatement:
    """Import the new rows of a bank statement; a job matches them with orders.

    A row that was read before, from whatever file, is passed over, so a file may come twice and files may
    overlap. Rows that can't be read are named, the others taken. Raises NotFound for a seller out of sight
    (an account is of all its markets), Invalid for a file that can't be read.
    """
    refuse_another_seller(session, seller)
    if session.get(Seller, seller) is None:
        raise NotFound("seller", seller)
    found = read(content, currency)
    if found.errors and not found.rows and not found.outgoing:
        first = found.errors[0]
        raise Invalid(statement=f"row {first['row']}: {first['field']} {first['reason']}")
    statement = BankStatement(
        id=new_id(),
        seller_code=seller,
        currency=currency,
        imported_by=actor_of(session).name,
        imported_at=clock.now(),
        taken=0,
        repeated=0,
        outgoing=found.outgoing,
        errors=list(found.errors),
    )
    session.add(statement)
    session.flush()
    rows = [_columns(statement, row, mark) for row, mark in _marked(found.rows, currency)]
    if rows:
        new = insert(BankLine).on_conflict_do_nothing().returning(BankLine.id)
        statement.taken = len(session.scalars(new, rows).all())
    statement.repeated = len(rows) - statement.taken
    jobs.enqueue(
        session,
        "bank_matching",
        key=f"bank_matching:{statement.id}",
        order_id=statement.id,
        number=seller,
        argument={"statement_id": str(statement.id)},
    )
    return statement


def match_line(session: Session, line_id: UUID) -> None:
    """Record a line as a payment for the one order that it names, if it is exactly the amount owed.

    Else it waits for a person, with why.
    """
    line = session.get_one(BankLine, line_id)
    named = order_numbers(line.text, list(session.scalars(select(Market.code))))
    candidates = session.scalars(
        select(Order.id).where(Order.seller_code == line.seller_code, Order.number.in_(named))
    ).all()
    if len(candidates) != 1:
        line = locked(session, BankLine, line_id)
        if line.state is LineState.NEW:
            line.state = LineState.OPEN
            line.why = "several_orders" if candidates else "no_order"
        return
    lock_order(session, candidates[0])
    line = locked(session, BankLine, line_id)
    if line.state is not LineState.NEW:
        return
    order = session.get_one(Order, candidates[0], populate_existing=True)
    line.order_id = order.id
    if why := _why_not(order, line):
        line.state = LineState.OPEN
        line.why = why
        return
    _record(session, line, order, LineState.MATCHED)


def assign_line(session: Session, line_id: UUID, *, order_id: UUID) -> BankLine:
    """Record a waiting line as a payment for an order, whatever its amount.

    Raises NotFound, Refused (already_decided, or why the order takes no payment by hand), Invalid for an
    order of another seller or currency.
    """
    visible_line(session, line_id)
    queries.order(session, order_id)
    lock_order(session, order_id)
    line = _waiting(session, line_id)
    order = session.get_one(Order, order_id, populate_existing=True)
    if (order.seller_code, order.currency) != (line.seller_code, line.currency):
        raise Invalid(order_id="belongs to another seller or is in another currency")
    _record(session, line, order, LineState.ASSIGNED)
    return line


def ignore_line(session: Session, line_id: UUID, *, reason: str) -> BankLine:
    """Set aside a waiting line that pays for no order. Raises NotFound, or Refused (already_decided).

    If it names an order whose person is erased, what it says goes now.
    """
    line = visible_line(session, line_id)
    if line.order_id is not None:
        lock_order(session, line.order_id)
    line = _waiting(session, line_id)
    named = session.get(Order, line.order_id, populate_existing=True) if line.order_id else None
    if named is not None and named.anonymised_at is not None:
        line.text = line.payer = ""
    line.state = LineState.IGNORED
    line.why = reason
    _decide(session, line)
    return line


def reopen_line(session: Session, line_id: UUID) -> BankLine:
    """Put a line that was set aside back into the queue. Raises NotFound, or Refused (not_set_aside)."""
    visible_line(session, line_id)
    line = locked(session, BankLine, line_id)
    if line.state is not LineState.IGNORED:
        raise Refused("not_set_aside", f"the line is {line.state}", line_state=line.state.value)
    line.state = LineState.OPEN
    line.why = "reopened"
    line.decided_by = line.decided_at = None
    return line


def _why_not(order: Order, line: BankLine) -> str:
    if order.currency != line.currency:
        return "currency_differs"
    for refusal in refusals("record_payment", order.facts):
        return refusal.reason
    return "" if order.balance.outstanding_minor == line.amount_minor else "amount_differs"


def _record(session: Session, line: BankLine, order: Order, state: LineState) -> None:
    payment: Payment = record_payment(
        session,
        order.id,
        amount_minor=line.amount_minor,
        reference=f"{line.booked_on} {line.payer} {line.text}"[:LONGEST_REFERENCE],
    )
    line.state = state
    line.why = ""
    line.order_id = order.id
    line.payment_id = payment.id
    _decide(session, line)


def _decide(session: Session, line: BankLine) -> None:
    line.decided_by = actor_of(session).name
    line.decided_at = clock.now()


def _waiting(session: Session, line_id: UUID) -> BankLine:
    line = locked(session, BankLine, line_id)
    if line.state not in WAITING:
        raise Refused("already_decided", f"the line is already {line.state}", line_state=line.state.value)
    return line


def _marked(rows: Iterable[Row], currency: str) -> Iterable[tuple[Row, str]]:
    """Each row with its fingerprint: date, amount, the bank's id or the texts, and which repeat it is.

    An id alone would not do: some banks count the rows of each statement from 1.
    """
    seen: Counter[str] = Counter()
    for row in rows:
        said = row.bank_id or f"{row.text}|{row.payer}"
        told = f"{row.booked_on}|{row.amount_minor}|{currency}|{said}"
        mark = hashlib.sha256(f"{told}|{seen[told]}".encode()).hexdigest()
        seen[told] += 0 if row.bank_id else 1
        yield row, mark


def _columns(statement: BankStatement, row: Row, mark: str) -> dict[str, object]:
    return {
        "id": new_id(),
        "statement_id": statement.id,
        "seller_code": statement.seller_code,
        "currency": statement.currency,
        "booked_on": row.booked_on,
        "amount_minor": row.amount_minor,
        "text": row.text,
        "payer": row.payer,
        "fingerprint": mark,
        "state": LineState.NEW,
        "why": "",
    }
