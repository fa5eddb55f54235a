"""What falls due by itself."""

from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session, sessionmaker

from services.orders.commands import drafts, ending
from services.orders.messaging import jobs
from shared.messaging.jobs import Effect


@jobs.kind("deadline", limit_seconds=10)
def keep_deadline(_sessions: sessionmaker[Session], argument: dict[str, Any]) -> Effect:
    """Fail or refuse an order whose time is up, unless it was paid, accepted, held or put off meanwhile."""
    return partial(ending.end_if_overdue, order_id=UUID(argument["order_id"]))


@jobs.kind("abandonment", limit_seconds=10)
def abandon_draft(_sessions: sessionmaker[Session], argument: dict[str, Any]) -> Effect:
    """Give up a draft that nobody came back to."""
    return partial(drafts.abandon_if_untouched, draft_id=UUID(argument["draft_id"]))
