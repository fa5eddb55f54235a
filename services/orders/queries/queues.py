"""The seller's home: what is in each queue, and the most urgent of it."""

from typing import Any

from sqlalchemy.orm import Session

from services.orders.domain.shown_statuses import Queue
from services.orders.queries import lists
from shared.events.snapshots import OrderStatus

SHOWN = 5  # of each queue
# What is to be accepted is no shipment's business yet, so no queue of shipments has it.
TO_ACCEPT = "To accept"


def queues(session: Session, filters: lists.Filters) -> list[dict[str, Any]]:
    """Each queue with the number of matching orders in it, and the first to work on.

    Orders with a deadline come first, the next to pass before the others; then the oldest.
    """
    waiting = {TO_ACCEPT: {"status": [OrderStatus.PLACED]}} | {
        queue.value: {"queue": [queue.value]} for queue in Queue
    }
    return [_queue(session, name, {**filters, **here}) for name, here in waiting.items()]


def _queue(session: Session, name: str, filters: lists.Filters) -> dict[str, Any]:
    counted = lists.count(session, filters)
    due = lists.orders(session, filters, "due_at", SHOWN)
    shown = {row.order_id: row for row in (*due, *lists.orders(session, filters, "placed_at", SHOWN))}
    return {
        "queue": name,
        "count": min(counted, lists.COUNTED_AT_MOST),
        "count_is_capped": counted > lists.COUNTED_AT_MOST,
        "first": [row._asdict() for row in list(shown.values())[:SHOWN]],
    }
