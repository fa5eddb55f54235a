"""Payments for an order. The caller owns the transaction; commands never commit."""

from uuid import UUID

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.orders import events
from services.orders.commands.changes import change, complete_if_done, derive_payment, locked_order
from services.orders.domain.bank_statements import LineState
from services.orders.domain.order_status import refuse_unless_possible
from services.orders.models import BankLine, Order, Payment
from shared import clock
from shared.access import actor_of
from shared.db import new_id
from shared.errors import Invalid, NotFound, Refused
from shared.events.snapshots import PaymentMethod
from shared.messaging import outbox
from shared.paper_references import stored_papers


def record_payment(
    session: Session,
    order_id: UUID,
    *,
    method: PaymentMethod | None = None,
    amount_minor: int | None = None,
    reference: str = "",
    document_id: UUID | None = None,
) -> Payment:
    """Record a payment by hand; publishes payment.recorded, and order.completed if nothing else was open.

    Without an amount it is what is still owed, without a method the order's own. Raises NotFound, Refused
    (wrong_status, recorded_by_gateway), Invalid where neither reference nor document is given, the method is
    neither the order's own nor the market's, the document is no stored one of the order, or nothing is owed
    and no amount is named.
    """
    order = locked_order(session, order_id)
    refuse_unless_possible("record_payment", order.facts)
    method = method or order.payment_method
    if method is PaymentMethod.ONLINE:
        raise Refused("recorded_by_gateway", "online payments are reported by the gateway itself")
    if method not in {order.payment_method, *order.market.payment_methods}:
        raise Invalid(method=f"is not one of the market's: {', '.join(order.market.payment_methods)}")
    if not reference and document_id is None:
        raise Invalid(reference="a reference or a supporting document is needed")
    if document_id is not None:
        stored_papers(session, order_id, {"document_id": document_id})
    amount_minor = amount_minor or order.balance.outstanding_minor
    if not amount_minor:
        raise Invalid(amount_minor="nothing is owed any more: give the amount received")
    return receive(
        session, order, method=method, amount_minor=amount_minor, reference=reference, document_id=document_id
    )


def void_payment(session: Session, order_id: UUID, payment_id: UUID, *, reason: str) -> Payment:
    """Void a payment that was recorded by hand; publishes payment.voided.

    Raises NotFound, or Refused (already_voided, not_by_hand, refunded).
    """
    order = locked_order(session, order_id)
    payment = session.get(Payment, payment_id)
    if payment is None or payment.order_id != order_id:
        raise NotFound("payment", payment_id)
    if payment.voided_at is not None:
        raise Refused(
            "already_voided", f"{payment.voided_by} has already voided it", voided_at=payment.voided_at
        )
    if payment.method in {PaymentMethod.ONLINE, PaymentMethod.EXCHANGE}:
        raise Refused("not_by_hand", "it was not recorded by hand; refund it instead")
    given_back = order.refunded_minor + order.refund_pending_minor
    if order.received_minor - payment.amount_minor < given_back:
        raise Refused(
            "refunded", f"{given_back} has been paid back or is about to be", refunded_minor=given_back
        )
    with change(
        session,
        order,
        "void_payment",
        payment_id=payment.id,
        amount_minor=payment.amount_minor,
        reason=reason,
    ):
        payment.voided_by = actor_of(session).name
        payment.voided_at = clock.now()
        payment.void_reason = reason
        session.execute(
            update(BankLine)
            .where(BankLine.payment_id == payment.id)
            .values(state=LineState.OPEN, why="payment_voided", payment_id=None)
        )
        derive_payment(session, order)
    outbox.publish(session, events.payment_voided(order, payment))
    return payment


def receive(
    session: Session,
    order: Order,
    *,
    method: PaymentMethod,
    amount_minor: int,
    reference: str,
    document_id: UUID | None = None,
) -> Payment:
    """Record a payment for a locked order; publishes payment.recorded, and order.completed if that is all."""
    payment = _record(
        session, order, method=method, amount_minor=amount_minor, reference=reference, document_id=document_id
    )
    assert payment is not None, "there is no key that it could have been counted under before"
    return payment


def receive_once(
    session: Session, order: Order, *, amount_minor: int, reference: str, gateway_key: str
) -> Payment | None:
    """Record a gateway payment for a locked order; None if it was recorded before, for any order.

    Two calls about one payment may hold different orders' locks, so only the database can tell which came
    first: the second waits here for the first one's commit.
    """
    return _record(
        session,
        order,
        method=PaymentMethod.ONLINE,
        amount_minor=amount_minor,
        reference=reference,
        gateway_key=gateway_key,
    )


def _record(
    session: Session,
    order: Order,
    *,
    method: PaymentMethod,
    amount_minor: int,
    reference: str,
    document_id: UUID | None = None,
    gateway_key: str | None = None,
) -> Payment | None:
    recorded = (
        insert(Payment)
        .values(
            id=new_id(),
            order_id=order.id,
            seller_code=order.seller_code,
            market_code=order.market_code,
            method=method,
            amount_minor=amount_minor,
            reference=reference,
            document_id=document_id,
            gateway_key=gateway_key,
            recorded_by=actor_of(session).name,
            recorded_at=clock.now(),
            void_reason="",
        )
        .on_conflict_do_nothing(index_elements=["gateway_key"])
        .returning(Payment)
    )
    payment = session.scalars(recorded).one_or_none()
    if payment is None:
        return None
    with change(
        session, order, "record_payment", amount_minor=amount_minor, method=method, reference=reference
    ):
        derive_payment(session, order)
    outbox.publish(session, events.payment_recorded(order, payment))
    complete_if_done(session, order)
    return payment
