"""Each change of an order: had to oneself, counted, and written down with who made what of what."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from services.orders.commands.finding import restate_words, words_of
from services.orders.commands.standing import deadlines_of, restate_standing, watch_deadline
from services.orders.models import HistoryEntry, Order
from shared import clock
from shared.access import actor_of
from shared.db import require_current
from shared.errors import NotFound
from shared.messaging.subjects import lock_order

# What the history shows of an order before and after a change, where the two differ.
_SHOWN = (
    "status",
    "fulfilment",
    "awaiting",
    "payment_state",
    *("lines_minor", "fees_minor", "shipping_minor", "discounts_minor", "tax_added_minor", "total_minor"),
    "cancelled_minor",
    "received_minor",
    "refunded_minor",
    "credited_minor",
    "refund_pending_minor",
    "tags",
)


def locked_order(session: Session, order_id: UUID) -> Order:
    """An order to oneself until the transaction ends, as it is now.

    Raises NotFound for an unknown id or another seller's order, Stale if the caller decided on an older one.
    """
    lock_order(session, order_id)
    order = session.get(Order, order_id, populate_existing=True)
    if order is None or not actor_of(session).may_see(order.seller_code, order.market_code):
        raise NotFound("order", order_id)
    require_current(session, order.version)
    return order


@contextmanager
def change(session: Session, order: Order, action: str, **detail: Any) -> Iterator[dict[str, Any]]:
    """Make one change: the order's version rises by one and its history gains one entry, with this detail.

    It is found from then on by what stands in it afterwards; what is read off the rest, the views and the
    deadlines, follows by itself.
    """
    before, found_by, deadlines = picture(order), words_of(order), deadlines_of(order)
    yield detail
    restate_standing(order, clock.now())
    after = picture(order)
    order.version += 1
    restate_words(session, order, found_by)
    session.add(
        history_entry(
            session,
            order,
            action,
            before={name: value for name, value in before.items() if after[name] != value},
            after={name: value for name, value in after.items() if before[name] != value},
            detail=detail,
        )
    )
    watch_deadline(session, order, deadlines)


def picture(order: Order) -> dict[str, Any]:
    """What the history compares."""
    return {name: getattr(order, name) for name in _SHOWN}


def history_entry(
    session: Session,
    order: Order,
    action: str,
    *,
    before: dict[str, Any],
    after: dict[str, Any],
    detail: dict[str, Any],
) -> HistoryEntry:
    """The entry of a change made just now by whoever the session works for."""
    return HistoryEntry(
        order_id=order.id,
        source=session.info["service"],
        event_id=None,
        version=order.version,
        at=clock.now(),
        actor=actor_of(session).name,
        action=action,
        before=before,
        after=after,
        detail=detail,
    )
