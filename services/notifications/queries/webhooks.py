"""Read-only queries on webhooks and their deliveries, limited to what the reader may see."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import ScalarSelect, Select, Text, cast, func, select, text
from sqlalchemy.orm import Session, selectinload

from services.notifications.domain.webhooks import DeliveryState, WebhookState
from services.notifications.models import Delivery, EventBody, FeedEntry, Webhook
from services.notifications.queries import feed
from shared.access import EVERYTHING, actor_of
from shared.errors import NotFound
from shared.events.feed import Entry
from shared.events.snapshots import OrderSnapshot
from shared.messaging import copies
from shared.messaging.tables import copies as copies_table
from shared.messaging.tables import jobs

S = TypeVar("S", bound=Select[*tuple[Any, ...]])

# Of each endpoint that is sent to, what has waited longest; what waits for another of its order is put off.
_OLDEST_DUE = text("""
    select extract(epoch from now() - min(oldest.next_at)) from webhooks, lateral (
        select next_at from webhook_deliveries
        where webhook_id = webhooks.id and state = 'waiting' and next_at <= now()
        and not (webhooks.failures > 0 and exists (
            select from webhook_deliveries where webhook_id = webhooks.id and sending_until > now()))
        order by next_at limit 1
    ) as oldest
    where state = 'active' and hidden_to is null and (rested_until is null or rested_until <= now())""")


def webhook(session: Session, webhook_id: UUID, *, for_change: bool = False) -> Webhook:
    """One webhook, locked if it is to be changed; raises NotFound if the reader can't see it."""
    rows = _visible(session, select(Webhook).where(Webhook.id == webhook_id))
    if for_change:
        rows = rows.with_for_update(key_share=True)  # whoever owes it something meanwhile does not wait
    found = session.scalars(rows.execution_options(populate_existing=True)).one_or_none()
    if found is None:
        raise NotFound("webhook", webhook_id)
    return found


def webhooks(session: Session, limit: int, after: UUID | None = None) -> Sequence[Webhook]:
    """The webhooks that the reader may see, oldest first."""
    rows = select(Webhook).order_by(Webhook.id).limit(limit)
    if after is not None:
        rows = rows.where(Webhook.id > after)
    return session.scalars(_visible(session, rows)).all()


def _visible(session: Session, rows: S) -> S:
    """Only webhooks restricted to what the reader may see, and not deleted."""
    actor = actor_of(session)
    rows = rows.where(Webhook.deleted_at.is_(None))
    for heard, own in ((Webhook.sellers, actor.sellers), (Webhook.markets, actor.markets)):
        if EVERYTHING not in own:
            rows = rows.where(heard.contained_by(sorted(own)))
    return rows


def delivery(session: Session, webhook_id: UUID, delivery_id: UUID) -> Delivery:
    """One delivery of a webhook with its attempts; raises NotFound. The caller has checked the webhook."""
    one = Delivery.webhook_id == webhook_id, Delivery.id == delivery_id, Delivery.number > _hidden(webhook_id)
    rows = select(Delivery).where(*one)
    found = session.scalars(
        rows.options(selectinload(Delivery.tries)).execution_options(populate_existing=True)
    ).one_or_none()
    if found is None:
        raise NotFound("delivery", delivery_id)
    return found


def deliveries(
    session: Session,
    webhook_id: UUID,
    limit: int,
    *,
    before: int | None = None,
    state: str | None = None,
    order_id: UUID | None = None,
    since: datetime | None = None,
) -> Sequence[Delivery]:
    """A webhook's deliveries, newest first, each with its attempts; raises NotFound."""
    webhook(session, webhook_id)
    rows = select(Delivery).where(Delivery.webhook_id == webhook_id, Delivery.number > _hidden(webhook_id))
    if before is not None:
        rows = rows.where(Delivery.number < before)
    if state is not None:
        rows = rows.where(Delivery.state == state)
    if order_id is not None:
        rows = rows.where(Delivery.order_id == order_id)
    if since is not None:
        rows = rows.where(Delivery.created_at >= since)
    page = rows.order_by(Delivery.number.desc()).limit(limit).options(selectinload(Delivery.tries))
    return session.scalars(page).all()


def _hidden(webhook_id: UUID) -> ScalarSelect[int]:
    """The number up to which a webhook's deliveries are hidden, until those it may not have are deleted."""
    return select(func.coalesce(Webhook.hidden_to, 0)).where(Webhook.id == webhook_id).scalar_subquery()


def count_failed(session: Session, webhook_id: UUID, since: datetime, most: int) -> int:
    """How many of its deliveries since then were given up, counted up to `most`."""
    failed = select(Delivery.number).where(
        Delivery.webhook_id == webhook_id,
        Delivery.state == DeliveryState.FAILED,
        Delivery.created_at >= since,
    )
    return session.scalars(select(func.count()).select_from(failed.limit(most).subquery())).one()


def in_trouble(session: Session, failing_for: timedelta) -> Sequence[Webhook]:
    """Webhooks disabled for failing or being gone, and those that have been failing for this long."""
    is_off = Webhook.state.in_((WebhookState.FAILED, WebhookState.GONE))
    is_failing = (Webhook.state == WebhookState.ACTIVE) & (Webhook.failing_since < func.now() - failing_for)
    return session.scalars(
        _visible(session, select(Webhook).where(is_off | is_failing)).order_by(Webhook.id)
    ).all()


def content(session: Session, event_id: UUID, *, people: bool) -> str | None:
    """An event's request body, with or without people; None if not built yet, or deleted."""
    kept = session.get(EventBody, (event_id, people))
    return kept.content.decode() if kept else None


def contents(session: Session, event_ids: Collection[UUID]) -> dict[UUID, Entry]:
    """Feed entries with their full content, by event; deleted ones are missing."""
    return {one.event_id: one for one in feed.whole(session, FeedEntry.event_id.in_(event_ids))}


def is_kept(session: Session, event_id: UUID) -> bool:
    """Whether an event can still be sent: it is in the feed, or its bytes were kept."""
    kept = select(EventBody.event_id).where(EventBody.event_id == event_id)
    entered = select(FeedEntry.event_id).where(FeedEntry.event_id == event_id)
    return session.execute(kept.union_all(entered).limit(1)).first() is not None


def positions_between(session: Session, since: datetime, until: datetime) -> range:
    """The feed positions from a time up to another."""
    of_that_time = FeedEntry.entered_at >= since, FeedEntry.entered_at < until
    ends = select(func.min(FeedEntry.position), func.max(FeedEntry.position)).where(*of_that_time)
    first, last = session.execute(ends).one()
    return range(0) if first is None else range(first, last + 1)


def erased_of(session: Session, order_ids: Collection[UUID]) -> set[str]:
    """Which of these orders have had their people erased."""
    erased = select(copies_table.c.subject).where(
        copies_table.c.subject.in_([str(one) for one in order_ids]),
        copies_table.c.source == OrderSnapshot.SOURCE,
        copies_table.c.snapshot["anonymised_at"].astext.is_not(None),
    )
    return set(session.scalars(erased))


def order_to_write_about(session: Session, order_id: UUID | None, about: Webhook) -> OrderSnapshot | None:
    """The newest state of an order; if unknown, of another the webhook could get events for; None if none."""
    order = None if order_id is None else copies.newest(session, order_id, OrderSnapshot)
    if order is None:
        known = copies_table.c.subject == cast(FeedEntry.order_id, Text)
        newest = select(FeedEntry.order_id).join(
            copies_table, known & (copies_table.c.source == OrderSnapshot.SOURCE)
        )
        for column, heard in ((FeedEntry.seller, about.sellers), (FeedEntry.market, about.markets)):
            if EVERYTHING not in heard:
                newest = newest.where(column.in_(heard))
        other = session.scalars(newest.order_by(FeedEntry.position.desc()).limit(1)).first()
        order = None if other is None else copies.newest(session, other, OrderSnapshot)
    return order


def oldest_due_seconds(session: Session) -> float:
    """How long the oldest due delivery has been waiting; 0 if none is."""
    seconds = session.execute(_OLDEST_DUE).scalar_one()
    return float(seconds or 0)


def is_round_owed(session: Session) -> bool:
    """Whether a round of sending is about to start."""
    owed = select(jobs.c.id).where(
        jobs.c.state == "queued", jobs.c.run_at <= func.now(), jobs.c.kind == "webhooks"
    )
    return session.execute(owed.limit(1)).first() is not None


def is_last_before_the_next(session: Session, name: str) -> bool:
    """Whether a round is waiting for a free process, and no round newer than this one is running."""
    running = select(jobs.c.id).where(jobs.c.state == "running", jobs.c.kind == "webhooks")
    newer = running.where(jobs.c.argument["round"].astext > name)
    return is_round_owed(session) and session.execute(newer.limit(1)).first() is None


def count_by_state(session: Session) -> dict[str, int]:
    """The number of webhooks in each state."""
    counted = select(Webhook.state, func.count().label("number")).where(Webhook.deleted_at.is_(None))
    counted = counted.group_by(Webhook.state)
    return dict.fromkeys(WebhookState, 0) | {row.state: row.number for row in session.execute(counted)}
