"""Gateway reports that cannot be booked automatically: kept, shown, decided.

The caller owns the transaction.
"""

from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.orders import events
from services.orders.commands.changes import change, locked_order
from services.orders.domain.bank_statements import LineState
from services.orders.domain.payments import ChargebackStep, Discrepancy, GatewayReport, ReportKind
from services.orders.models import Order, PaymentDiscrepancy
from services.orders.queries import discrepancies as queries
from shared import clock
from shared.access import actor_of
from shared.db import locked, new_id
from shared.errors import Refused
from shared.messaging import outbox


def keep(
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
        count_waiting(session, order)
    outbox.publish(session, events.order_updated(order))
    return kept


def decide(
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
    count_waiting(session, order)


def close_chargeback(session: Session, order: Order, reference: str, refund_id: UUID) -> None:
    """Take a chargeback that the gateway has decided out of a locked order's queue."""
    waiting = update(PaymentDiscrepancy).where(
        PaymentDiscrepancy.order_id == order.id,
        PaymentDiscrepancy.kind == ReportKind.CHARGEBACK,
        PaymentDiscrepancy.reference == reference,
        PaymentDiscrepancy.state == LineState.OPEN,
    )
    done = {"decided_by": actor_of(session).name, "decided_at": clock.now()}
    session.execute(waiting.values(state=LineState.ASSIGNED, refund_id=refund_id, **done))
    count_waiting(session, order)


def count_waiting(session: Session, order: Order) -> None:
    """Update the order's count of open discrepancies."""
    session.flush()
    waiting = select(func.count()).select_from(PaymentDiscrepancy)
    order.to_decide = session.execute(
        waiting.where(PaymentDiscrepancy.order_id == order.id, PaymentDiscrepancy.state == LineState.OPEN)
    ).scalar_one()


def waiting(session: Session, discrepancy_id: UUID) -> tuple[Order, PaymentDiscrepancy]:
    """An open discrepancy, with its order locked; raises NotFound, Refused (already_decided)."""
    order = locked_order(session, queries.discrepancy(session, discrepancy_id).order_id)
    discrepancy = locked(session, PaymentDiscrepancy, discrepancy_id)
    if discrepancy.state is not LineState.OPEN:
        raise Refused(
            "already_decided",
            f"the discrepancy is already {discrepancy.state}",
            line_state=discrepancy.state.value,
        )
    return order, discrepancy


def report_of(discrepancy: PaymentDiscrepancy) -> GatewayReport:
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
