"""Money received for an order. The caller owns the transaction; commands never commit."""

from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.orders import events
from services.orders.commands.changes import change, complete_if_done, derive_payment, locked_order
from services.orders.commands.credits import refund_excess
from services.orders.commands.drafts import check_out
from services.orders.domain.order_status import OVER, refuse_unless_possible
from services.orders.domain.payments import PaymentMethod
from services.orders.domain.statements import LineState
from services.orders.models import BankLine, Order, Payment
from shared import clock
from shared.access import actor_of
from shared.db import new_id
from shared.errors import Invalid, NotFound, Refused
from shared.messaging import outbox


def record_payment(
    session: Session,
    order_id: UUID,
    *,
    method: PaymentMethod | None = None,
    amount_minor: int | None = None,
    reference: str = "",
    document_id: UUID | None = None,
) -> Payment:
    """Record money received, by hand; tells payment.recorded, and order.completed if only that lacked.

    Without an amount it is what is still owed, without a method the order's own. Raises NotFound, Refused
    (wrong_status, recorded_by_gateway), Invalid where neither reference nor document is given, the method is
    neither the order's own nor the market's, or nothing is owed and no amount is named.
    """
    order = locked_order(session, order_id)
    refuse_unless_possible("record_payment", order.facts)
    method = method or order.payment_method
    if method is PaymentMethod.ONLINE:
        raise Refused("recorded_by_gateway", "online payments are told by the gateway itself")
    if method not in {order.payment_method, *order.market.payment_methods}:
        raise Invalid(method=f"is not one of the market's: {', '.join(order.market.payment_methods)}")
    if not reference and document_id is None:
        raise Invalid(reference="a reference or a supporting document is needed")
    amount_minor = amount_minor or order.ledger.outstanding_minor
    if not amount_minor:
        raise Invalid(amount_minor="nothing is owed any more: name the amount that was received")
    return receive(
        session, order, method=method, amount_minor=amount_minor, reference=reference, document_id=document_id
    )


def record_gateway_payment(
    session: Session, *, webhook_id: str, order_id: UUID, amount_minor: int, currency: str, reference: str
) -> Payment:
    """Record what the payment gateway received, once per call of it: a repeated call answers the same.

    The money is there whatever the order's state; what comes for an order that is over goes back. Paying for
    a draft places it. Raises NotFound, Invalid for another currency, Refused (webhook_id_reused) for
    the id of a different call, Refused (no_lines, incomplete) for a draft that can not be placed yet.
    """
    check_out(session, order_id)
    order = locked_order(session, order_id)
    if currency != order.currency:
        raise Invalid(currency=f"the order is in {order.currency}")
    payment = _record(
        session,
        order,
        method=PaymentMethod.ONLINE,
        amount_minor=amount_minor,
        reference=reference,
        webhook_id=webhook_id,
    )
    if payment is None:
        earlier = session.scalars(select(Payment).where(Payment.webhook_id == webhook_id)).one()
        told = (earlier.order_id, earlier.amount_minor, earlier.reference)
        if told != (order_id, amount_minor, reference):
            raise Refused("webhook_id_reused", "this webhook-id came with another payment before")
        return earlier
    if order.status in OVER:
        refund_excess(session, order, f"received while the order was {order.status}")
    return payment


def void_payment(session: Session, order_id: UUID, payment_id: UUID, *, reason: str) -> Payment:
    """Note that a payment recorded by hand was none; tells payment.voided.

    Raises NotFound, or Refused (already_voided, not_by_hand, refunded).
    """
    order = locked_order(session, order_id)
    payment = session.get(Payment, payment_id)
    if payment is None or payment.order_id != order_id:
        raise NotFound("payment", payment_id)
    if payment.voided_at is not None:
        raise Refused("already_voided", f"{payment.voided_by} voided it", voided_at=payment.voided_at)
    if payment.method in {PaymentMethod.ONLINE, PaymentMethod.EXCHANGE}:
        raise Refused("not_by_hand", "it was not recorded by hand; refund it instead")
    given_back = order.refunded_minor + order.refund_pending_minor
    if order.received_minor - payment.amount_minor < given_back:
        raise Refused(
            "refunded", f"{given_back} of the order's money goes back already", refunded_minor=given_back
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
    """Record money received for a locked order; tells payment.recorded, or order.completed after it."""
    payment = _record(
        session, order, method=method, amount_minor=amount_minor, reference=reference, document_id=document_id
    )
    assert payment is not None, "there is no id that could have come before"
    return payment


def _record(
    session: Session,
    order: Order,
    *,
    method: PaymentMethod,
    amount_minor: int,
    reference: str,
    document_id: UUID | None = None,
    webhook_id: str | None = None,
) -> Payment | None:
    """The payment as it was recorded; None where the gateway's call was heard before, of whatever order.

    Two calls under one id hold different orders' locks, so only the database can tell which came first: the
    second waits here for the first one's commit.
    """
    recorded = (
        insert(Payment)
        .values(
            id=new_id(),
            order_id=order.id,
            method=method,
            amount_minor=amount_minor,
            reference=reference,
            document_id=document_id,
            webhook_id=webhook_id,
            recorded_by=actor_of(session).name,
            recorded_at=clock.now(),
            void_reason="",
        )
        .on_conflict_do_nothing(index_elements=["webhook_id"])
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
