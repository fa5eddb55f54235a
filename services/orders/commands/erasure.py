"""Erasing a person: the customer's details at once, each order in a job of its own.

The caller owns the transaction.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from itertools import chain
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, case, delete, false, literal, or_, select, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.types import Text

from services.orders import events
from services.orders.commands.changes import PERSON_SHOWN, change, locked_order
from services.orders.commands.saved_views import forget_named
from services.orders.domain import return_status
from services.orders.domain.bank_statements import WAITING, LineState
from services.orders.domain.order_status import ENDED
from services.orders.domain.saved_views import has_name, written
from services.orders.domain.search_words import WordKind, exactly, word_of
from services.orders.models import (
    BankLine,
    Customer,
    CustomerAddress,
    Draft,
    HistoryEntry,
    Note,
    Order,
    Payment,
    PaymentDiscrepancy,
)
from services.orders.queries.visibility import in_sight
from shared import clock
from shared.access import actor_of, require_current, seen
from shared.db import new_id
from shared.errors import Refused
from shared.events.snapshots import Address, OrderStatus, PaymentMethod, RefundState
from shared.messaging import copies, outbox
from shared.messaging.jobs import enqueue

_WORD = re.compile(r"\w+")

SLICE = 200  # orders looked at in one transaction
LOOK_AGAIN = timedelta(days=1)
# Of a history entry's detail: what somebody wrote, staff or customer, bank or mail server.
_SAID = ["answer", "failure", "note", "reason", "reference"]
# Whose references nobody typed: the gateway's own, and an order's number.
_NAMES_NOBODY = frozenset({PaymentMethod.ONLINE, PaymentMethod.EXCHANGE})


def erase_customer(session: Session, customer_id: UUID) -> Customer:
    """Erase a person: the customer and anyone with the same e-mail at this seller, their orders and drafts.

    Name, e-mail and address book are gone with this commit; each order follows by a job that tells
    order.anonymised, an open one once it has ended. Asking again changes nothing. Raises NotFound, Stale,
    Refused (other_markets) where the person bought in a market too that the actor can't see.
    """
    actor = actor_of(session)
    rows = select(Customer).where(Customer.id == customer_id, *in_sight(session)).with_for_update()
    customer = seen(session, rows, "customer", customer_id, Customer.seller_code)
    if customer.erased_at is not None:
        return customer
    require_current(session, customer.version, customer_id)
    same = or_(Customer.id == customer_id, _has_email_of(customer, Customer.email))
    person = (
        select(Customer)
        .where(Customer.seller_code == customer.seller_code, same, Customer.erased_at.is_(None))
        .order_by(Customer.id)
        .with_for_update()
    )
    found = session.scalars(person).all()
    if not all(actor.may_see_market(market) for one in found for market in one.markets):
        raise Refused(
            "other_markets",
            "the person also bought in markets you can't see, and can only be erased from all at once",
        )
    for draft_id in _drafts(session, customer, [one.id for one in found]):
        _owe_erasure(session, draft_id, "", look=0)
    for one in found:
        _empty_unnamed_lines(session, one)
        forget_named(session, one.seller_code, called=one.name, email=one.email, phone=one.phone)
        one.name = one.name_folded = one.email = one.phone = one.company = one.vat_number = ""
        one.erased_at, one.erased_by = clock.now(), actor.name
        one.version += 1
        session.execute(delete(CustomerAddress).where(CustomerAddress.customer_id == one.id))
        _owe_sweep(session, one.id, look=0, after=None)
    session.flush()
    session.expire(customer, ["addresses"])
    return customer


def sweep(session: Session, customer_id: UUID, *, look: int, after: UUID | None) -> None:
    """Schedule the erasure of a customer's next orders; check again a day later while any are left.

    The second look also finds what was being placed while the first was at work.
    """
    left = select(Order.id, Order.number).where(
        Order.customer_id == customer_id, Order.anonymised_at.is_(None)
    )
    if after is not None:
        left = left.where(Order.id > after)
    orders = session.execute(left.order_by(Order.id).limit(SLICE)).all()
    for order_id, number in orders:
        _owe_erasure(session, order_id, number, look=look)
    if len(orders) == SLICE:
        _owe_sweep(session, customer_id, look=look, after=orders[-1].id)
    elif orders or after or look == 0:
        _owe_sweep(session, customer_id, look=look + 1, after=None)


def erase_person(session: Session, order_id: UUID) -> None:
    """Erase the person from an order that has ended, and publish order.anonymised; delete a draft.

    Amounts, dates, goods, who acted and papers' numbers stay: the books must add up. Whatever somebody could
    type goes, for it may be about the person.
    """
    draft = session.get(Draft, order_id)
    if draft is not None and draft.status is not OrderStatus.PLACED:
        session.delete(draft)
    order = session.get(Order, order_id)
    if order is None or order.anonymised_at is not None:
        return
    order = locked_order(session, order_id)
    if not _has_ended(order):
        return
    forget_named(  # the order may be of another name or e-mail than its customer's
        session,
        order.seller_code,
        called=order.customer_name,
        email=order.customer_email,
        phone=order.customer_phone,
    )
    with change(session, order, "anonymise"):
        order.customer_name = order.customer_email = order.customer_phone = ""
        order.customer_company = order.customer_vat_number = ""
        order.taxation = order.taxation and replace(order.taxation, identifier="")
        # Where the tax is due says nothing of a person.
        country = order.billing_address.country
        order.billing_address = Address(name="", line1="", city="", postcode="", country=country)
        for group in order.delivery_groups:
            group.address = None
        for one in order.returns:
            one.note = one.answer = ""
        for hold in order.holds:
            hold.reason = ""
        for cancellation in order.cancellations:
            cancellation.reason = ""
        for refund in order.refunds:
            refund.reason = refund.failure = ""
            if refund.method not in _NAMES_NOBODY:
                refund.reference = ""
        order.end_reason, order.remark, order.tags = "", "", []
        order.anonymised_at = clock.now()
    _empty_rows(session, order_id)
    copies.erase_people(session, order_id)
    outbox.publish(session, events.order_anonymised(order))


def empty_heard(session: Session, order_id: UUID) -> None:
    """Erase what was just received about an erased order, from a sender that did not know yet."""
    copies.erase_people(session, order_id)
    _empty_history(session, order_id)


def _empty_rows(session: Session, order_id: UUID) -> None:
    """Erase personal data from an order's notes, payments, discrepancies, bank lines and history."""
    session.execute(update(Note).where(Note.order_id == order_id).values(text=""))
    session.execute(
        update(Payment)
        .where(Payment.order_id == order_id)
        .values(
            reference=case((Payment.method.in_(_NAMES_NOBODY), Payment.reference), else_=""), void_reason=""
        )
    )
    session.execute(
        update(PaymentDiscrepancy).where(PaymentDiscrepancy.order_id == order_id).values(reason="")
    )
    # Who has to decide about money must know whose it is: banking.ignore_line empties what waits.
    session.execute(
        update(BankLine)
        .where(BankLine.order_id == order_id, BankLine.state.not_in(WAITING))
        .values(text="", payer="", why=case((BankLine.state == LineState.IGNORED, ""), else_=BankLine.why))
    )
    _empty_history(session, order_id)


def _empty_unnamed_lines(session: Session, customer: Customer) -> None:
    """Erase ignored bank lines that name no order but contain every word of the customer's name.

    Banks write names as their systems can: MUELLER or MULLER, ONEILL or O NEILL.
    """
    if len(_WORD.findall(customer.name)) < 2:  # noqa: PLR2004 - a single word is too many people's
        return
    aside = select(BankLine.id, BankLine.payer, BankLine.text).where(
        BankLine.seller_code == customer.seller_code,
        BankLine.state == LineState.IGNORED,
        BankLine.order_id.is_(None),
    )
    names = list(written(customer.name))
    named = []
    for line_id, payer, said in session.execute(aside.execution_options(yield_per=SLICE)):
        words = set[str]().union(*chain(*written(f"{payer} {said}")))
        if any(all(word & words for word in name) for name in names):
            named.append(line_id)
    for line in session.scalars(select(BankLine).where(BankLine.id.in_(named)).with_for_update()):
        line.text = line.payer = line.why = ""


def _empty_history(session: Session, order_id: UUID) -> None:
    session.execute(
        update(HistoryEntry)
        .where(HistoryEntry.order_id == order_id)
        .values(
            before=_without(HistoryEntry.before, ["tags", *PERSON_SHOWN]),
            after=_without(HistoryEntry.after, ["tags", *PERSON_SHOWN]),
            detail=_without(HistoryEntry.detail, _SAID),
        )
    )


def _without(column: InstrumentedAttribute[dict[str, Any]], keys: list[str]) -> ColumnElement[Any]:
    return column.op("-")(literal(keys, ARRAY(Text)))


def _has_ended(order: Order) -> bool:
    return (
        order.status in ENDED
        and all(refund.state is not RefundState.REQUESTED for refund in order.refunds)
        and all(one.status in return_status.ENDED for one in order.returns)
    )


def _drafts(session: Session, customer: Customer, person: Iterable[UUID]) -> list[UUID]:
    of_seller = Draft.seller_code == customer.seller_code
    theirs = or_(
        Draft.customer_id.in_(list(person)), and_(of_seller, _has_email_of(customer, Draft.customer_email))
    )
    is_cart = Draft.status != OrderStatus.PLACED
    found = list(session.scalars(select(Draft.id).where(theirs, is_cart)))
    # Whoever had not yet given an e-mail is in the contents alone.
    nameless = select(Draft.id, Draft.contents).where(
        of_seller, Draft.customer_email == "", Draft.customer_id.is_(None), is_cart
    )
    for draft_id, contents in session.execute(nameless.execution_options(yield_per=SLICE)):
        if _is_for(customer, contents):
            found.append(draft_id)
    return found


def _is_for(customer: Customer, contents: Mapping[str, Any]) -> bool:
    """Whether a draft without an e-mail is the customer's: by telephone or, if it has none, by name."""
    groups = contents.get("delivery_groups", ())
    people = [contents.get("customer"), contents.get("billing_address")]
    people += [group.get("address") for group in groups]
    known = [one for one in people if one]
    phones = [number for one in known if (number := word_of(WordKind.PHONE, one.get("phone") or ""))]
    if phones:
        return word_of(WordKind.PHONE, customer.phone) in phones
    return any(has_name([one.get("name") or ""], customer.name) for one in known)


def _has_email_of(customer: Customer, column: InstrumentedAttribute[str]) -> ColumnElement[bool]:
    """Whether it is the customer's e-mail, ignoring case."""
    return column.ilike(exactly(customer.email)) if customer.email else false()


def _owe_erasure(session: Session, order_id: UUID, number: str, *, look: int) -> None:
    enqueue(
        session,
        "erasure",
        key=f"erasure:{order_id}:{look}",
        order_id=order_id,
        number=number,
        argument={"order_id": str(order_id)},
    )


def _owe_sweep(session: Session, customer_id: UUID, *, look: int, after: UUID | None) -> None:
    enqueue(
        session,
        "erasure_sweep",
        key=f"erasure_sweep:{customer_id}:{look}:{after or ''}:{new_id()}",
        order_id=customer_id,
        number="",
        argument={"customer_id": str(customer_id), "look": look, "after": str(after) if after else None},
        run_at=clock.now() + (LOOK_AGAIN if look and after is None else timedelta()),
    )
