"""Open tasks of sellers, and the morning e-mail about overdue ones. The caller owns the transaction."""

from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5
from zoneinfo import ZoneInfo

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.notifications import queries
from services.notifications.commands.emails import join_line
from services.notifications.db import settings_of
from services.notifications.domain.order_snapshots import OrderSnapshots
from services.notifications.domain.overdue import next_morning, waiting_matters
from services.notifications.models import Email, OpenMatter
from shared import clock
from shared.events.snapshots import OrderSnapshot, Recipient, Step
from shared.logging import correlation_id
from shared.messaging import copies
from shared.messaging.jobs import enqueue


def note_matters(session: Session, known: OrderSnapshots) -> None:
    """Update an order's open tasks to its newest state."""
    order = known.order
    before, since, due_at = queries.waits_on(session, order.order_id)
    waiting = {one.matter: one for one in waiting_matters(known, since, due_at)}
    if over := before.keys() - waiting.keys():
        gone = OpenMatter.order_id == order.order_id, OpenMatter.matter.in_(over)
        session.execute(delete(OpenMatter).where(*gone))
    for matter, one in waiting.items():
        if before.get(matter) == one.due_at:
            continue
        # Of several returns or refunds the one that has waited longest counts, and then the next.
        times = {"since": one.since, "due_at": one.due_at}
        row = insert(OpenMatter).values(
            order_id=order.order_id,
            matter=matter,
            number=order.number,
            seller=order.seller.seller,
            market=order.market.market,
            **times,
        )
        session.execute(row.on_conflict_do_update(index_elements=["order_id", "matter"], set_=times))
        _owe_digest(session, order, one.due_at)


def write_digest(session: Session, argument: dict[str, Any]) -> None:
    """Queue the e-mail about a seller's overdue tasks in a market, if any, and check again tomorrow."""
    seller, market, on = argument["seller"], argument["market"], argument["on"]
    first = queries.overdue(session, seller, market, clock.now(), 1)
    if not first:
        return
    order = copies.newest(session, first[0].order_id, OrderSnapshot)
    if order is None or not order.seller.email:
        return
    key = f"email:{Step.OVERDUE}:{market}:{on}:{seller}"
    email = Email(
        key=key,
        order_id=digest_id(seller, market),
        number="",
        seller=seller,
        market=market,
        step=Step.OVERDUE,
        about=first[0].order_id,
        recipient=Recipient.SELLER,
        recipient_id=seller,
        address=order.seller.email,
        reply_to="",
        sender_name="",
        locale=order.market.locale,
        attachments=[],
        message_id=uuid5(NAMESPACE_URL, key),
        correlation_id=correlation_id.get(),
        created_at=clock.now(),
    )
    join_line(session, queries.emails_in_line(session, email.order_id), [email])
    tomorrow = date.fromisoformat(on) + timedelta(days=1)
    _owe_digest(session, order, datetime.combine(tomorrow, time(), ZoneInfo(order.market.time_zone)))


def digest_id(seller: str, market: str) -> UUID:
    """A stand-in for the order id in a seller's digests of a market, which form a queue of their own."""
    return uuid5(NAMESPACE_URL, f"digest:{market}:{seller}")


def _owe_digest(session: Session, order: OrderSnapshot, due_at: datetime) -> None:
    """Enqueue the digest for the first morning on which a task due then is overdue; one per morning."""
    seller, market = order.seller.seller, order.market.market
    hour = settings_of(session).digest_hour
    morning = next_morning(max(due_at, clock.now()), order.market.time_zone, hour)
    on = morning.date().isoformat()
    enqueue(
        session,
        "digest",
        key=f"digest:{market}:{seller}:{on}",
        order_id=digest_id(seller, market),
        number=seller,
        argument={"seller": seller, "market": market, "on": on},
        run_at=morning,
    )
