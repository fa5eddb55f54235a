"""The seller's notices, and who has read them. The caller owns the transaction."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.notifications import queries
from services.notifications.domain.notices import Notable
from services.notifications.models import Notice, NoticeRead, NoticeReader
from shared import clock
from shared.access import actor_of
from shared.db import new_id


def tell(
    session: Session, *, order_id: UUID, number: str, seller: str, market: str, news: Iterable[Notable]
) -> None:
    """Add notices about an order, each once."""
    rows = [
        {
            "id": new_id(),
            "key": ":".join(str(part) for part in (notable.kind, order_id, notable.about) if part),
            "order_id": order_id,
            "number": number,
            "seller": seller,
            "market": market,
            "kind": notable.kind,
            "about": notable.about,
            "at": clock.now(),
        }
        for notable in news
    ]
    if rows:
        told = insert(Notice).values(rows)
        session.execute(told.on_conflict_do_nothing(index_elements=[Notice.key]))


def mark_read(session: Session, notice_id: UUID) -> None:
    """Mark a notice as read by the caller; raises NotFound for one that can't be seen."""
    queries.notice(session, notice_id)
    read = insert(NoticeRead).values(reader=actor_of(session).name, notice_id=notice_id)
    session.execute(read.on_conflict_do_nothing())


def mark_all_read(session: Session, up_to: UUID) -> None:
    """Mark this notice and all older ones as read by the caller; raises NotFound."""
    queries.notice(session, up_to)
    row = insert(NoticeReader).values(reader=actor_of(session).name, read_to=up_to)
    newer = row.on_conflict_do_update(
        index_elements=[NoticeReader.reader],
        set_={"read_to": row.excluded.read_to},
        where=NoticeReader.read_to < row.excluded.read_to,
    )
    session.execute(newer)
