"""What the web layer forgets; apart from the rest, so that an agent needs no Flask to do it."""

from datetime import timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from shared import clock
from shared.web.tables import idempotency_keys

KEPT = timedelta(hours=24)


def forget_old_keys(session: Session, limit: int = 10_000) -> int:
    """Delete answers kept for longer than 24 hours; how many, at most `limit` so that no lock is long."""
    old = (
        select(idempotency_keys.c.subject, idempotency_keys.c.key)
        .where(idempotency_keys.c.created_at < clock.now() - KEPT)
        .order_by(idempotency_keys.c.created_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("old")
    )
    forget = delete(idempotency_keys).where(
        idempotency_keys.c.subject == old.c.subject, idempotency_keys.c.key == old.c.key
    )
    return session.connection().execute(forget).rowcount
