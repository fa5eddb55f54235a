"""Money that went back at the gateway by itself: its own refunds, and chargebacks.

The caller owns the transaction. A refund that nobody asked for here lessens the bill, as far as it is more
than was paid too much: the seller has given it. A chargeback lessens nothing: the customer owes what they
took back, until the seller says otherwise. Both are rows among the order's refunds.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.orders import events
from services.orders.commands.changes import change, complete_if_done, derive_payment, locked_order
from services.orders.commands.credits import refund_excess, settle
from services.orders.commands.discrepancies import Word, close_chargeback, decide, keep, word_of
from services.orders.commands.holds import hold_locked
from services.orders.domain import refunds as rules
from services.orders.domain.order_status import OVER, refusals
from services.orders.domain.payments import ChargebackStep, Discrepancy, Told
from services.orders.domain.statements import LineState
from services.orders.models import Order, Payment, PaymentDiscrepancy, Refund
from shared import clock
from shared.access import actor_of
from shared.errors import Refused
from shared.events.snapshots import OrderStatus, PaymentMethod, RefundKind, RefundPart, RefundState
from shared.messaging import outbox

# The reason of the hold on an order whose money went back at the gateway while its goods are here.
REFUNDED_AT_GATEWAY = "refunded_at_gateway"

_STATES = {
    ChargebackStep.OPENED: RefundState.REQUESTED,  # the money is blocked, so it pays for nothing
    ChargebackStep.WON: RefundState.WITHDRAWN,
    ChargebackStep.LOST: RefundState.SETTLED,
}
# What another payment or the end of another refund may decide by itself.
_PASSING = (
    Discrepancy.PAYMENT_UNKNOWN,
    Discrepancy.OWN_REFUND_OPEN,
    Discrepancy.MORE_THAN_RECEIVED,
)


def record_gateway_refund(
    session: Session,
    *,
    order_id: UUID,
    payment_reference: str,
    reference: str,
    amount_minor: int,
    currency: str,
    at: datetime,
    refund_id: UUID | None = None,
) -> Refund | PaymentDiscrepancy:
    """Note what the gateway paid back, once, however often and whenever it is told.

    It is known by the gateway's reference, never by its amount. One of our own is settled by it, or was;
    while one of the same payment is under way it waits until that has its reference. Anything else was given
    at the gateway itself: told as refund.settled, with a credit note over what it takes off the bill, and an
    order whose goods are here is held. What can't be counted is kept. Raises NotFound.
    """
    word = Word(
        kind=Told.REFUND,
        reference=reference,
        amount_minor=amount_minor,
        currency=currency,
        payment_reference=payment_reference,
        at=at,
        refund_id=refund_id,
    )
    order = locked_order(session, order_id)
    came_of = _count(session, order, word)
    return keep(session, order, came_of, word) if isinstance(came_of, Discrepancy) else came_of


def record_chargeback(
    session: Session,
    *,
    order_id: UUID,
    payment_reference: str,
    reference: str,
    amount_minor: int,
    currency: str,
    step: ChargebackStep,
    at: datetime,
) -> Refund | PaymentDiscrepancy:
    """Note a chargeback and how it ended, in whatever order that is told.

    While it is open its money pays for nothing, and it waits among what a person has to work on. Tells
    refund.requested when it is opened, refund.settled when it is lost, and order.updated each time. Raises
    NotFound.
    """
    word = Word(
        kind=Told.CHARGEBACK,
        reference=reference,
        amount_minor=amount_minor,
        currency=currency,
        payment_reference=payment_reference,
        step=step,
        at=at,
    )
    order = locked_order(session, order_id)
    came_of = _count(session, order, word)
    if isinstance(came_of, Discrepancy):
        return keep(session, order, came_of, word)
    _queue(session, order, came_of, word)
    return came_of


def try_again(session: Session, order: Order) -> None:
    """Count what was kept of a locked order, where a payment or refund that came since makes it plain."""
    if not order.to_decide:
        return
    waiting = select(PaymentDiscrepancy).where(
        PaymentDiscrepancy.order_id == order.id,
        PaymentDiscrepancy.state == LineState.OPEN,
        PaymentDiscrepancy.why.in_(_PASSING),
    )
    for kept in session.scalars(waiting.order_by(PaymentDiscrepancy.id)).all():
        word = word_of(kept)
        came_of = _count(session, order, word)
        if isinstance(came_of, Discrepancy):
            kept.why = came_of
        elif came_of.kind is RefundKind.CHARGEBACK and came_of.state is RefundState.REQUESTED:
            kept.why, kept.refund_id = Discrepancy.CHARGEBACK_OPENED, came_of.id
        else:
            decide(session, order, kept, LineState.ASSIGNED, refund_id=came_of.id)


def record_taken_back(session: Session, order: Order, kept: PaymentDiscrepancy, *, amount_minor: int) -> None:
    """Count what a person says went back: so much, in the currency of a locked order.

    Raises Refused (already_decided, more_than_received).
    """
    if kept.why is Discrepancy.CHARGEBACK_OPENED:
        raise Refused("already_decided", "it is counted; the gateway tells how it ends")
    if amount_minor > _left(order) and kept.step is not ChargebackStep.WON:
        raise Refused(
            "more_than_received",
            f"no more than {_left(order)} of what was received has not gone back",
            left_minor=_left(order),
        )
    payment = _payment(session, order, kept.payment_reference)
    if payment is not None and payment.order_id != order.id:
        payment = None
    word = word_of(kept)
    refund = _note(session, order, payment, word, amount_minor)
    if word.kind is Told.CHARGEBACK:
        kept.refund_id = refund.id
        if word.step is ChargebackStep.OPENED:
            kept.why = Discrepancy.CHARGEBACK_OPENED
            return
    decide(session, order, kept, LineState.ASSIGNED, refund_id=refund.id)


def _count(session: Session, order: Order, word: Word) -> Refund | Discrepancy:
    """What became of what was told of a locked order; or why nobody can count it by itself."""
    known = _known(order, word)
    if known is not None:
        is_same = known.amount_minor == word.amount_minor
        # Of a chargeback in another currency a person has said the amount.
        if not is_same and (word.kind is Told.REFUND or word.currency == order.currency):
            return Discrepancy.AMOUNT_DIFFERS
        return _follow(session, order, known, word)
    if word.currency != order.currency:
        return Discrepancy.CURRENCY_DIFFERS
    own = next((one for one in order.refunds if word.refund_id and one.id == word.refund_id), None)
    if own is not None and own.state is RefundState.REQUESTED:
        is_same = own.amount_minor == word.amount_minor
        return settle(session, order, own, word.reference) if is_same else Discrepancy.AMOUNT_DIFFERS
    payment = _payment(session, order, word.payment_reference)
    return _why_not(order, payment, word) or _note(session, order, payment, word, word.amount_minor)


def _why_not(order: Order, payment: Payment | None, word: Word) -> Discrepancy | None:
    """What keeps from counting what was told of a payment for the first time."""
    if payment is None:
        return Discrepancy.PAYMENT_UNKNOWN
    if payment.order_id != order.id:
        return Discrepancy.ORDER_DIFFERS
    if word.kind is Told.REFUND and any(
        one.kind is RefundKind.REFUND and one.state is RefundState.REQUESTED and one.payment_id == payment.id
        for one in order.refunds
    ):
        return Discrepancy.OWN_REFUND_OPEN
    if word.amount_minor > _left(order) and word.step is not ChargebackStep.WON:
        return Discrepancy.MORE_THAN_RECEIVED
    return None


def _known(order: Order, word: Word) -> Refund | None:
    is_chargeback = word.kind is Told.CHARGEBACK
    return next(
        (
            refund
            for refund in order.refunds
            if refund.reference == word.reference and (refund.kind is RefundKind.CHARGEBACK) == is_chargeback
        ),
        None,
    )


def _payment(session: Session, order: Order, reference: str) -> Payment | None:
    key = f"{order.seller_code}/{order.market_code}/{reference}"
    return session.scalars(select(Payment).where(Payment.gateway_key == key)).one_or_none()


def _left(order: Order) -> int:
    """What was received and has neither gone back nor is on its way."""
    return order.received_minor - order.refunded_minor - order.refund_pending_minor


def _note(session: Session, order: Order, payment: Payment | None, word: Word, amount_minor: int) -> Refund:
    """Note money that is gone, for the first time, and what follows from that."""
    step = word.step
    parts = () if step else _taken_off(order, amount_minor)
    now = clock.now()
    state = _STATES[step] if step else RefundState.SETTLED
    is_settled = state is RefundState.SETTLED
    refund = Refund(
        order_id=order.id,
        kind=RefundKind.CHARGEBACK if step else RefundKind.GATEWAY,
        amount_minor=amount_minor,
        credited_minor=sum(part.gross_minor for part in parts),
        parts=tuple(parts),
        restock=None,
        reason="charged back by the customer's bank" if step else "paid back at the payment gateway",
        state=state,
        method=PaymentMethod.ONLINE,
        payment_id=payment.id if payment else None,
        failure="",
        return_id=None,
        requested_by=actor_of(session).name,
        requested_at=now,
        reference=word.reference,
        settled_by=actor_of(session).name if is_settled else None,
        settled_at=now if is_settled else None,
        said_at=word.at,
    )
    with change(
        session,
        order,
        f"chargeback_{step}" if step else "refund_at_gateway",
        amount_minor=amount_minor,
        credited_minor=refund.credited_minor,
        reference=word.reference,
    ):
        order.refunds.append(refund)
        derive_payment(session, order)
    _tell(session, order, refund)
    if parts and order.status is OrderStatus.ACCEPTED and order.facts.units_here > 0:
        hold_locked(session, order, REFUNDED_AT_GATEWAY)
    complete_if_done(session, order)
    return refund


def _taken_off(order: Order, amount_minor: int) -> list[RefundPart]:
    """What a refund given at the gateway takes off the bill: what is above an overpayment, of no line."""
    if refusals("credit", order.facts):
        return []
    ledger = order.ledger
    credited = min(amount_minor - min(amount_minor, ledger.excess_minor), ledger.owed_minor)
    return rules.within(order.bill, rules.refund_amount(order.bill, credited)) if credited else []


def _follow(session: Session, order: Order, refund: Refund, word: Word) -> Refund | Discrepancy:
    """Bring a chargeback in line with what is told of it; an opening or an older word changes nothing."""
    if word.step in {None, ChargebackStep.OPENED}:
        return refund
    if refund.state is not RefundState.REQUESTED and refund.said_at and word.at and word.at < refund.said_at:
        return refund
    refund.said_at = word.at
    state = _STATES[word.step]
    if refund.state is state:
        return refund
    if refund.state is RefundState.WITHDRAWN and refund.amount_minor > _left(order):
        return Discrepancy.MORE_THAN_RECEIVED
    with change(
        session,
        order,
        f"chargeback_{word.step}",
        refund_id=refund.id,
        amount_minor=refund.amount_minor,
        reference=refund.reference,
    ):
        refund.state = state
        is_settled = state is RefundState.SETTLED
        refund.settled_by = actor_of(session).name if is_settled else None
        refund.settled_at = clock.now() if is_settled else None
        derive_payment(session, order)
    _tell(session, order, refund)
    if order.status in OVER:
        refund_excess(session, order, f"received while the order was {order.status}")
    complete_if_done(session, order)
    return refund


def _tell(session: Session, order: Order, refund: Refund) -> None:
    if refund.state is RefundState.SETTLED:
        outbox.publish(session, events.refund_settled(order, refund))
    elif refund.state is RefundState.REQUESTED:
        outbox.publish(session, events.refund_requested(order, refund))
    if refund.kind is RefundKind.CHARGEBACK:
        # Shipping hears nothing of refunds, and has to know whether the order is still covered.
        outbox.publish(session, events.order_updated(order))


def _queue(session: Session, order: Order, refund: Refund, word: Word) -> None:
    """Keep an open chargeback where a person sees it, and take it out when it is over."""
    if refund.state is RefundState.REQUESTED:
        keep(session, order, Discrepancy.CHARGEBACK_OPENED, word, refund_id=refund.id)
    elif order.to_decide:
        close_chargeback(session, order, word.reference, refund.id)
