"""What the payment gateway tells of money received. The caller owns the transaction."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.orders.commands.changes import locked_order
from services.orders.commands.credits import refund_excess
from services.orders.commands.discrepancies import Word, decide, keep, waiting
from services.orders.commands.drafts import check_out
from services.orders.commands.payments import receive, receive_once
from services.orders.commands.taken_back import record_taken_back, try_again
from services.orders.domain.order_status import OVER
from services.orders.domain.payments import Discrepancy, Told
from services.orders.domain.statements import LineState
from services.orders.models import Order, Payment, PaymentDiscrepancy
from shared.events.snapshots import PaymentMethod


def record_gateway_payment(
    session: Session, *, order_id: UUID, amount_minor: int, currency: str, reference: str
) -> Payment | PaymentDiscrepancy:
    """Record what the payment gateway received, once for each payment of it, however often it is told.

    A payment is known by seller, market and the gateway's own reference. The money is there whatever the
    order's state; what comes for an order that is over goes back. Paying for a draft places it. What was
    counted with another amount or for another order, or is in another currency, is kept for a person to
    decide. Raises NotFound, Refused (no_lines, incomplete) for a draft that can not be placed yet.
    """
    check_out(session, order_id)
    order = locked_order(session, order_id)
    word = Word(kind=Told.PAYMENT, reference=reference, amount_minor=amount_minor, currency=currency)
    if currency != order.currency:
        return keep(session, order, Discrepancy.CURRENCY_DIFFERS, word)
    key = f"{order.seller_code}/{order.market_code}/{reference}"
    payment = receive_once(session, order, amount_minor=amount_minor, reference=reference, gateway_key=key)
    if payment is not None:
        try_again(session, order)
        _give_back(session, order)
        return payment
    counted = session.scalars(select(Payment).where(Payment.gateway_key == key)).one()
    if counted.order_id != order.id:
        return keep(session, order, Discrepancy.ORDER_DIFFERS, word)
    if counted.amount_minor != amount_minor:
        return keep(session, order, Discrepancy.AMOUNT_DIFFERS, word)
    return counted


def record_discrepancy(session: Session, discrepancy_id: UUID, *, amount_minor: int) -> PaymentDiscrepancy:
    """Count what the gateway told as money received, or gone, after all: so much, in the order's currency.

    Raises NotFound, Refused (already_decided, more_than_received).
    """
    order, discrepancy = waiting(session, discrepancy_id)
    if discrepancy.kind is not Told.PAYMENT:
        record_taken_back(session, order, discrepancy, amount_minor=amount_minor)
        return discrepancy
    payment = receive(
        session,
        order,
        method=PaymentMethod.ONLINE,
        amount_minor=amount_minor,
        reference=discrepancy.reference,
    )
    discrepancy.payment_id = payment.id
    decide(session, order, discrepancy, LineState.ASSIGNED)
    try_again(session, order)
    _give_back(session, order)
    return discrepancy


def ignore_discrepancy(session: Session, discrepancy_id: UUID, *, reason: str) -> PaymentDiscrepancy:
    """Set aside what the gateway told: no further money came or went.

    Raises NotFound, Refused (already_decided).
    """
    order, discrepancy = waiting(session, discrepancy_id)
    discrepancy.reason = "" if order.anonymised_at else reason
    decide(session, order, discrepancy, LineState.IGNORED)
    return discrepancy


def _give_back(session: Session, order: Order) -> None:
    if order.status in OVER:
        refund_excess(session, order, f"received while the order was {order.status}")
