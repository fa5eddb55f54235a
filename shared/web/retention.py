"""What the web layer forgets; apart from the rest, so that an agent needs no Flask to do it."""

from datetime import timedelta

from sqlalchemy import delete
from sqlalchemy.orm import Session

from shared import clock
from shared.web.tables import idempotency_keys

KEPT = timedelta(hours=24)


def forget_old_keys(session: Session) -> int:
    """Delete answers kept for longer than 24 hours, all of them: they hold names and addresses; how many."""
    old = delete(idempotency_keys).where(idempotency_keys.c.created_at < clock.now() - KEPT)
    return session.connection().execute(old).rowcount
