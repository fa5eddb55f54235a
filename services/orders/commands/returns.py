"""Returns: requested, approved, received, refunded. The caller owns the transaction."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from services.orders import events
from services.orders.commands.changes import change, locked_order
from services.orders.commands.credits import close_if_settled, credit, units_by_line
from services.orders.commands.orders import cancel_order, release_hold
from services.orders.domain import credits as rules
from services.orders.domain.credits import WantedUnits
from services.orders.domain.order_status import OVER, refuse_unless_possible
from services.orders.domain.return_status import status_after
from services.orders.domain.returnable import delivered_units, refuse_late, refuse_more_than_delivered
from services.orders.models import Hold, Order, Refund, Return, ReturnLine
from shared import clock
from shared.access import actor_of
from shared.errors import Invalid, NotFound, Refused
from shared.events.snapshots import (
    ChargeKind,
    CloseReason,
    OrderStatus,
    PaymentMethod,
    RefundPart,
    RefundState,
    ReturnReason,
    ReturnStatus,
    ShipmentsSnapshot,
)
from shared.events.snapshots import ReturnLine as ReceivedLine
from shared.messaging import copies, jobs, outbox

# Why an order stands still that takes the place of goods on their way, and who holds it.
AWAITING_RETURN = "awaiting_return"
RETURNS = "returns"


def request_return(
    session: Session,
    order_id: UUID,
    *,
    reason: ReturnReason,
    lines: Sequence[Mapping[str, Any]],
    note: str = "",
    by_customer: bool = False,
) -> Return:
    """Request a return; staff decide. Publishes return.requested.

    Only what was delivered and is in no other return can come back; a customer has the days that the market
    gives, staff may ask later too. Raises NotFound, Invalid, or Refused (wrong_status, not_delivered,
    more_than_delivered, return_period_over).
    """
    order = locked_order(session, order_id)
    refuse_unless_possible("request_return", order.facts)
    wanted = units_by_line(order, lines)
    shipments = copies.newest(session, order.id, ShipmentsSnapshot)
    if by_customer:
        refuse_late(shipments, wanted, order.market.return_days, clock.now())
    made = _open(session, order, wanted, shipments, reason=reason, note=note, by_customer=by_customer)
    outbox.publish(session, events.return_requested(order, made))
    return made


def approve_return(session: Session, order_id: UUID, return_id: UUID, *, answer: str = "") -> Return:
    """Approve a return: shipping expects the goods until it expires. Publishes return.approved.

    The answer tells the customer how to send them. Raises NotFound, or Refused (wrong_status).
    """
    order = locked_order(session, order_id)
    return _approve(session, order, return_of(order, return_id), answer)


def reject_return(session: Session, order_id: UUID, return_id: UUID, *, answer: str) -> Return:
    """Reject a return; the answer tells the customer why. Publishes return.rejected.

    Raises NotFound, or Refused (wrong_status).
    """
    order = locked_order(session, order_id)
    rejected = return_of(order, return_id)
    status = status_after("reject", rejected.status)
    with change(session, order, "reject_return", return_id=return_id, answer=answer):
        rejected.status = status
        rejected.decided_by = actor_of(session).name
        rejected.answer = answer
        rejected.closed_at = clock.now()
    outbox.publish(session, events.return_rejected(order, rejected))
    return rejected


def withdraw_return(session: Session, order_id: UUID, return_id: UUID) -> Return:
    """Withdraw a return before its goods arrive; its exchange order is cancelled, unless otherwise on hold.

    Tells return.closed. Raises NotFound, or Refused (wrong_status).
    """
    order = locked_order(session, order_id)
    withdrawn = return_of(order, return_id)
    _close(session, order, withdrawn, "withdraw", CloseReason.WITHDRAWN)
    return withdrawn


def dismiss_return(session: Session, order_id: UUID, return_id: UUID, *, reason: str) -> Return:
    """Close a return whose goods have arrived without refunding anything. Publishes return.closed.

    What was to be sent for them is cancelled, unless somebody holds it. Raises NotFound, or Refused
    (wrong_status).
    """
    order = locked_order(session, order_id)
    dismissed = return_of(order, return_id)
    _close(session, order, dismissed, "dismiss", CloseReason.DISMISSED, reason=reason)
    return dismissed


def expire_return(session: Session, order_id: UUID, return_id: UUID) -> None:
    """Close an approved return whose goods never came; one that is already refunded is left to staff."""
    order = locked_order(session, order_id)
    expired = return_of(order, return_id)
    if expired.status is ReturnStatus.APPROVED and not is_given_for(order, expired):
        _close(session, order, expired, "expire", CloseReason.EXPIRED)


def refund_return(
    session: Session,
    order_id: UUID,
    return_id: UUID,
    *,
    reason: str = "",
    lines: Sequence[Mapping[str, Any]] = (),
    shipping_minor: int | None = None,
    deducted_minor: int = 0,
    method: PaymentMethod | None = None,
) -> Return:
    """Refund a return: what came back, unless units are named, less a deduction.

    Before the goods are here it needs a reason. The return is closed when the money has gone. Tells
    refund.requested or refund.settled. Raises NotFound, Invalid, or Refused (wrong_status, already_exchanged,
    already_refunded, nothing_left, more_than_left, more_than_returned).
    """
    order = locked_order(session, order_id)
    refunded = return_of(order, return_id)
    status = status_after("refund", refunded.status)
    if is_exchanged(session, refunded):
        raise Refused("already_exchanged", "it has been exchanged for another order")
    if is_given_for(order, refunded):
        raise Refused("already_refunded", "it has already been refunded")
    if refunded.status is ReturnStatus.APPROVED and not reason:
        raise Invalid(reason="is required until the goods have arrived")
    parts = parts_for(order, refunded, lines, shipping_minor, deducted_minor)
    refund = credit(
        session,
        order,
        parts,
        reason or f"return {refunded.number}",
        restock=any(line.restocked_quantity for line in refunded.lines),
        method=method,
        return_id=refunded.id,
    )
    with change(session, order, "refund_return", return_id=return_id, refund_id=refund.id):
        refunded.status = status
    close_if_settled(session, order, refunded)
    return refunded


def take_back(session: Session, order: Order, refund: Refund) -> Return:
    """Open an approved return for refunded units that are to be restocked once they arrive.

    Raises Refused (not_delivered, more_than_delivered).
    """
    units = rules.refunded_units(refund.parts)
    shipments = copies.newest(session, order.id, ShipmentsSnapshot)
    made = _open(session, order, units, shipments, reason=ReturnReason.OTHER, note="", by_customer=False)
    refund.return_id = made.id
    return _approve(session, order, made, "")


def follow_returns(session: Session, shipments: ShipmentsSnapshot) -> None:
    """Update an order's returns from what shipping has received, however often that is reported.

    What was paid for already ends with that; for the rest people decide.
    """
    order = locked_order(session, shipments.order_id)
    returns = {one.id: one for one in order.returns}
    for heard in shipments.returns:
        received = returns.get(heard.return_id)
        if received is None or received.received_at is not None:
            continue
        expected = received.status is ReturnStatus.APPROVED or received.close_reason in {
            CloseReason.EXPIRED,
            CloseReason.WITHDRAWN,
        }
        with change(session, order, "receive_return", return_id=received.id):
            received.received_at = heard.received_at
            _note_goods(order, received, heard.lines)
            if expected:
                received.status = status_after("receive", received.status)
                received.closed_at = received.close_reason = None
                if is_given_for(order, received):
                    received.status = status_after("refund", received.status)
        close_if_settled(session, order, received)


def _open(
    session: Session,
    order: Order,
    units: Mapping[UUID, int],
    shipments: ShipmentsSnapshot | None,
    *,
    reason: ReturnReason,
    note: str,
    by_customer: bool,
) -> Return:
    refuse_more_than_delivered(units, delivered_units(shipments), order.units_in_returns)
    skus = {line.id: line.sku for line in order.lines}
    made = Return(
        order_id=order.id,
        seller_code=order.seller_code,
        market_code=order.market_code,
        number=f"{order.number}/R{len(order.returns) + 1}",
        status=ReturnStatus.REQUESTED,
        reason=reason,
        note=note,
        by_customer=by_customer,
        requested_by=actor_of(session).name,
        requested_at=clock.now(),
        answer="",
        lines=[
            ReturnLine(
                position=place,
                line_id=line_id,
                sku=skus[line_id],
                requested_quantity=quantity,
                received_quantity=0,
                restocked_quantity=0,
                scrapped_quantity=0,
            )
            for place, (line_id, quantity) in enumerate(units.items())
        ],
    )
    with change(session, order, "request_return", number=made.number, reason=reason, by_customer=by_customer):
        order.returns.append(made)
        session.flush()
    return made


def _approve(session: Session, order: Order, approved: Return, answer: str) -> Return:
    status = status_after("approve", approved.status)
    with change(session, order, "approve_return", return_id=approved.id, answer=answer):
        approved.status = status
        approved.decided_by = actor_of(session).name
        approved.answer = answer
        approved.approved_at = clock.now()
        approved.expires_at = approved.approved_at + timedelta(days=order.market.return_expiry_days)
    jobs.enqueue(
        session,
        "return_expiry",
        key=f"return_expiry:{approved.id}",
        order_id=order.id,
        number=order.number,
        argument={"order_id": str(order.id), "return_id": str(approved.id)},
        run_at=approved.expires_at,
    )
    outbox.publish(session, events.return_approved(order, approved))
    return approved


def _close(
    session: Session, order: Order, closed: Return, action: str, close_reason: CloseReason, **detail: Any
) -> None:
    status = status_after(action, closed.status)
    with change(session, order, f"{action}_return", return_id=closed.id, **detail):
        closed.status = status
        closed.close_reason = close_reason
        closed.closed_at = clock.now()
    outbox.publish(session, events.return_closed(order, closed))
    _call_off_exchange(session, order, closed)


def _call_off_exchange(session: Session, order: Order, closed: Return) -> None:
    """Cancel the exchange order of a return that came to nothing, unless something was refunded for it.

    Nobody cancels what somebody else holds: that is left standing, still waiting for the goods.
    """
    if closed.exchange_order_id is None or is_given_for(order, closed):
        return
    successor = locked_order(session, closed.exchange_order_id)
    if successor.status is OrderStatus.PLACED and all(map(_waits_for_goods, successor.standing_holds)):
        let_successor_go(session, successor)
        cancel_order(session, successor.id, reason=f"return {closed.number} came to nothing")


def return_of(order: Order, return_id: UUID) -> Return:
    """One of an order's returns; raises NotFound."""
    found = next((one for one in order.returns if one.id == return_id), None)
    if found is None:
        raise NotFound("return", return_id)
    return found


def _note_goods(order: Order, received: Return, heard: Iterable[ReceivedLine]) -> None:
    came = {line.line_id: line for line in heard}
    lines = {line.id: line for line in order.lines}
    for line in received.lines:
        if found := came.get(line.line_id):
            line.received_quantity = found.received_quantity
            line.restocked_quantity = found.restocked_quantity
            line.scrapped_quantity = found.scrapped_quantity
            lines[line.line_id].returned_quantity += found.received_quantity


def is_exchanged(session: Session, one: Return) -> bool:
    """Whether a return has an exchange order, waiting or not; one that came to nothing does not count."""
    successor = session.get(Order, one.exchange_order_id) if one.exchange_order_id else None
    return successor is not None and successor.status not in OVER


def let_successor_go(session: Session, successor: Order) -> None:
    """Lift the hold under which an exchange order waits for the returned goods."""
    for hold in successor.standing_holds:
        if _waits_for_goods(hold):
            release_hold(session, successor.id, hold.id)


def _waits_for_goods(hold: Hold) -> bool:
    return (hold.reason, hold.owner) == (AWAITING_RETURN, RETURNS)


def is_given_for(order: Order, given: Return) -> bool:
    """Whether something was refunded for a return already."""
    return any(
        refund.return_id == given.id and refund.state is not RefundState.WITHDRAWN for refund in order.refunds
    )


def is_free(order: Order, given: Return) -> bool:
    """Whether the returned goods were free of charge, so that there is nothing to refund."""
    bill, came = order.bill, _come(given)
    if not any(came.values()) or any(units > bill.units_left(line_id) for line_id, units in came.items()):
        return False
    wanted = [WantedUnits(line_id=line_id, quantity=units) for line_id, units in came.items() if units]
    return not any(part.gross_minor for part in rules.refund_lines(bill, wanted))


def _come(one: Return) -> dict[UUID, int]:
    """The units of each line that came back or, until they are received, are expected."""
    here = one.status is ReturnStatus.RECEIVED
    return {line.line_id: line.received_quantity if here else line.requested_quantity for line in one.lines}


def parts_for(
    order: Order,
    refunded: Return,
    lines: Sequence[Mapping[str, Any]] = (),
    shipping_minor: int | None = None,
    deducted_minor: int = 0,
) -> list[RefundPart]:
    """The parts of the bill to refund for a return: everything, unless units are named, less a deduction.

    Raises Invalid, or Refused (more_than_returned, more_than_left, nothing_left).
    """
    came = _come(refunded)
    bill = order.bill
    if lines:
        units = units_by_line(order, lines)
        for line_id, quantity in units.items():
            if quantity > came.get(line_id, 0):
                raise Refused(
                    "more_than_returned",
                    f"only {came.get(line_id, 0)} of the line are in this return",
                    line_id=line_id,
                )
    else:
        units = {line_id: min(quantity, bill.units_left(line_id)) for line_id, quantity in came.items()}
    wanted = [WantedUnits(line_id=line_id, quantity=units[line_id]) for line_id in units if units[line_id]]
    parts = rules.refund_lines(bill, wanted)
    if shipping_minor:
        parts += rules.refund_charge(bill, ChargeKind.SHIPPING, shipping_minor)
    parts = rules.within(bill, parts)
    whole = sum(part.gross_minor for part in parts)
    if not whole or deducted_minor > whole:
        raise Refused(
            "nothing_left", f"only {whole} can be refunded: dismiss the return instead", left_minor=whole
        )
    return rules.lessened(parts, whole - deducted_minor) if deducted_minor else parts
