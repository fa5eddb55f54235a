"""Background jobs of orders: slow work, and deadlines."""

import time
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session, sessionmaker

from services.orders import payment_gateway
from services.orders.commands import banking, drafts, erasure, folding, orders, refunds, returns
from services.orders.db import settings_of
from services.orders.messaging import jobs
from services.orders.models import BankStatement, Order, Payment, Refund
from services.orders.queries import banking as queries
from shared.access import EVERYTHING, Actor, acting_as, system
from shared.events.snapshots import RefundState
from shared.messaging.jobs import Effect

# About an hour of tries: whatever keeps a gateway from answering longer than that wants a person.
GATEWAY_ATTEMPTS = 20
FOLDING_SECONDS = 120  # of one job; what is left then is the next one's


@jobs.kind("gateway_refund", limit_seconds=30, attempts=GATEWAY_ATTEMPTS)
def pay_back(sessions: sessionmaker[Session], argument: dict[str, Any]) -> Effect | None:
    """Have the payment gateway pay out a refund; one that it declines is left to staff."""
    of: dict[str, Any] = {
        "order_id": UUID(argument["order_id"]),
        "refund_id": UUID(argument["refund_id"]),
    }
    with sessions() as session:
        settings = settings_of(session)
        order = session.get_one(Order, of["order_id"])
        refund = session.get_one(Refund, of["refund_id"])
        payment = session.get_one(Payment, refund.payment_id)
    if refund.state is not RefundState.REQUESTED or refund.failure:
        return None
    if not settings.gateway_url:
        return partial(refunds.leave_to_people, **of, failure="no payment gateway is configured")
    try:
        reference = payment_gateway.pay_back(
            settings.gateway_url,
            settings.gateway_secrets,
            refund_id=refund.id,
            payment_reference=payment.reference,
            amount_minor=refund.amount_minor,
            currency=order.currency,
        )
    except payment_gateway.Declined as error:
        return partial(refunds.leave_to_people, **of, failure=f"the gateway declined: {error}")
    return partial(_settle, **of, reference=reference)


@jobs.on_dead("gateway_refund")
def leave_to_people(session: Session, argument: dict[str, Any], reason: str) -> None:
    """Leave a refund with an unknown outcome to staff: they check the gateway, then settle or withdraw it."""
    refunds.leave_to_people(
        session,
        UUID(argument["order_id"]),
        UUID(argument["refund_id"]),
        failure=f"the gateway did not answer; check there before paying by hand: {reason[:300]}",
    )


@jobs.kind("bank_matching", limit_seconds=240)
def match_statement(sessions: sessionmaker[Session], argument: dict[str, Any]) -> None:
    """Match the lines of a statement with orders, each in its own transaction, on behalf of who imported it.

    One that dies on the way goes on where it was.
    """
    with sessions() as session:
        statement = session.get_one(BankStatement, UUID(argument["statement_id"]))
        waiting = queries.new_lines(session, statement.id)
    reader = Actor(
        name=statement.imported_by,
        sellers=frozenset({statement.seller_code}),
        markets=frozenset({EVERYTHING}),
    )
    for line_id in waiting:
        with sessions(info={"actor": reader}) as session, session.begin():
            banking.match_line(session, line_id)


@jobs.kind("return_expiry", limit_seconds=10)
def expire_return(_sessions: sessionmaker[Session], argument: dict[str, Any]) -> Effect:
    """Close a return whose goods never came, and cancel its exchange order."""
    order_id, return_id = UUID(argument["order_id"]), UUID(argument["return_id"])
    return partial(returns.expire_return, order_id=order_id, return_id=return_id)


def _settle(session: Session, *, order_id: UUID, refund_id: UUID, reference: str) -> None:
    with acting_as(session, system("gateway")):
        refunds.settle_by_gateway(session, order_id, refund_id, reference=reference)


@jobs.kind("deadline", limit_seconds=10)
def keep_deadline(_sessions: sessionmaker[Session], argument: dict[str, Any]) -> Effect:
    """Fail or refuse an overdue order, unless it was paid, accepted, held or postponed in the meantime."""
    return partial(orders.end_if_overdue, order_id=UUID(argument["order_id"]))


@jobs.kind("abandonment", limit_seconds=10)
def abandon_draft(_sessions: sessionmaker[Session], argument: dict[str, Any]) -> Effect:
    """Abandon a draft that nobody came back to."""
    return partial(drafts.abandon_if_untouched, draft_id=UUID(argument["draft_id"]))


@jobs.kind("erasure_sweep", limit_seconds=30)
def find_orders_of_erased(_sessions: sessionmaker[Session], argument: dict[str, Any]) -> Effect:
    """Schedule the erasure of a person's next orders."""
    return partial(
        erasure.sweep,
        customer_id=UUID(argument["customer_id"]),
        look=argument["look"],
        after=UUID(argument["after"]) if argument["after"] else None,
    )


@jobs.kind("erasure", limit_seconds=30)
def erase_person(_sessions: sessionmaker[Session], argument: dict[str, Any]) -> Effect:
    """Erase the person from an order if it has ended; delete a draft."""
    return partial(erasure.erase_person, order_id=UUID(argument["order_id"]))


@jobs.kind("folding", limit_seconds=240)
def fold_names(sessions: sessionmaker[Session], argument: dict[str, Any]) -> Effect | None:
    """Fold the names stored before folding was introduced, some at a time; check once more later."""
    until = time.monotonic() + FOLDING_SECONDS
    for findable in folding.FINDABLE:
        last = None
        while True:
            if time.monotonic() > until:
                return partial(folding.owe_folding, look=argument["look"])
            with sessions.begin() as session:
                last = folding.fold_slice(session, findable, last)
            if last is None:
                break
    return partial(folding.owe_folding, look=1) if argument["look"] == 0 else None
