"""Credits on an order's bill, and what follows for money and returns.

The caller owns the transaction.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services.orders import events
from services.orders.commands.changes import change, complete_if_done, derive_payment
from services.orders.domain import credits as rules
from services.orders.domain.order_status import refuse_unless_possible
from services.orders.domain.return_status import status_after
from services.orders.models import Cancellation, Order, Payment, Refund, Return
from shared import clock
from shared.access import actor_of
from shared.errors import Invalid, Refused
from shared.events.snapshots import (
    CloseReason,
    PaymentMethod,
    RefundKind,
    RefundPart,
    RefundState,
    ReturnStatus,
)
from shared.messaging import jobs, outbox


def units_by_line(order: Order, lines: Sequence[Mapping[str, Any]]) -> dict[UUID, int]:
    """Quantities by line; raises Invalid for a line that is not in the order, or is named twice."""
    known = {line.id for line in order.lines}
    units: dict[UUID, int] = {}
    for place, line in enumerate(lines):
        line_id = line["line_id"]
        if line_id not in known:
            raise Invalid(**{f"lines.{place}.line_id": "the order has no such line"})
        if line_id in units:
            raise Invalid(**{f"lines.{place}.line_id": "is named twice"})
        units[line_id] = line["quantity"]
    return units


def credit(
    session: Session,
    order: Order,
    parts: Sequence[RefundPart],
    reason: str,
    *,
    restock: bool | None = None,
    method: PaymentMethod | None = None,
    return_id: UUID | None = None,
    settled_as: str | None = None,
) -> Refund:
    """Credit parts of a locked order's bill and request a refund of what is then overpaid.

    With a reference to settle it as, the money is where it belongs already: nothing waits to be paid out.
    Raises Refused (wrong_status, nothing_left, more_than_left, no_online_payment).
    """
    refuse_unless_possible("credit", order.facts)
    credited = sum(part.gross_minor for part in parts)
    if not credited:
        raise Refused("nothing_left", "nothing is left to refund: it was free of charge, or refunded already")
    owed = order.balance.owed_minor
    if credited > owed:
        raise Refused("more_than_left", f"only {owed} is left on the bill", left_minor=owed)
    parts = rules.within(order.bill, parts)
    left = sum(part.gross_minor for part in parts)
    if left < credited:
        raise Refused("more_than_left", f"only {left} of it is left to refund", left_minor=left)
    refund = _request(
        session,
        order,
        amount_minor=max(0, min(credited, order.balance.balance_minor + credited)),
        credited_minor=credited,
        parts=tuple(parts),
        reason=reason,
        restock=restock,
        method=method,
        return_id=return_id,
        settled_as=settled_as,
    )
    complete_if_done(session, order)
    return refund


def refund_excess(
    session: Session, order: Order, reason: str, *, method: PaymentMethod | None = None
) -> Refund | None:
    """Request a refund of whatever a locked order is overpaid, unless one is already on its way.

    Tells refund.requested; None, and nothing told, where there is nothing to give back. Of an order that is
    over nothing is owed, so all of its money goes back.
    """
    amount_minor = order.balance.excess_minor
    if not amount_minor:
        return None
    return _request(session, order, amount_minor=amount_minor, reason=reason, method=method)


def cancel_units(order: Order, cancellation: Cancellation) -> None:
    """Cancel units of a locked order's lines, so that they are no longer owed.

    They take off what they cost, discounts and tax included; never more than is owed, for an amount refunded
    before was of something too. What that is of each line is told with the order.
    """
    if order.tells_parts:
        _count_parts(order, cancellation)
        order.cancelled_minor += sum(part.gross_minor for part in cancellation.parts)
    for each in cancellation.lines:
        line = next(line for line in order.lines if line.id == each.line_id)
        if not order.tells_parts:
            part, left = order.bill.lines[line.id], order.bill.units_left(line.id)
            gross, _ = part.cost(line.quantity - left, each.quantity)
            order.cancelled_minor += min(gross, order.balance.owed_minor)
        line.cancelled_quantity += each.quantity


def recount_cancelled(order: Order) -> None:
    """Recalculate the cancelled amount of an order whose prices were edited."""
    if not order.tells_parts:
        order.cancelled_minor = sum(part.first(part.cancelled)[0] for part in order.charged)
        return
    done = [one for one in order.cancellations if one.done]
    for one in done:
        one.parts = ()
    for one in done:
        _count_parts(order, one)
    order.cancelled_minor = sum(part.gross_minor for part in order.cancelled_parts)


def settle(session: Session, order: Order, refund: Refund, reference: str) -> Refund:
    """Mark a locked order's refund as paid out; publishes refund.settled."""
    with change(
        session,
        order,
        "settle_refund",
        refund_id=refund.id,
        amount_minor=refund.amount_minor,
        reference=reference,
    ):
        refund.state = RefundState.SETTLED
        refund.reference = reference
        refund.settled_by = actor_of(session).name
        refund.settled_at = clock.now()
        derive_payment(session, order)
    outbox.publish(session, events.refund_settled(order, refund))
    for one in order.returns:
        if one.id == refund.return_id:
            close_if_settled(session, order, one)
    return refund


def close_if_settled(session: Session, order: Order, ended: Return) -> None:
    """Close a refunded or exchanged return once its money has been paid out; publishes return.closed."""
    awaited = any(
        refund.return_id == ended.id and refund.state is RefundState.REQUESTED for refund in order.refunds
    )
    if awaited or ended.status not in {ReturnStatus.REFUNDED, ReturnStatus.EXCHANGED}:
        return
    with change(session, order, "close_return", return_id=ended.id):
        ended.status = status_after("close", ended.status)
        ended.close_reason = CloseReason.DONE
        ended.closed_at = clock.now()
    outbox.publish(session, events.return_closed(order, ended))


def _count_parts(order: Order, cancellation: Cancellation) -> None:
    units = [(each.line_id, each.quantity) for each in cancellation.lines]
    cancellation.parts = tuple(rules.cancelled_lines(order.bill, units))


def _request(
    session: Session,
    order: Order,
    *,
    amount_minor: int,
    reason: str,
    method: PaymentMethod | None,
    credited_minor: int = 0,
    parts: tuple[RefundPart, ...] = (),
    restock: bool | None = None,
    return_id: UUID | None = None,
    settled_as: str | None = None,
) -> Refund:
    method, payment_id = _way_back(session, order, amount_minor, method)
    refund = Refund(
        order_id=order.id,
        kind=RefundKind.REFUND,
        amount_minor=amount_minor,
        credited_minor=credited_minor,
        parts=parts,
        restock=restock,
        reason=reason,
        state=RefundState.REQUESTED,
        method=method,
        payment_id=payment_id,
        failure="",
        return_id=return_id,
        requested_by=actor_of(session).name,
        requested_at=clock.now(),
        reference="",
    )
    with change(
        session,
        order,
        "request_refund",
        amount_minor=amount_minor,
        credited_minor=credited_minor,
        reason=reason,
    ):
        order.refunds.append(refund)
        derive_payment(session, order)
    if settled_as is not None or not amount_minor:
        return settle(session, order, refund, settled_as or "")
    outbox.publish(session, events.refund_requested(order, refund))
    if payment_id is not None:
        jobs.enqueue(
            session,
            "gateway_refund",
            key=f"gateway_refund:{refund.id}",
            order_id=order.id,
            number=order.number,
            argument={"order_id": str(order.id), "refund_id": str(refund.id)},
        )
    return refund


def _way_back(
    session: Session, order: Order, amount_minor: int, method: PaymentMethod | None
) -> tuple[PaymentMethod, UUID | None]:
    """How a refund is paid out: through the gateway if one payment has enough left, otherwise by hand."""
    by_hand = PaymentMethod.TRANSFER if order.payment_method is PaymentMethod.ONLINE else order.payment_method
    if method not in {None, PaymentMethod.ONLINE} or not amount_minor:
        return method or by_hand, None
    given = (
        select(func.coalesce(func.sum(Refund.amount_minor), 0))
        # The order's own refunds, by their index; there is none by payment.
        .where(
            Refund.order_id == order.id,
            Refund.payment_id == Payment.id,
            Refund.state != RefundState.WITHDRAWN,
            Refund.failure == "",
        )
        .correlate(Payment)
        .scalar_subquery()
    )
    enough = (
        select(Payment.id)
        .where(
            Payment.order_id == order.id,
            Payment.method == PaymentMethod.ONLINE,
            Payment.voided_at.is_(None),
            Payment.amount_minor - given >= amount_minor,
        )
        .order_by(Payment.recorded_at, Payment.id)
        .limit(1)
    )
    payment_id = session.scalar(enough)
    if payment_id is not None:
        return PaymentMethod.ONLINE, payment_id
    if method is PaymentMethod.ONLINE:
        raise Refused("no_online_payment", "no online payment has that much left to refund")
    return by_hand, None
