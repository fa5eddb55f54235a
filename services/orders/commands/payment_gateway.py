"""Payment gateway reports: payments received, refunds and chargebacks.

The caller owns the transaction. A refund that nobody asked for here lessens the bill, as far as it is more
than was paid too much: the seller has given it. A chargeback lessens nothing: the customer owes what they
took back, until the seller says otherwise. Both are rows among the order's refunds. What cannot be booked
automatically is kept as a discrepancy, for a person to decide.
"""

from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.orders import events
from services.orders.commands.changes import change, complete_if_done, derive_payment, locked_order
from services.orders.commands.credits import refund_excess, settle
from services.orders.commands.drafts import check_out
from services.orders.commands.orders import hold_locked
from services.orders.commands.payments import receive, receive_once
from services.orders.domain import credits as rules
from services.orders.domain.bank_statements import LineState
from services.orders.domain.order_status import OVER, refusals
from services.orders.domain.payments import ChargebackStep, Discrepancy, GatewayReport, ReportKind
from services.orders.models import Order, Payment, PaymentDiscrepancy, Refund
from services.orders.queries.discrepancies import discrepancy as discrepancy_of
from shared import clock
from shared.access import actor_of
from shared.db import locked, new_id
from shared.errors import Refused
from shared.events.snapshots import OrderStatus, PaymentMethod, RefundKind, RefundPart, RefundState
from shared.messaging import outbox

# The reason of the hold on an order whose money went back at the gateway while its goods are here.
REFUNDED_AT_GATEWAY = "refunded_at_gateway"

_REFUND_STATES = {
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


def record_gateway_payment(
    session: Session, *, order_id: UUID, amount_minor: int, currency: str, reference: str
) -> Payment | PaymentDiscrepancy:
    """Record a payment that the gateway received, once, however often it is reported.

    A payment is known by seller, market and the gateway's own reference. The money is there whatever the
    order's state; what comes for an order that is over goes back. Paying for a draft places it. What was
    counted with another amount or for another order, or is in another currency, is kept for a person to
    decide. Raises NotFound, Refused (no_lines, incomplete) for a draft that can not be placed yet.
    """
    check_out(session, order_id)
    order = locked_order(session, order_id)
    report = GatewayReport(
        kind=ReportKind.PAYMENT, reference=reference, amount_minor=amount_minor, currency=currency
    )
    if currency != order.currency:
        return _keep(session, order, Discrepancy.CURRENCY_DIFFERS, report)
    key = _key(order, reference)
    payment = receive_once(session, order, amount_minor=amount_minor, reference=reference, gateway_key=key)
    if payment is not None:
        try_again(session, order)
        _give_back(session, order)
        return payment
    counted = session.scalars(select(Payment).where(Payment.gateway_key == key)).one()
    if counted.order_id != order.id:
        return _keep(session, order, Discrepancy.ORDER_DIFFERS, report)
    if counted.amount_minor != amount_minor:
        return _keep(session, order, Discrepancy.AMOUNT_DIFFERS, report)
    return counted


def record_money_back(session: Session, order_id: UUID, report: GatewayReport) -> Refund | PaymentDiscrepancy:
    """Record a gateway refund or chargeback once, however often and in whatever order it is reported.

    A refund is known by the gateway's reference, never by its amount. One of our own is settled by it, or
    was; while one of the same payment is under way it waits until that has its reference. Anything else was
    given at the gateway itself: told as refund.settled, with a credit note over what it takes off the bill,
    and an order whose goods are here is held. While a chargeback is open its money pays for nothing, and it
    waits among what a person has to work on; it tells refund.requested when it is opened, refund.settled when
    it is lost, and order.updated each time. What can't be counted is kept. Raises NotFound.
    """
    order = locked_order(session, order_id)
    came_of = _count(session, order, report)
    if isinstance(came_of, Discrepancy):
        return _keep(session, order, came_of, report)
    if report.kind is ReportKind.CHARGEBACK:
        _queue(session, order, came_of, report)
    try_again(session, order)  # others wait for this one to end, or for the money that it frees
    return came_of


def record_discrepancy(session: Session, discrepancy_id: UUID, *, amount_minor: int) -> PaymentDiscrepancy:
    """Book a discrepancy after all, as received or paid back: this amount, in the order's currency.

    Raises NotFound, Refused (already_decided, more_than_received).
    """
    order, discrepancy = _waiting(session, discrepancy_id)
    if discrepancy.kind is not ReportKind.PAYMENT:
        _count_decided(session, order, discrepancy, amount_minor=amount_minor)
        return discrepancy
    payment = receive(
        session,
        order,
        method=PaymentMethod.ONLINE,
        amount_minor=amount_minor,
        reference=discrepancy.reference,
    )
    discrepancy.payment_id = payment.id
    _decide(session, order, discrepancy, LineState.ASSIGNED)
    try_again(session, order)
    _give_back(session, order)
    return discrepancy


def ignore_discrepancy(session: Session, discrepancy_id: UUID, *, reason: str) -> PaymentDiscrepancy:
    """Ignore a discrepancy: no further money was received or paid back.

    Raises NotFound, Refused (already_decided).
    """
    order, discrepancy = _waiting(session, discrepancy_id)
    discrepancy.reason = "" if order.anonymised_at else reason
    _decide(session, order, discrepancy, LineState.IGNORED)
    return discrepancy


def try_again(session: Session, order: Order) -> None:
    """Book open reports about a locked order that a later payment or refund has made clear."""
    if not order.to_decide:
        return
    waiting = select(PaymentDiscrepancy).where(
        PaymentDiscrepancy.order_id == order.id,
        PaymentDiscrepancy.state == LineState.OPEN,
        PaymentDiscrepancy.why.in_(_PASSING),
    )
    for kept in session.scalars(waiting.order_by(PaymentDiscrepancy.id)).all():
        report = _report_of(kept)
        came_of = _count(session, order, report)
        if isinstance(came_of, Discrepancy):
            kept.why = came_of
        elif came_of.kind is RefundKind.CHARGEBACK and came_of.state is RefundState.REQUESTED:
            kept.why, kept.refund_id = Discrepancy.CHARGEBACK_OPENED, came_of.id
        else:
            _decide(session, order, kept, LineState.ASSIGNED, refund_id=came_of.id)


def _count_decided(session: Session, order: Order, kept: PaymentDiscrepancy, *, amount_minor: int) -> None:
    """Book as paid back the amount that a person has decided on, in the currency of a locked order.

    Raises Refused (already_decided, more_than_received).
    """
    if kept.why is Discrepancy.CHARGEBACK_OPENED:
        raise Refused("already_decided", "it is already recorded; the gateway will report the outcome")
    if amount_minor > _left(order) and kept.step is not ChargebackStep.WON:
        raise Refused(
            "more_than_received",
            f"only {_left(order)} of what was received is left to pay back",
            left_minor=_left(order),
        )
    payment = _payment(session, order, kept.payment_reference)
    if payment is not None and payment.order_id != order.id:
        payment = None
    report = _report_of(kept)
    refund = _note(session, order, payment, report, amount_minor)
    if report.kind is ReportKind.CHARGEBACK:
        kept.refund_id = refund.id
        if report.step is ChargebackStep.OPENED:
            kept.why = Discrepancy.CHARGEBACK_OPENED
            return
    _decide(session, order, kept, LineState.ASSIGNED, refund_id=refund.id)


def _count(session: Session, order: Order, report: GatewayReport) -> Refund | Discrepancy:
    """Book a report about a locked order; returns the refund, or why it cannot be booked automatically."""
    known = _known(order, report)
    if known is not None:
        is_same = known.amount_minor == report.amount_minor
        # Of a chargeback in another currency a person has said the amount.
        if not is_same and (report.kind is ReportKind.REFUND or report.currency == order.currency):
            return Discrepancy.AMOUNT_DIFFERS
        return _follow(session, order, known, report)
    if report.currency != order.currency:
        return Discrepancy.CURRENCY_DIFFERS
    own = next((one for one in order.refunds if report.refund_id and one.id == report.refund_id), None)
    if own is not None and own.state is RefundState.REQUESTED:
        is_same = own.amount_minor == report.amount_minor
        return settle(session, order, own, report.reference) if is_same else Discrepancy.AMOUNT_DIFFERS
    payment = _payment(session, order, report.payment_reference)
    return _why_not(order, payment, report) or _note(session, order, payment, report, report.amount_minor)


def _why_not(order: Order, payment: Payment | None, report: GatewayReport) -> Discrepancy | None:
    """Why a report cannot be booked when it is first received, or None."""
    if payment is None:
        return Discrepancy.PAYMENT_UNKNOWN
    if payment.order_id != order.id:
        return Discrepancy.ORDER_DIFFERS
    if report.kind is ReportKind.REFUND and any(
        one.kind is RefundKind.REFUND and one.state is RefundState.REQUESTED and one.payment_id == payment.id
        for one in order.refunds
    ):
        return Discrepancy.OWN_REFUND_OPEN
    if report.amount_minor > _left(order) and report.step is not ChargebackStep.WON:
        return Discrepancy.MORE_THAN_RECEIVED
    return None


def _known(order: Order, report: GatewayReport) -> Refund | None:
    is_chargeback = report.kind is ReportKind.CHARGEBACK
    return next(
        (
            refund
            for refund in order.refunds
            if refund.reference == report.reference
            and (refund.kind is RefundKind.CHARGEBACK) == is_chargeback
        ),
        None,
    )


def _payment(session: Session, order: Order, reference: str) -> Payment | None:
    rows = select(Payment).where(Payment.gateway_key == _key(order, reference))
    return session.scalars(rows).one_or_none()


def _key(order: Order, reference: str) -> str:
    """What a payment is known by, once in all: the gateway's references are its own in a seller's market."""
    return f"{order.seller_code}/{order.market_code}/{reference}"


def _left(order: Order) -> int:
    """What was received, less what was paid back or is on its way."""
    return order.received_minor - order.refunded_minor - order.refund_pending_minor


def _note(
    session: Session, order: Order, payment: Payment | None, report: GatewayReport, amount_minor: int
) -> Refund:
    """Record a new refund or chargeback, and what follows from it."""
    step = report.step
    parts = () if step else _taken_off(order, amount_minor)
    now = clock.now()
    state = _REFUND_STATES[step] if step else RefundState.SETTLED
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
        reference=report.reference,
        settled_by=actor_of(session).name if is_settled else None,
        settled_at=now if is_settled else None,
        said_at=report.at,
    )
    with change(
        session,
        order,
        f"chargeback_{step}" if step else "refund_at_gateway",
        amount_minor=amount_minor,
        credited_minor=refund.credited_minor,
        reference=report.reference,
    ):
        order.refunds.append(refund)
        derive_payment(session, order)
    _tell(session, order, refund)
    if parts and order.status is OrderStatus.ACCEPTED and order.facts.units_here > 0:
        hold_locked(session, order, REFUNDED_AT_GATEWAY)
    complete_if_done(session, order)
    return refund


def _taken_off(order: Order, amount_minor: int) -> list[RefundPart]:
    """What a refund made at the gateway takes off the bill: whatever exceeds an overpayment, of no line."""
    if refusals("credit", order.facts):
        return []
    balance = order.balance
    credited = min(amount_minor - min(amount_minor, balance.excess_minor), balance.owed_minor)
    return rules.within(order.bill, rules.refund_amount(order.bill, credited)) if credited else []


def _follow(session: Session, order: Order, refund: Refund, report: GatewayReport) -> Refund | Discrepancy:
    """Update a chargeback from a report; an opening or an older report changes nothing."""
    if report.step in {None, ChargebackStep.OPENED}:
        return refund
    is_older = refund.said_at and report.at and report.at < refund.said_at
    if refund.state is not RefundState.REQUESTED and is_older:
        return refund
    refund.said_at = report.at
    state = _REFUND_STATES[report.step]
    if refund.state is state:
        return refund
    if refund.state is RefundState.WITHDRAWN and refund.amount_minor > _left(order):
        return Discrepancy.MORE_THAN_RECEIVED
    with change(
        session,
        order,
        f"chargeback_{report.step}",
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
    _give_back(session, order)
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


def _queue(session: Session, order: Order, refund: Refund, report: GatewayReport) -> None:
    """Queue an open chargeback for a person, and remove it from the queue once it is decided."""
    if refund.state is RefundState.REQUESTED:
        _keep(session, order, Discrepancy.CHARGEBACK_OPENED, report, refund_id=refund.id)
    elif order.to_decide:
        _close_chargeback(session, order, report.reference, refund.id)


def _give_back(session: Session, order: Order) -> None:
    """Request a refund of what came in for an order that is over."""
    if order.status in OVER:
        refund_excess(session, order, f"received while the order was {order.status}")


def _keep(
    session: Session, order: Order, why: Discrepancy, report: GatewayReport, *, refund_id: UUID | None = None
) -> PaymentDiscrepancy:
    """Keep a report about a locked order for a person to decide on, once; publishes order.updated.

    Of a chargeback the last step is kept, whichever comes first.
    """
    told: dict[str, Any] = {
        "kind": report.kind,
        "reference": report.reference,
        "amount_minor": report.amount_minor,
        "currency": report.currency,
    }
    rows = insert(PaymentDiscrepancy).values(
        id=new_id(),
        seller_code=order.seller_code,
        market_code=order.market_code,
        payment_reference=report.payment_reference,
        step=report.step,
        said_at=report.at,
        why=why,
        state=LineState.OPEN,
        refund_id=refund_id,
        reason="",
        told_at=clock.now(),
        order_id=order.id,
        **told,
    )
    kept = session.scalars(rows.on_conflict_do_nothing().returning(PaymentDiscrepancy)).one_or_none()
    if kept is None:
        same = session.scalars(select(PaymentDiscrepancy).filter_by(order_id=order.id, **told)).one()
        _take_step(same, report)
        return same
    with change(session, order, "hear_of_payment", why=why, **told):
        _count_open(session, order)
    outbox.publish(session, events.order_updated(order))
    return kept


def _decide(
    session: Session,
    order: Order,
    discrepancy: PaymentDiscrepancy,
    state: LineState,
    *,
    refund_id: UUID | None = None,
) -> None:
    """Take a discrepancy of a locked order out of the queue."""
    discrepancy.state = state
    discrepancy.refund_id = refund_id or discrepancy.refund_id
    discrepancy.decided_by = actor_of(session).name
    discrepancy.decided_at = clock.now()
    _count_open(session, order)


def _close_chargeback(session: Session, order: Order, reference: str, refund_id: UUID) -> None:
    """Take a chargeback that the gateway has decided out of a locked order's queue."""
    waiting = update(PaymentDiscrepancy).where(
        PaymentDiscrepancy.order_id == order.id,
        PaymentDiscrepancy.kind == ReportKind.CHARGEBACK,
        PaymentDiscrepancy.reference == reference,
        PaymentDiscrepancy.state == LineState.OPEN,
    )
    done = {"decided_by": actor_of(session).name, "decided_at": clock.now()}
    session.execute(waiting.values(state=LineState.ASSIGNED, refund_id=refund_id, **done))
    _count_open(session, order)


def _count_open(session: Session, order: Order) -> None:
    """Update the order's count of open discrepancies."""
    session.flush()
    waiting = select(func.count()).select_from(PaymentDiscrepancy)
    order.to_decide = session.execute(
        waiting.where(PaymentDiscrepancy.order_id == order.id, PaymentDiscrepancy.state == LineState.OPEN)
    ).scalar_one()


def _waiting(session: Session, discrepancy_id: UUID) -> tuple[Order, PaymentDiscrepancy]:
    """An open discrepancy, with its order locked; raises NotFound, Refused (already_decided)."""
    order = locked_order(session, discrepancy_of(session, discrepancy_id).order_id)
    discrepancy = locked(session, PaymentDiscrepancy, discrepancy_id)
    if discrepancy.state is not LineState.OPEN:
        raise Refused(
            "already_decided",
            f"the discrepancy is already {discrepancy.state}",
            line_state=discrepancy.state.value,
        )
    return order, discrepancy


def _report_of(discrepancy: PaymentDiscrepancy) -> GatewayReport:
    """The report as it was received."""
    return GatewayReport(
        kind=discrepancy.kind,
        reference=discrepancy.reference,
        amount_minor=discrepancy.amount_minor,
        currency=discrepancy.currency,
        payment_reference=discrepancy.payment_reference,
        step=discrepancy.step,
        at=discrepancy.said_at,
    )


def _take_step(kept: PaymentDiscrepancy, report: GatewayReport) -> None:
    is_later = kept.step is ChargebackStep.OPENED or (
        report.at and kept.said_at and report.at >= kept.said_at
    )
    if kept.state is LineState.OPEN and report.step in {ChargebackStep.WON, ChargebackStep.LOST} and is_later:
        kept.step, kept.said_at = report.step, report.at
