"""Queries for the work queues of warehouse and seller."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Date, Select, and_, cast, func, literal, not_, select, tuple_, union_all
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from services.shipping.domain.queues import PENDING, Queue, statuses_of
from services.shipping.models import Goods, OrderState, Shipment, ShipmentLine
from services.shipping.queries.visibility import in_sight
from shared import clock
from shared.events.snapshots import ShipmentStatus

Place = tuple[datetime, UUID]

COUNTED_AT_MOST = 1000  # of a status; more are many
ON_THEIR_WAY = tuple(status for queue in PENDING for status in statuses_of(queue))


def queue_page(
    session: Session,
    queue: Queue,
    *,
    after: Place | None,
    limit: int,
    status: ShipmentStatus | None = None,
    releasable: bool | None = None,
    **filters: str | None,
) -> list[Shipment]:
    """Shipments of a queue that the actor may see, earliest due first; in finalised, newest first.

    They are of one status, if it is named, and of the `seller`, `location`, `method` and `kind` that are;
    with `releasable` of those that have their stock, and that can be released now, or can't be.
    """
    statuses = statuses_of(queue)
    wanted = tuple(one for one in statuses if status is None or one is status)
    conditions = _conditions(session, filters)
    if releasable is not None:
        wanted = tuple(one for one in wanted if one is ShipmentStatus.INVENTORY_ASSIGNED)
        conditions.append(_can_be_released() if releasable else not_(_can_be_released()))
    return _page(
        session,
        wanted,
        conditions,
        newest_first=queue is Queue.FINALISED,
        after=after,
        limit=limit,
    )


def overdue_page(
    session: Session, *, after: Place | None, limit: int, **filters: str | None
) -> list[Shipment]:
    """Overdue shipments of all queues, the longest overdue first; filtered as a queue is."""
    conditions = [Shipment.queue_at < clock.now(), *_conditions(session, filters)]
    return _page(session, ON_THEIR_WAY, conditions, newest_first=False, after=after, limit=limit)


def pending_counts(session: Session, **filters: str | None) -> tuple[dict[ShipmentStatus, int], int, int]:
    """How many shipments that the actor may see are at each status; COUNTED_AT_MOST + 1 means more.

    Then of those that have their stock: how many can be released now, and how many can't. Filtered as a queue
    is.
    """
    of_all = _conditions(session, filters)
    stocked = Shipment.status == ShipmentStatus.INVENTORY_ASSIGNED
    wanted = [
        *([Shipment.status == status] for status in ON_THEIR_WAY),
        [stocked, _can_be_released()],
        [stocked, not_(_can_be_released())],
    ]
    counts = (
        select(func.count())
        .select_from(select(literal(1)).where(*each, *of_all).limit(COUNTED_AT_MOST + 1).subquery())
        .scalar_subquery()
        for each in wanted
    )
    *by_status, can, can_not = session.execute(select(*counts)).one()
    return dict(zip(ON_THEIR_WAY, by_status, strict=True)), can, can_not


def _can_be_released() -> ColumnElement[bool]:
    """The condition that neither the order nor the day its goods may leave blocks a shipment's release.

    As `release` is refused; that it has its stock is the caller's condition.
    """
    today = cast(func.timezone(OrderState.time_zone, clock.now()), Date)
    to_come = (
        select(literal(1))
        .select_from(ShipmentLine)
        .join(Goods, and_(Goods.seller == ShipmentLine.seller, Goods.sku == ShipmentLine.sku))
        .join(OrderState, OrderState.order_id == Shipment.order_id)
        .where(ShipmentLine.shipment_id == Shipment.id, Goods.available_on > today)
        .correlate(Shipment)
    )
    return and_(Shipment.let_go, not_(to_come.exists()))


def _conditions(session: Session, filters: dict[str, str | None]) -> list[ColumnElement[bool]]:
    columns: dict[str, InstrumentedAttribute[Any]] = {
        "seller": Shipment.seller,
        "location": Shipment.location,
        "method": Shipment.method,
        "kind": Shipment.kind,
    }
    asked = [columns[name] == value for name, value in filters.items() if value is not None]
    # That it is in a queue at all is said for the index of a location, which has no others.
    return [Shipment.queue.is_not(None), *in_sight(session), *asked]


def _page(
    session: Session,
    statuses: Iterable[ShipmentStatus],
    conditions: list[ColumnElement[bool]],
    *,
    newest_first: bool,
    after: Place | None,
    limit: int,
) -> list[Shipment]:
    """One index scan per status, merged, because shipments are ordered by time within a status only."""

    def in_order(of: Any, rows: Select[Any]) -> Select[Any]:
        columns = (of.queue_at, of.id)
        return rows.order_by(*(one.desc() for one in columns) if newest_first else columns).limit(limit)

    if after is not None:
        place = tuple_(Shipment.queue_at, Shipment.id)
        conditions = [*conditions, place < after if newest_first else place > after]
    walks = [
        in_order(Shipment, select(Shipment).where(Shipment.status == status, *conditions))
        for status in statuses
    ]
    if not walks:
        return []
    if len(walks) > 1:
        merged = aliased(Shipment, union_all(*(one.subquery().select() for one in walks)).subquery())
        walks = [in_order(merged, select(merged))]
    return list(session.scalars(walks[0]).unique())
