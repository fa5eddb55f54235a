"""Read-only queries on the feed, limited to what the reader may see."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, RowMapping, Select, Table, Text, cast, column, func, select, true
from sqlalchemy.orm import Session

from services.notifications.models import FeedEntry, FeedHead, FeedWaiting
from shared.access import EVERYTHING, actor_of, one_of
from shared.events.feed import Entry
from shared.messaging.retention import BATCH, Old, older_than
from shared.messaging.tables import event_log, inbox

_COLUMNS: tuple[Any, ...] = (
    FeedEntry.position,
    FeedEntry.event_id,
    FeedEntry.source,
    FeedEntry.type,
    func.coalesce(inbox.c.subject, event_log.c.subject).label("subject"),
    FeedEntry.order_id,
    FeedEntry.number,
    FeedEntry.seller,
    FeedEntry.market,
    FeedEntry.sequence,
    FeedEntry.occurred_at,
    func.coalesce(inbox.c.envelope["data"], event_log.c.payload).label("data"),
)


UNREADABLE = "unreadable"  # in place of the order that an event is held for


@dataclass(frozen=True, kw_only=True)
class Ends:
    """The first and last position of the feed."""

    first: int  # the oldest that is kept; the next one where none is
    last: int  # the newest that was ever given


def ends(session: Session) -> Ends:
    """The ends of the feed; no entry is added at or below the last position any more."""
    oldest = select(func.min(FeedEntry.position)).scalar_subquery()
    last, first = session.execute(select(FeedHead.position, oldest)).one()
    return Ends(first=last + 1 if first is None else first, last=last)


@dataclass(frozen=True, kw_only=True)
class Page:
    """Entries, and the position to continue from after reading them."""

    entries: list[Entry]
    next: int


def oldest_waiting_seconds(session: Session) -> float:
    """How long the oldest event has waited for its position; 0 if none is waiting.

    What nobody can say whose it is, as its order is not known yet, does not count.
    """
    first = select(func.min(FeedWaiting.entered_at)).where(FeedWaiting.held_for.is_(None))
    waits = select(func.extract("epoch", func.now() - first.scalar_subquery()))
    return float(session.scalars(waits).one() or 0)


def count_unreadable(session: Session) -> int:
    """How many events have no place in the feed because they can't be read."""
    aside = select(func.count()).select_from(FeedWaiting).where(FeedWaiting.held_for == UNREADABLE)
    return session.scalars(aside).one()


def old(kept: timedelta) -> tuple[Old, Old]:
    """What the feed deletes: entries older than that, and events whose order never became known."""
    # Positions and instants rise together, so what is old is found at the beginning: no index of instants.
    begin = select(func.min(FeedEntry.position) + BATCH).scalar_subquery()
    entries: Table = FeedEntry.metadata.tables["feed"]
    waiting: Table = FeedEntry.metadata.tables["feed_waiting"]
    return (
        (entries, (entries.c.position < begin) & older_than(entries.c.entered_at, kept)),
        (waiting, waiting.c.held_for.is_not(None) & older_than(waiting.c.entered_at, kept)),
    )


def page(
    session: Session,
    *,
    after: int,
    last: int,
    limit: int,
    types: Collection[str] = (),
    order_id: UUID | None = None,
) -> Page:
    """Entries the reader may see after a position and up to `last`, oldest first, with their data."""
    wanted = positions(session, after=after, last=last, limit=limit, types=types, order_id=order_id)
    rows = session.execute(rows_of(FeedEntry.position.in_(wanted))).mappings().all()
    return Page(entries=_kept(rows), next=rows[-1]["position"] if len(rows) == limit else last)


def positions(
    session: Session,
    *,
    after: int,
    last: int,
    limit: int,
    types: Collection[str] = (),
    order_id: UUID | None = None,
) -> Select[int]:
    """The first positions matching the reader's filters and access, including entries for everybody.

    Of each seller by itself: an index has each one's positions in order, and has no order of several.
    """
    first = select(FeedEntry.position).order_by(FeedEntry.position).limit(limit)
    first = first.where(FeedEntry.position > after, FeedEntry.position <= last)
    if types:
        first = first.where(one_of(FeedEntry.type, types))
    if order_id is not None:
        first = first.where(FeedEntry.order_id == order_id)
    reader = actor_of(session)
    if EVERYTHING not in reader.markets:
        first = first.where(one_of(FeedEntry.market, {EVERYTHING, *reader.markets}))
    if EVERYTHING in reader.sellers:
        return first
    whose = cast(sorted({EVERYTHING, *reader.sellers}), ARRAY(Text))
    each = func.unnest(whose).table_valued(column("seller", Text), name="each").render_derived()
    of_one = first.where(FeedEntry.seller == each.c.seller).lateral("of_one")
    return select(of_one.c.position).join_from(each, of_one, true()).order_by(of_one.c.position).limit(limit)


def whole(session: Session, which: ColumnElement[bool]) -> list[Entry]:
    """These entries with subject and data, oldest first."""
    return _kept(session.execute(rows_of(which)).mappings().all())


def rows_of(which: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    """Entries joined with the stored event they refer to."""
    return (
        select(*_COLUMNS)
        .select_from(FeedEntry)
        .outerjoin(inbox, inbox.c.event_id == FeedEntry.event_id)
        .outerjoin(event_log, event_log.c.event_id == FeedEntry.event_id)
        .where(which)
        .order_by(FeedEntry.position)
    )


def _kept(rows: Sequence[RowMapping]) -> list[Entry]:
    """Leave out entries whose event was deleted meanwhile, having arrived long before it was entered."""
    return [Entry(**row) for row in rows if row["subject"] is not None]
