"""The history of an order, and staff's notes on it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Select,
    Text,
    cast,
    exists,
    func,
    literal,
    literal_column,
    null,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Session

from services.orders.messaging import messaging
from services.orders.models import HistoryEntry, Note
from shared.db import UtcDateTime
from shared.messaging.tables import inbox, jobs

# The columns of an item, by their names in the answer (HistoryItemSchema).
_ITEM = (
    *("id", "at", "source", "actor", "action", "version"),
    *("before", "after", "detail", "state", "error"),
)
_NOTHING = cast(literal_column("'{}'"), JSONB)
# Whole states of things, personal data and all: what an event tells besides is its own few figures.
_SNAPSHOTS = ("shipments", "documents", "conversation")


def history(
    session: Session, order_id: UUID, limit: int, after: tuple[datetime, UUID] | None = None
) -> Sequence[Any]:
    """Everything that happened to an order, oldest first, from a position on.

    Changes made here and what the others told, which is kept for ever; and what this service could not
    follow yet or not at all, from its inbox and its jobs.
    """
    parts = []
    for item in (_kept(order_id), _unfollowed(order_id), _given_up(order_id)):
        part = item.subquery()
        place = part.c.at, part.c.id
        # Each part ends where the page does: of a long history no more is read.
        page = select(part).order_by(*place).limit(limit)
        parts.append((page if after is None else page.where(tuple_(*place) > after)).subquery())
    everything = union_all(*map(select, parts)).subquery()
    page = select(everything).order_by(everything.c.at, everything.c.id).limit(limit)
    return session.execute(page).all()


def edits(session: Session, order_id: UUID) -> list[dict[str, Any]]:
    """All edits of an order, oldest first."""
    made = (
        select(HistoryEntry)
        .where(HistoryEntry.order_id == order_id, HistoryEntry.action == "edit")
        .order_by(HistoryEntry.at, HistoryEntry.id)
    )
    return [
        {name: getattr(entry, name) for name in ("at", "actor", "version", "before", "after")} | entry.detail
        for entry in session.scalars(made)
    ]


def _kept(order_id: UUID) -> Select[*tuple[Any, ...]]:
    entries = HistoryEntry.__table__.c
    named = [entries[name] for name in _ITEM if name in entries]
    done = literal("done").label("state"), cast(null(), Text).label("error")
    return select(*named, *done).where(entries.order_id == order_id)


def _unfollowed(order_id: UUID) -> Select[*tuple[Any, ...]]:
    told = inbox.c
    return _item(
        told.event_id,
        cast(told.envelope["time"].astext, UtcDateTime),
        told.source,
        func.coalesce(func.nullif(told.envelope["actor"].astext, ""), told.source),
        told.type,
        told.envelope["data"].op("-")(literal(list(_SNAPSHOTS), ARRAY(Text))),
        told.state,
        told.last_error,
    ).where(
        told.subject == str(order_id),
        told.state != "done",
        ~exists().where(HistoryEntry.event_id == told.event_id),
    )


def _given_up(order_id: UUID) -> Select[*tuple[Any, ...]]:
    job = jobs.c
    return _item(
        job.id,
        job.created_at,
        literal(messaging.name),
        literal(messaging.name),
        job.kind,
        _NOTHING,
        job.state,
        job.last_error,
    ).where(job.subject == str(order_id), job.state == "dead")


def _item(  # noqa: PLR0917 - what an item is made of
    identity: Any, at: Any, source: Any, actor: Any, action: Any, detail: Any, state: Any, error: Any
) -> Select[*tuple[Any, ...]]:
    """A history item for another service's event, or a job's: it has no values before and after."""
    values = (identity, at, source, actor, action, cast(null(), BigInteger), _NOTHING, _NOTHING)
    columns = zip(_ITEM, (*values, detail, state, error), strict=True)
    return select(*(value.label(name) for name, value in columns))


def notes(session: Session, order_id: UUID, limit: int, before: UUID | None = None) -> Sequence[Note]:
    """The notes on an order, newest first."""
    page = select(Note).where(Note.order_id == order_id).order_by(Note.id.desc()).limit(limit)
    return session.scalars(page if before is None else page.where(Note.id < before)).all()
