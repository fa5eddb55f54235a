"""Money that goes back. The caller owns the transaction; commands never commit."""

from uuid import UUID

from sqlalchemy.orm import Session

from services.orders import events
from services.orders.commands.changes import change, locked_order
from services.orders.commands.ledger import restate_payment
from services.orders.domain.payments import refundable_minor
from services.orders.models import Order, Refund
from shared import clock
from shared.access import actor_of
from shared.errors import NotFound, Refused
from shared.messaging import outbox


def refund_all(session: Session, order: Order, reason: str) -> Refund | None:
    """Request back whatever was received for a locked order and is not on its way back yet.

    Tells refund.requested; None, and nothing told, where there is nothing to give back.
    """
    amount_minor = refundable_minor(
        received_minor=order.received_minor,
        refunds_minor=sum(refund.amount_minor for refund in order.refunds),
    )
    if not amount_minor:
        return None
    refund = Refund(
        order_id=order.id,
        amount_minor=amount_minor,
        reason=reason,
        state="requested",
        requested_by=actor_of(session).name,
        requested_at=clock.now(),
        reference="",
    )
    with change(session, order, "request_refund", amount_minor=amount_minor, reason=reason):
        order.refunds.append(refund)
        session.flush()
    outbox.publish(session, events.refund_requested(order, refund))
    return refund


def settle_refund(session: Session, order_id: UUID, refund_id: UUID, *, reference: str) -> Refund:
    """Note that a refund was paid out by hand, with the bank's or till's reference; tells refund.settled.

    Raises NotFound, or Refused (already_settled).
    """
    order = locked_order(session, order_id)
    refund = next((refund for refund in order.refunds if refund.id == refund_id), None)
    if refund is None:
        raise NotFound("refund", refund_id)
    if refund.settled_at is not None:
        raise Refused("already_settled", f"settled as {refund.reference}", settled_at=refund.settled_at)
    with change(
        session,
        order,
        "settle_refund",
        refund_id=refund.id,
        amount_minor=refund.amount_minor,
        reference=reference,
    ):
        refund.state = "settled"
        refund.reference = reference
        refund.settled_by = actor_of(session).name
        refund.settled_at = clock.now()
        restate_payment(session, order)
    outbox.publish(session, events.refund_settled(order, refund))
    return refund
