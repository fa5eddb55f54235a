"""What is read of the feed, within what the reader may see."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Select, Text, cast, column, func, or_, select, true
from sqlalchemy.orm import Session

from services.notifications.domain.feed import Entry
from services.notifications.models import FeedEntry, FeedHead
from shared.access import EVERYTHING, actor_of, one_of
from shared.messaging.tables import event_log, inbox


@dataclass(frozen=True, kw_only=True)
class Ends:
    """From where to where the feed goes now."""

    first: int  # the oldest that is kept; the next one where none is
    last: int  # the newest that was ever given


def ends(session: Session) -> Ends:
    """Both ends of the feed; all up to the last can be seen, and nothing below it will be entered."""
    oldest = select(func.min(FeedEntry.position)).scalar_subquery()
    last, first = session.execute(select(FeedHead.position, oldest)).one()
    return Ends(first=last + 1 if first is None else first, last=last)


def entries(
    session: Session,
    *,
    after: int,
    last: int,
    limit: int,
    types: Collection[str] = (),
    order_id: UUID | None = None,
) -> list[Entry]:
    """What the reader may see after a position and not beyond `last`, oldest first, each with its data."""
    wanted = [FeedEntry.position > after, FeedEntry.position <= last]
    if types:
        wanted.append(one_of(FeedEntry.type, types))
    if order_id is not None:
        wanted.append(FeedEntry.order_id == order_id)
    markets = actor_of(session).markets
    if EVERYTHING not in markets:
        wanted.append(one_of(FeedEntry.market, {EVERYTHING, *markets}))
    positions = _positions(actor_of(session).sellers, wanted, limit)
    return whole(session, FeedEntry.position.in_(positions))


def _positions(sellers: Collection[str], wanted: list[ColumnElement[bool]], limit: int) -> Select[int]:
    """The first positions of what is wanted, of these sellers and of everybody.

    Of each seller by itself: an index has each one's positions in order, and has no order of several.
    """
    page = select(FeedEntry.position).where(*wanted).order_by(FeedEntry.position).limit(limit)
    if EVERYTHING in sellers:
        return page
    whose = cast(sorted({EVERYTHING, *sellers}), ARRAY(Text))
    each = func.unnest(whose).table_valued(column("seller", Text), name="each").render_derived()
    of_one = page.where(FeedEntry.seller == each.c.seller).lateral("of_one")
    return select(of_one.c.position).join_from(each, of_one, true()).order_by(of_one.c.position).limit(limit)


def whole(session: Session, which: ColumnElement[bool]) -> list[Entry]:
    """Entries with subject and data, oldest first; both are where the event was kept when heard or told."""
    heard, told = inbox.c, event_log.c
    rows = (
        select(
            FeedEntry.position,
            FeedEntry.event_id,
            FeedEntry.source,
            FeedEntry.type,
            func.coalesce(heard.subject, told.subject).label("subject"),
            FeedEntry.order_id,
            FeedEntry.number,
            FeedEntry.seller,
            FeedEntry.market,
            FeedEntry.sequence,
            FeedEntry.occurred_at,
            func.coalesce(heard.envelope["data"], told.payload).label("data"),
        )
        .outerjoin(inbox, heard.event_id == FeedEntry.event_id)
        .outerjoin(event_log, told.event_id == FeedEntry.event_id)
        .where(which, or_(heard.event_id.is_not(None), told.event_id.is_not(None)))
        .order_by(FeedEntry.position)
    )
    return [Entry(**row) for row in session.execute(rows).mappings()]
