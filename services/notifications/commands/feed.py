"""The event feed: positions are assigned by one writer at a time. The caller owns the transaction."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.notifications.commands.webhook_matching import HEARS, OWE
from services.notifications.db import settings_of
from services.notifications.queries.feed import UNREADABLE
from shared.logging import logger

log = logger(__name__)

BATCH = 500

# One statement by itself. The last position is read and written by nobody else until its end, and nothing is
# locked where nothing waits. Who waited for the lock still sees what was there before: then the row that is
# locked is another one than the row that is seen, nothing is numbered, and the caller asks again. The row is
# named by its key, or PostgreSQL takes the table for one of thousands and the statement for a long one.
#
# What waits, oldest first, by what it says of itself. Of one order and source entries stand by version: an
# event counts as no earlier than those of lower versions. Events of an order of which nothing is known yet
# are held until something is, for nobody knows whose they are. Stock is of whoever has it: of one seller, of
# everybody (*), or, where several have some, of nobody but who sees all (''). What is older than the feed
# keeps, as it was told again after its time, or is there already, is not entered.
#
# What is entered is owed to every webhook that hears it, in the order of positions.
_NUMBER = text(f"""
    with locked as materialized (
        select xmin, position as last from feed_head
        where id = 1 and exists (select from feed_waiting where held_for is null)
        for update
    ), head as materialized (
        select last, locked.xmin = feed_head.xmin as is_seen from locked, feed_head where id = 1
    ), waiting as materialized (
        select seq as ticket, event_id from feed_waiting, head
        where is_seen and held_for is null order by seq limit :batch
    ), told as materialized (
        select ticket, event_id, source, type, subject, coalesce(envelope ->> 'reference', '') as number,
               coalesce((envelope ->> 'snapshotversion')::bigint, 0) as version,
               coalesce((envelope ->> 'time')::timestamptz, received_at) as occurred_at,
               envelope -> 'data' -> 'order' -> 'seller' ->> 'seller' as seller,
               envelope -> 'data' -> 'order' -> 'market' ->> 'market' as market,
               envelope -> 'data' -> 'stock' -> 'levels' as levels
        from waiting join inbox using (event_id)
        union all
        select ticket, event_id, :service, type, subject, reference, version, occurred_at, null, null, null
        from waiting join event_log using (event_id)
    ), new as materialized (
        select *, case when subject ~ :order_id then subject::uuid end as order_id
        from told
        where occurred_at > now() - :kept
          and not exists (select from feed where feed.event_id = told.event_id)
    ), owners as (
        select order_id, max(seller) as seller, max(market) as market from new
        where seller is not null group by order_id
    ), owned as materialized (
        select ticket, event_id, new.source, type, new.subject, new.version, occurred_at, new.order_id,
               new.number,
               case when new.order_id is null then (
                        select case when bool_and(owner <> '') and count(distinct nullif(owner, '*')) < 2
                                    then coalesce(max(nullif(owner, '*')), '*') else '' end
                        from jsonb_array_elements(levels) as level, coalesce(level ->> 'seller', '') as owner
                    )
                    else coalesce(known.seller, owners.seller, copies.snapshot -> 'seller' ->> 'seller')
               end as seller,
               case when new.order_id is null then '*'
                    else coalesce(known.market, owners.market, copies.snapshot -> 'market' ->> 'market')
               end as market,
               coalesce(known.sequence, 0) as counted
        from new
        left join feed_orders as known using (order_id)
        left join owners using (order_id)
        left join copies on known.order_id is null and copies.source = 'orders'
                         and copies.subject = new.subject
    ), placed as (
        select *, max(occurred_at) over (
            partition by subject, source order by version, event_id
        ) as no_earlier_than
        from owned where seller is not null and market is not null
    ), numbered as materialized (
        select *, row_number() over (order by no_earlier_than, version, event_id) as place from placed
    ), entered as (
        insert into feed (position, event_id, source, type, order_id, number, seller, market, sequence,
                          occurred_at, entered_at)
        select last + place, event_id, source, type, order_id, number, seller, market,
               case when order_id is null then 0
                    else counted + row_number() over (partition by order_id order by place)
               end,
               occurred_at, statement_timestamp()
        from numbered, head
        returning event_id, type, position, order_id, number, seller, market, sequence
    ), orders as (
        insert into feed_orders (order_id, number, seller, market, sequence)
        select order_id, max(number), max(seller), max(market), max(sequence) from entered
        where order_id is not null group by order_id
        on conflict (order_id) do update set sequence = excluded.sequence
    ), held as (
        update feed_waiting set held_for = subject from owned
        where seq = ticket and (seller is null or market is null)
        returning ticket
    ), found as (
        update feed_waiting set held_for = null
        where held_for in (select subject from numbered where source = 'orders')
        returning true
    ), gone as (
        delete from feed_waiting
        where seq in (select ticket from waiting except select ticket from held)
    ), moved as (
        update feed_head set position = position + (select count(*) from numbered)
        where id = 1 and exists (select from numbered)
        returning pg_notify('feed_numbered', '')
    ), owed as (
        {OWE} from entered as feed join webhooks on webhooks.state = 'active' and {HEARS}
        order by feed.position
        on conflict do nothing returning true
    ), woken as (select pg_notify('webhooks', '') from owed limit 1)
    select (select count(*) from waiting) = :batch or exists (select from found)
               or exists (select from head where not is_seen) as is_more,
           exists (select from woken) as is_owed
""")  # noqa: S608 - put together from what stands above and in `owing`
_ORDER_ID = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"  # what else events are about are goods
_SET_ASIDE = text("""
    update feed_waiting set held_for = :unreadable
    where seq = (select min(seq) from feed_waiting where held_for is null) returning event_id
""")
# Changed, so that who waits for it sees that something may be otherwise by then.
_HOLD = text("update feed_head set position = position")


@dataclass(frozen=True, kw_only=True)
class Numbered:
    """The result of a batch."""

    is_more: bool  # whether others wait
    is_owed: bool  # whether a webhook is owed one of them


def hold(session: Session) -> None:
    """Wait for numbering in progress, and block it until the transaction ends."""
    session.execute(_HOLD)


def set_aside(session: Session) -> None:
    """Set aside the next event without a position, because it can't be read."""
    for event_id in session.scalars(_SET_ASIDE, {"unreadable": UNREADABLE}):
        log.error("feed_event_set_aside", event_id=str(event_id))


def number_waiting(session: Session, most: int = BATCH) -> Numbered:
    """Assign the next positions to waiting events, oldest first: a batch, all or nothing.

    What is entered is owed to the webhooks that hear it. One at a time: whoever comes meanwhile waits for the
    commit. So positions come to be seen in their order, and nothing is ever entered below one that a reader
    has seen, whatever sellers it may see. Raises DataError where one says of itself what can't be read.
    """
    parameters = {
        "batch": most,
        "service": session.info["service"],
        "order_id": _ORDER_ID,
        "kept": timedelta(days=settings_of(session).feed_days),
    }
    row = session.execute(_NUMBER, parameters).one()
    return Numbered(is_more=row.is_more, is_owed=row.is_owed)
