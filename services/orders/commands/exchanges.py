"""Exchanges: another order in place of returned goods. The caller owns the transaction.

Two orders change together here. The older one is always locked first, so nothing deadlocks.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.orm import Session

from services.orders import queries
from services.orders.commands import placing
from services.orders.commands.changes import change, locked_order
from services.orders.commands.credits import close_if_settled, credit, refund_excess
from services.orders.commands.orders import hold_locked
from services.orders.commands.payments import receive
from services.orders.commands.returns import (
    AWAITING_RETURN,
    RETURNS,
    is_exchanged,
    is_free,
    is_given_for,
    let_successor_go,
    parts_for,
    return_of,
)
from services.orders.domain.return_status import status_after
from services.orders.models import Order, Return
from services.orders.pricing.contents import DeliveryInput, LineInput, delivery_input
from shared.errors import Refused
from shared.events.snapshots import OrderStatus, PaymentMethod, ReturnStatus
from shared.logging import logger

log = logger(__name__)

EXCHANGEABLE = frozenset({ReturnStatus.APPROVED, ReturnStatus.RECEIVED})


def exchange_return(
    session: Session,
    order_id: UUID,
    return_id: UUID,
    *,
    lines: Sequence[LineInput],
    delivery_groups: Sequence[DeliveryInput] = (),
    payment_method: PaymentMethod | None = None,
) -> Order:
    """Place another order in exchange for returned goods; their value is paid towards it.

    What is left to pay is due from the customer, what was paid too much goes back. Where the market's rule
    says so, the new order is held until the goods are here, and paid only then. Without delivery groups it
    goes where the first went. Tells order.placed and what follows. Raises NotFound, Invalid, or Refused
    (wrong_status, already_exchanged, already_refunded, person_erased).
    """
    order = locked_order(session, order_id)
    exchanged = return_of(order, return_id)
    if exchanged.status not in EXCHANGEABLE:
        status_after("exchange", exchanged.status)
    if is_exchanged(session, exchanged):
        raise Refused("already_exchanged", "it has already been exchanged for another order")
    if is_given_for(order, exchanged):
        raise Refused("already_refunded", "it has already been refunded")
    queries.refuse_erased(session, order.customer_id)
    placed = placing.place_order(
        session,
        seller=order.seller_code,
        market=order.market_code,
        customer={"id": order.customer_id},
        billing_address=order.billing_address,
        delivery_groups=delivery_groups or [_first_delivery(order)],
        lines=lines,
        payment_method=payment_method or order.payment_method,
        channel=order.channel,
        locale=order.locale,
        exchange_of=order.id,
        tax=order.taxation.override if order.taxation else None,
    )
    successor = session.get_one(Order, placed.id)
    with change(session, order, "exchange_return", return_id=exchanged.id, exchange_order_id=successor.id):
        exchanged.exchange_order_id = successor.id
    if exchanged.status is ReturnStatus.APPROVED and order.market.exchange_after_return:
        hold_locked(session, successor, AWAITING_RETURN, owner=RETURNS)
    else:
        _pay_with_goods(session, order, exchanged, successor)
    return successor


def resume_exchanges(session: Session, order_id: UUID) -> None:
    """Continue an order's exchanges whose goods have arrived: pay the new orders and release their holds.

    Where the new order is over, or nothing is left of the goods to pay with, people decide what is given.
    """
    order = locked_order(session, order_id)
    for exchanged in order.returns:
        if exchanged.status is not ReturnStatus.RECEIVED or exchanged.exchange_order_id is None:
            continue
        successor = locked_order(session, exchanged.exchange_order_id)
        if successor.status is not OrderStatus.PLACED:
            continue
        try:
            _pay_with_goods(session, order, exchanged, successor)
        except Refused as refusal:  # before anything was changed
            log.warning("exchange_not_paid", order_id=str(order_id), reason=refusal.reason)
        else:
            let_successor_go(session, successor)


def _pay_with_goods(session: Session, order: Order, exchanged: Return, successor: Order) -> None:
    """Move what was paid for the goods to the new order; what it does not need is refunded.

    Goods that cost nothing have nothing to move, and are exchanged all the same.
    """
    if not is_free(order, exchanged):
        refund = credit(
            session,
            order,
            parts_for(order, exchanged),
            f"exchanged for {successor.number}",
            method=PaymentMethod.EXCHANGE,
            return_id=exchanged.id,
            settled_as=successor.number,
        )
        if refund.amount_minor:
            receive(
                session,
                successor,
                method=PaymentMethod.EXCHANGE,
                amount_minor=refund.amount_minor,
                reference=order.number,
            )
            refund_excess(session, successor, f"exchange of {order.number}")
    if exchanged.status is ReturnStatus.RECEIVED:
        _end(session, order, exchanged)


def _end(session: Session, order: Order, exchanged: Return) -> None:
    with change(session, order, "end_exchange", return_id=exchanged.id):
        exchanged.status = status_after("exchange", exchanged.status)
    close_if_settled(session, order, exchanged)


def _first_delivery(order: Order) -> DeliveryInput:
    return delivery_input(order.delivery_groups[0]) | {"shipping_minor": 0, "requested_on": None}
