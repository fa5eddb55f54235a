"""Money received for an order. The caller owns the transaction; commands never commit."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.orders import events
from services.orders.commands.changes import change, locked_order
from services.orders.commands.completion import complete_if_done
from services.orders.commands.drafts import check_out
from services.orders.commands.ledger import restate_payment
from services.orders.commands.refunds import refund_all
from services.orders.domain.order_status import OrderStatus, refuse_unless_possible
from services.orders.domain.payments import PaymentMethod
from services.orders.models import Order, Payment
from shared import clock
from shared.access import actor_of
from shared.errors import Invalid, Refused
from shared.messaging import outbox

# Of these nothing is owed any more: whatever still comes in goes back.
_OVER = frozenset({OrderStatus.CANCELLED, OrderStatus.REFUSED, OrderStatus.FAILED})


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
    not the market's, or nothing is owed and no amount is named.
    """
    order = locked_order(session, order_id)
    refuse_unless_possible("record_payment", order.facts)
    method = method or order.payment_method
    if method is PaymentMethod.ONLINE:
        raise Refused("recorded_by_gateway", "online payments are told by the gateway itself")
    if method not in order.market.payment_methods:
        raise Invalid(method=f"is not one of the market's: {', '.join(order.market.payment_methods)}")
    if not reference and document_id is None:
        raise Invalid(reference="a reference or a supporting document is needed")
    amount_minor = amount_minor or order.ledger.outstanding_minor
    if not amount_minor:
        raise Invalid(amount_minor="nothing is owed any more: name the amount that was received")
    return _record(
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
    earlier = session.scalar(select(Payment).where(Payment.webhook_id == webhook_id))
    if earlier is not None:
        told = (earlier.order_id, earlier.amount_minor, earlier.reference)
        if told != (order_id, amount_minor, reference):
            raise Refused("webhook_id_reused", "this webhook-id came with another payment before")
        return earlier
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
    if order.status in _OVER:
        refund_all(session, order, f"received while the order was {order.status}")
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
) -> Payment:
    payment = Payment(
        order_id=order.id,
        method=method,
        amount_minor=amount_minor,
        reference=reference,
        document_id=document_id,
        webhook_id=webhook_id,
        recorded_by=actor_of(session).name,
        recorded_at=clock.now(),
    )
    session.add(payment)
    with change(
        session, order, "record_payment", amount_minor=amount_minor, method=method, reference=reference
    ):
        restate_payment(session, order)
    outbox.publish(session, events.payment_recorded(order, payment))
    complete_if_done(session, order)
    return payment
