"""Refunds: credits on an order's bill, and money paid back. The caller owns the transaction."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from services.orders import events
from services.orders.commands.changes import change, derive_payment, locked_order
from services.orders.commands.credits import credit, recount_cancelled, refund_excess, settle, units_by_line
from services.orders.commands.payment_gateway import try_again
from services.orders.commands.returns import take_back
from services.orders.domain import credits as rules
from services.orders.domain.credits import WantedUnits
from services.orders.domain.order_status import OVER, refuse_unless_possible
from services.orders.domain.returnable import refuse_unsent
from services.orders.models import Order, Refund
from shared.errors import Invalid, NotFound, Refused
from shared.events.snapshots import (
    ChargeKind,
    PaymentMethod,
    RefundKind,
    RefundPart,
    RefundState,
    ReturnStatus,
    ShipmentsSnapshot,
)
from shared.messaging import copies, outbox


def request_refund(
    session: Session,
    order_id: UUID,
    *,
    reason: str,
    lines: Sequence[Mapping[str, Any]] = (),
    shipping_minor: int | None = None,
    amount_minor: int | None = None,
    everything: bool = False,
    overpayment: bool = False,
    restock: bool | None = None,
    method: PaymentMethod | None = None,
) -> Refund:
    """Credit units, shipping, an amount or everything, and request a refund of what was paid for it.

    Amounts include tax. Money goes back only as far as more was received than is owed then, so no order
    becomes uncovered by it: what was not paid yet need only not be paid any more. An overpayment goes back
    without anything being taken off. Tells refund.requested, or refund.settled at once where no money goes.
    Raises NotFound, Invalid naming the field, or Refused (wrong_status, nothing_left, more_than_left,
    nothing_overpaid, no_online_payment; not_sent for goods that have not left, which are cancelled instead;
    not_delivered or more_than_delivered for goods to come back).
    """
    order = locked_order(session, order_id)
    refuse_unless_possible("refund", order.facts)
    if overpayment:
        refund = refund_excess(session, order, reason, method=method)
        if refund is None:
            raise Refused("nothing_overpaid", "nothing has been overpaid")
        return refund
    parts = _wanted_parts(order, lines, shipping_minor, amount_minor, everything=everything)
    if any(part.line_id for part in parts) and restock is None:
        raise Invalid(restock="say whether the goods will be returned and restocked")
    shipments = copies.newest(session, order.id, ShipmentsSnapshot)
    refuse_unsent(rules.refunded_units(parts), shipments, rules.refunded_units(order.refunded_parts))
    refund = credit(session, order, parts, reason, restock=restock, method=method)
    if restock:
        take_back(session, order, refund)
    return refund


def settle_refund(session: Session, order_id: UUID, refund_id: UUID, *, reference: str) -> Refund:
    """Settle a refund by hand, with the reference of the bank or till; publishes refund.settled.

    Raises NotFound, or Refused (already_settled, withdrawn, settled_by_gateway).
    """
    order = locked_order(session, order_id)
    refund = _refund(order, refund_id)
    _refuse_unless_requested(refund)
    _refuse_under_way(refund)
    settle(session, order, refund, reference)
    try_again(session, order)
    return refund


def settle_by_gateway(session: Session, order_id: UUID, refund_id: UUID, *, reference: str) -> None:
    """Settle a refund that the gateway paid back, unless it is settled already; publishes refund.settled."""
    order = locked_order(session, order_id)
    refund = _refund(order, refund_id)
    if refund.state is RefundState.REQUESTED:
        settle(session, order, refund, reference)
        try_again(session, order)


def leave_to_people(session: Session, order_id: UUID, refund_id: UUID, *, failure: str) -> None:
    """Record why the gateway did not pay a refund; it can now be settled by hand, or withdrawn."""
    order = locked_order(session, order_id)
    refund = _refund(order, refund_id)
    if refund.state is not RefundState.REQUESTED:
        return
    with change(session, order, "refund_failed", refund_id=refund.id, failure=failure):
        refund.failure = failure
        refund.method = PaymentMethod.TRANSFER


def withdraw_refund(session: Session, order_id: UUID, refund_id: UUID, *, reason: str) -> Refund:
    """Withdraw a refund that is not paid out yet: the credit is undone; publishes order.updated.

    Of an order that is over nothing is owed all the same: the money is an overpayment again. Raises NotFound,
    or Refused (already_settled, withdrawn, settled_by_gateway, belongs_to_return).
    """
    order = locked_order(session, order_id)
    refund = _refund(order, refund_id)
    _refuse_unless_requested(refund)
    _refuse_under_way(refund)
    if any(one.id == refund.return_id and one.status is ReturnStatus.REFUNDED for one in order.returns):
        raise Refused("belongs_to_return", "its return is closed")
    with change(session, order, "withdraw_refund", refund_id=refund.id, reason=reason):
        refund.state = RefundState.WITHDRAWN
        order.credited_minor -= refund.credited_minor
        if order.status in OVER:
            order.cancelled_minor += refund.credited_minor
        elif order.tells_parts:
            recount_cancelled(order)  # goods that were cancelled after it are owed no more
        derive_payment(session, order)
    outbox.publish(session, events.order_updated(order))
    try_again(session, order)
    return refund


def _wanted_parts(
    order: Order,
    lines: Sequence[Mapping[str, Any]],
    shipping_minor: int | None,
    amount_minor: int | None,
    *,
    everything: bool,
) -> list[RefundPart]:
    """The parts of the bill to refund; raises Invalid or Refused."""
    if everything == bool(lines or shipping_minor or amount_minor):
        raise Invalid(everything="give either everything, or lines, shipping or an amount")
    refuse_unless_possible("credit", order.facts)
    bill = order.bill
    if everything:
        return rules.refund_rest(bill)
    amounts = {line["line_id"]: line.get("amount_minor") for line in lines}
    wanted = [
        WantedUnits(line_id=line_id, quantity=quantity, gross_minor=amounts[line_id])
        for line_id, quantity in units_by_line(order, lines).items()
    ]
    parts = rules.refund_lines(bill, wanted)
    if shipping_minor:
        parts += rules.refund_charge(bill, ChargeKind.SHIPPING, shipping_minor)
    if amount_minor:
        parts += rules.refund_amount(bill.less(parts), amount_minor)
    named = shipping_minor or amount_minor or any("amount_minor" in line for line in lines)
    return parts if named else rules.within(bill, parts)


def _refund(order: Order, refund_id: UUID) -> Refund:
    refund = next((refund for refund in order.refunds if refund.id == refund_id), None)
    if refund is None:
        raise NotFound("refund", refund_id)
    return refund


def _refuse_unless_requested(refund: Refund) -> None:
    if refund.kind is not RefundKind.REFUND and refund.state is RefundState.REQUESTED:
        raise Refused("settled_by_gateway", "the gateway will report the outcome of the chargeback")
    if refund.state is RefundState.SETTLED:
        raise Refused(
            "already_settled", f"already settled as {refund.reference}", settled_at=refund.settled_at
        )
    if refund.state is RefundState.WITHDRAWN:
        raise Refused("withdrawn", "the refund was withdrawn")


def _refuse_under_way(refund: Refund) -> None:
    if refund.payment_id is not None and not refund.failure:
        raise Refused("settled_by_gateway", "the gateway is paying it out; its answer will settle it")
