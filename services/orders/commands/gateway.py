"""What the payment gateway tells of money received. The caller owns the transaction."""

from functools import partial
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.orders.commands.changes import change, locked_order
from services.orders.commands.credits import refund_excess
from services.orders.commands.drafts import check_out
from services.orders.commands.payments import receive, receive_once
from services.orders.domain.order_status import OVER
from services.orders.domain.payments import Discrepancy
from services.orders.domain.statements import LineState
from services.orders.models import Order, Payment, PaymentDiscrepancy
from services.orders.queries import discrepancies as queries
from shared import clock
from shared.access import actor_of
from shared.db import locked, new_id
from shared.errors import Refused
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
    keep = partial(_keep, session, order, amount_minor=amount_minor, currency=currency, reference=reference)
    if currency != order.currency:
        return keep(Discrepancy.CURRENCY_DIFFERS)
    key = f"{order.seller_code}/{order.market_code}/{reference}"
    payment = receive_once(session, order, amount_minor=amount_minor, reference=reference, gateway_key=key)
    if payment is not None:
        _give_back(session, order)
        return payment
    counted = session.scalars(select(Payment).where(Payment.gateway_key == key)).one()
    if counted.order_id != order.id:
        return keep(Discrepancy.ORDER_DIFFERS)
    if counted.amount_minor != amount_minor:
        return keep(Discrepancy.AMOUNT_DIFFERS)
    return counted


def record_discrepancy(session: Session, discrepancy_id: UUID, *, amount_minor: int) -> PaymentDiscrepancy:
    """Record what the gateway told as money received after all: so much, in the order's currency.

    Raises NotFound, Refused (already_decided).
    """
    order, discrepancy = _waiting(session, discrepancy_id)
    payment = receive(
        session,
        order,
        method=PaymentMethod.ONLINE,
        amount_minor=amount_minor,
        reference=discrepancy.reference,
    )
    discrepancy.payment_id = payment.id
    _decide(session, discrepancy, LineState.ASSIGNED)
    _give_back(session, order)
    return discrepancy


def ignore_discrepancy(session: Session, discrepancy_id: UUID, *, reason: str) -> PaymentDiscrepancy:
    """Set aside what the gateway told: no further money came. Raises NotFound, Refused (already_decided)."""
    order, discrepancy = _waiting(session, discrepancy_id)
    discrepancy.reason = "" if order.anonymised_at else reason
    _decide(session, discrepancy, LineState.IGNORED)
    return discrepancy


def _give_back(session: Session, order: Order) -> None:
    if order.status in OVER:
        refund_excess(session, order, f"received while the order was {order.status}")


def _keep(
    session: Session, order: Order, why: Discrepancy, *, amount_minor: int, currency: str, reference: str
) -> PaymentDiscrepancy:
    told = {"amount_minor": amount_minor, "currency": currency, "reference": reference}
    new = (
        insert(PaymentDiscrepancy)
        .values(
            id=new_id(),
            order_id=order.id,
            seller_code=order.seller_code,
            market_code=order.market_code,
            why=why,
            state=LineState.OPEN,
            reason="",
            told_at=clock.now(),
            **told,
        )
        .on_conflict_do_nothing()
        .returning(PaymentDiscrepancy)
    )
    kept = session.scalars(new).one_or_none()
    if kept is None:
        same = select(PaymentDiscrepancy).filter_by(order_id=order.id, **told)
        return session.scalars(same).one()
    with change(session, order, "hear_of_payment", why=why, **told):
        pass  # nothing is counted; the history has it
    return kept


def _waiting(session: Session, discrepancy_id: UUID) -> tuple[Order, PaymentDiscrepancy]:
    order = locked_order(session, queries.discrepancy(session, discrepancy_id).order_id)
    discrepancy = locked(session, PaymentDiscrepancy, discrepancy_id)
    if discrepancy.state is not LineState.OPEN:
        raise Refused("already_decided", f"it is {discrepancy.state}", line_state=discrepancy.state.value)
    return order, discrepancy


def _decide(session: Session, discrepancy: PaymentDiscrepancy, state: LineState) -> None:
    discrepancy.state = state
    discrepancy.decided_by = actor_of(session).name
    discrepancy.decided_at = clock.now()
