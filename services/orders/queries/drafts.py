"""Queries for drafts."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Table, literal_column, select
from sqlalchemy.orm import Session

from services.orders.models import Draft
from shared.access import seen, visible
from shared.events.snapshots import OrderStatus
from shared.messaging.retention import Old, older_than

OLD_DRAFTS: Old = (
    cast(Table, Draft.__table__),
    (Draft.status == literal_column("'abandoned'")) & older_than(Draft.updated_at, timedelta(days=90)),
)


def draft(session: Session, draft_id: UUID) -> Draft:
    """One draft; raises NotFound, also for one the caller may not see."""
    rows = select(Draft).where(Draft.id == draft_id)
    return seen(session, rows, "draft", draft_id, Draft.seller_code, Draft.market_code)


def is_draft(session: Session, draft_id: UUID) -> bool:
    """Whether there is a draft with this id, placed or not, that the caller may see."""
    rows = visible(
        session, select(Draft.id).where(Draft.id == draft_id), Draft.seller_code, Draft.market_code
    )
    return session.scalar(rows) is not None


def drafts(
    session: Session,
    limit: int,
    before: UUID | None = None,
    *,
    status: OrderStatus = OrderStatus.DRAFT,
    draft_id: Collection[UUID] | None = None,
    **wanted: Any,
) -> Sequence[Draft]:
    """Drafts, newest first; optionally of one seller, market or customer, or with these ids."""
    columns = {"seller": Draft.seller_code, "market": Draft.market_code, "customer_id": Draft.customer_id}
    page = select(Draft).where(Draft.status == status).order_by(Draft.id.desc()).limit(limit)
    page = page.where(*(columns[name] == value for name, value in wanted.items()))
    if draft_id is not None:
        page = page.where(Draft.id.in_(draft_id))
    if before is not None:
        page = page.where(Draft.id < before)
    return session.scalars(visible(session, page, Draft.seller_code, Draft.market_code)).all()
