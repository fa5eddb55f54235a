"""Lists of orders: filtered, sorted, paged; plain rows, because these are hot."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    Text,
    and_,
    cast,
    exists,
    false,
    func,
    or_,
    select,
    tuple_,
    type_coerce,
    union,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from services.orders.domain.periods import days_of, instants_of, today_in
from services.orders.domain.search_words import WordKind, name_patterns, word_of
from services.orders.models import DeliveryGroup, Market, Order, OrderLine, OrderWord
from shared import clock
from shared.access import EVERYTHING, actor_of, one_of, visible
from shared.events.snapshots import ConversationSnapshot
from shared.messaging.tables import copies

# Nobody waits for the exact number of a million orders: counting ends here, and says so.
COUNTED_AT_MOST = 1000

Filters = Mapping[str, Any]  # as OrderFilters of the API reads them

# The next deadline of an order; it has one at a time.
DUE_AT = func.coalesce(Order.payment_due_at, Order.acceptance_due_at)

# As Balance.balance_minor has it.
BALANCE = (
    Order.received_minor
    - Order.refunded_minor
    - Order.refund_pending_minor
    - (Order.total_minor - Order.cancelled_minor - Order.credited_minor)
)

_talk = copies.c
# Read for the rows of a page alone, each by its own index.
_LINE_COUNT = select(func.count()).where(OrderLine.order_id == Order.id).correlate(Order).scalar_subquery()
_DELIVERY_METHODS = func.array(
    select(DeliveryGroup.method)
    .where(DeliveryGroup.order_id == Order.id)
    .group_by(DeliveryGroup.method)
    .order_by(func.min(DeliveryGroup.position))
    .correlate(Order)
    .scalar_subquery()
)
_COUNTRY = (
    select(type_coerce(DeliveryGroup.address, JSONB)["country"].astext)
    .where(DeliveryGroup.order_id == Order.id)
    .order_by(DeliveryGroup.position)
    .limit(1)
    .correlate(Order)
    .scalar_subquery()
)
_CUSTOMER_WAITS = (
    exists()
    .where(
        _talk.subject == cast(Order.id, Text),
        _talk.source == ConversationSnapshot.SOURCE,
        _talk.snapshot["unanswered"].astext == "true",
    )
    .correlate(Order)
)

# The columns of a list's row, by their names in the answer (ListedOrderSchema).
SUMMARY = (
    Order.id.label("order_id"),
    Order.number,
    Order.version,
    Order.status,
    Order.fulfilment,
    Order.lifecycle,
    Order.queues,
    Order.csr_status,
    Order.timeline,
    Order.seller_code.label("seller"),
    Order.market_code.label("market"),
    Order.channel,
    Order.external_reference,
    Order.tags,
    Order.customer_name,
    Order.payment_method,
    Order.payment_state,
    Order.total_minor,
    BALANCE.label("balance_minor"),
    Order.currency,
    Order.placed_at,
    Order.payment_due_at,
    Order.acceptance_due_at,
    DUE_AT.label("due_at"),
    _LINE_COUNT.label("line_count"),
    _DELIVERY_METHODS.label("delivery_methods"),
    # Where a customer comes to fetch it, the country of the bill.
    func.coalesce(_COUNTRY, type_coerce(Order.billing_address, JSONB)["country"].astext, "").label("country"),
    (Order.held_since.is_not(None)).label("on_hold"),
    _CUSTOMER_WAITS.label("customer_waits"),
)

# Filters by one of some values of a column.
_COLUMNS = {
    "seller": Order.seller_code,
    "market": Order.market_code,
    "status": Order.status,
    "fulfilment": Order.fulfilment,
    "lifecycle": Order.lifecycle,
    "csr_status": Order.csr_status,
    "timeline": Order.timeline,
    "channel": Order.channel,
    "payment_state": Order.payment_state,
    "payment_method": Order.payment_method,
}


@dataclass(frozen=True)
class Sort:
    """What a list is sorted by; ties are broken by the order's id."""

    column: Any
    descending: bool
    kind: type  # of the column's values, in a cursor


SORTS = {
    "-placed_at": Sort(Order.placed_at, True, datetime),
    "placed_at": Sort(Order.placed_at, False, datetime),
    "-total_minor": Sort(Order.total_minor, True, int),
    "total_minor": Sort(Order.total_minor, False, int),
    "due_at": Sort(DUE_AT, False, datetime),  # of what is due; nothing else is in the list
}


def orders(
    session: Session, filters: Filters, sort: str, limit: int, after: tuple[Any, UUID] | None = None
) -> Sequence[Any]:
    """Orders that match the filters, from a position on."""
    return session.execute(page_of_orders(session, filters, sort, limit, after)).all()


def page_of_orders(
    session: Session, filters: Filters, sort: str, limit: int, after: tuple[Any, UUID] | None = None
) -> Select[*tuple[Any, ...]]:
    """The query for a page of a list."""
    order = SORTS[sort]
    page, word = _filtered(session, select(*SUMMARY), filters)
    column, identity = order.column, Order.id
    if word is not None and column is Order.placed_at:
        column, identity = word.placed_at, word.order_id  # the same, in the order of the word's own index
    if column is DUE_AT:
        page = page.where(DUE_AT.is_not(None))
    if after is not None:
        place = tuple_(column, identity)
        page = page.where(place < after if order.descending else place > after)
    keys = (column.desc(), identity.desc()) if order.descending else (column, identity)
    return page.order_by(*keys).limit(limit)


def count(session: Session, filters: Filters, sort: str = "-placed_at") -> int:
    """How many orders are in a list; COUNTED_AT_MOST + 1 means more than COUNTED_AT_MOST."""
    page, _ = _filtered(session, select(Order.id), filters)
    if SORTS[sort].column is DUE_AT:
        page = page.where(DUE_AT.is_not(None))
    counted = page.limit(COUNTED_AT_MOST + 1).subquery()
    return session.execute(select(func.count()).select_from(counted)).scalar_one()


def matching_ids(session: Session, filters: Filters, sort: str, limit: int) -> Sequence[UUID]:
    """The ids of the first orders of a list."""
    page = page_of_orders(session, filters, sort, limit)
    return session.scalars(page.with_only_columns(Order.id, maintain_column_froms=True)).all()


def numbers(session: Session, order_ids: Collection[UUID]) -> dict[UUID, str]:
    """The numbers of those orders that the caller may see."""
    rows = select(Order.id, Order.number).where(Order.id.in_(order_ids))
    rows = visible(session, rows, Order.seller_code, Order.market_code)
    return {row.id: row.number for row in session.execute(rows)}


def matching(session: Session, columns: Sequence[Any], filters: Filters) -> Select[*tuple[Any, ...]]:
    """All orders that match the filters, newest first."""
    page, _ = _filtered(session, select(*columns), filters)
    return page.order_by(Order.placed_at.desc(), Order.id.desc())


def _filtered(
    session: Session, page: Select[*tuple[Any, ...]], filters: Filters
) -> tuple[Select[*tuple[Any, ...]], Any]:
    """The query with all filters, and the search word table if one leads it: the rarest filter goes first."""
    page = visible(session, page.select_from(Order), Order.seller_code, Order.market_code)
    page = page.where(*_conditions(session, filters))
    leading = None
    sellers = filters.get("seller") or actor_of(session).sellers - {EVERYTHING}
    for kind in WordKind:
        for text in filters.get(kind.value, ()):
            word = word_of(kind, text)
            if kind is WordKind.QUEUE and len(sellers) == 1:
                word = word_of(kind, f"{next(iter(sellers))} {text}")
            if leading is None:
                leading = OrderWord
                page = page.join(OrderWord, OrderWord.order_id == Order.id)
                page = page.where(OrderWord.kind == kind, OrderWord.word == word)
            else:
                page = page.where(_has_word(kind, word))
    return page, leading


def _conditions(session: Session, filters: Filters) -> list[ColumnElement[bool]]:
    found = [one_of(column, filters[name]) for name, column in _COLUMNS.items() if name in filters]
    if "number" in filters:
        found.append(Order.number == filters["number"].strip().upper())
    if "customer_id" in filters:
        found.append(Order.customer_id == filters["customer_id"])
    if "name" in filters:
        found.append(_named(filters["name"]))
    if "min_total_minor" in filters:
        found.append(Order.total_minor >= filters["min_total_minor"])
    if "max_total_minor" in filters:
        found.append(Order.total_minor <= filters["max_total_minor"])
    if "search" in filters:
        found.append(_found_by(filters["search"]))
    return found + _placed(session, filters)


def _named(typed: str) -> ColumnElement[bool]:
    return or_(false(), *(Order.customer_name_folded.like(pattern) for pattern in name_patterns(typed)))


def _has_word(kind: WordKind, word: str) -> ColumnElement[bool]:
    other = OrderWord.__table__.alias().c
    return exists().where(
        other.kind == kind,
        other.word == word,
        other.placed_at == Order.placed_at,
        other.order_id == Order.id,
    )


def _found_by(text: str) -> ColumnElement[bool]:
    """Search by anything: a number, an exact word of any kind, or part of the customer's name."""
    kinds = [kind for kind in WordKind if kind is not WordKind.QUEUE]
    words = [(kind, word) for kind in kinds if (word := word_of(kind, text))]
    ways = [
        select(Order.id).where(Order.number == text.strip().upper()),
        select(OrderWord.order_id).where(tuple_(OrderWord.kind, OrderWord.word).in_(words)),
        select(Order.id).where(_named(text)),
    ]
    return Order.id.in_(union(*ways))


def _placed(session: Session, filters: Filters) -> list[ColumnElement[bool]]:
    """The date filters, by the days of each order's own market, which begin at midnight there."""
    if not filters.keys() & {"period", "placed_from", "placed_after"}:
        return []
    markets = visible(session, select(Market.code, Market.time_zone), market=Market.code)
    if "market" in filters:
        markets = markets.where(one_of(Market.code, filters["market"]))
    zones: dict[str, list[str]] = {}
    for row in session.execute(markets):
        zones.setdefault(row.time_zone, []).append(row.code)
    spans = {zone: instants_of(_days(filters, zone), zone) for zone in zones}
    if len(spans) == 1:
        return [_between(*span) for span in spans.values()]
    each = [and_(one_of(Order.market_code, codes), _between(*spans[zone])) for zone, codes in zones.items()]
    # The widest bounds find the range of the index; within it each market's own decide.
    starts, ends = zip(*spans.values(), strict=True) if spans else ((), ())
    widest = _between(
        None if None in starts else min(starts, default=None),
        None if None in ends else max(ends, default=None),
    )
    return [widest, or_(false(), *each)]


def _days(filters: Filters, zone: str) -> tuple[Any, Any]:
    if "period" in filters:
        return days_of(filters["period"], today_in(zone, clock.now()))
    return filters.get("placed_from"), filters.get("placed_after")


def _between(start: datetime | None, end: datetime | None) -> ColumnElement[bool]:
    bounds = []
    if start is not None:
        bounds.append(Order.placed_at >= start)
    if end is not None:
        bounds.append(Order.placed_at < end)
    return and_(*bounds)
