"""Selects for lists, pages and checks; they change nothing."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, select, text, true, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

from services.shipping.domain.shipment_status import HOLDING_STOCK, ShipmentStatus
from services.shipping.models import (
    Location,
    OrderState,
    Shipment,
    ShipmentLine,
    StockLevel,
)
from shared.access import EVERYTHING, Actor, actor_of
from shared.errors import NotFound


def shipment(session: Session, shipment_id: UUID) -> Shipment:
    """A shipment that the actor may see, as it stands in the database now; raises NotFound."""
    now = select(Shipment).where(Shipment.id == shipment_id).execution_options(populate_existing=True)
    found = session.scalars(now).unique().one_or_none()
    if found is None or not actor_of(session).may_see(found.seller, found.market):
        raise NotFound("shipment", shipment_id)
    return found


def order_state(session: Session, order_id: UUID) -> OrderState:
    """What shipping knows of an order that the actor may see; raises NotFound, also before it has heard."""
    found = session.get(OrderState, order_id)
    if found is None or not actor_of(session).may_see(found.seller, found.market):
        raise NotFound("order", order_id)
    return found


def shipments_page(
    session: Session, *, status: ShipmentStatus | None, before: UUID | None, limit: int
) -> list[Shipment]:
    """Shipments that the actor may see, newest first, from below the one named."""
    page = select(Shipment).where(*_visible(actor_of(session))).order_by(Shipment.id.desc()).limit(limit)
    if status is not None:
        page = page.where(Shipment.status == status)
    if before is not None:
        page = page.where(Shipment.id < before)
    return list(session.scalars(page).unique())


def location(session: Session, code: str) -> Location:
    """A location that the actor may see; raises NotFound."""
    found = session.get(Location, code)
    if found is None or not _sees_location(actor_of(session), found):
        raise NotFound("location", code)
    return found


def locations_page(session: Session, *, after: str | None, limit: int) -> list[Location]:
    """Locations that the actor may see, by code, from above the one named."""
    page = select(Location).where(_visible_location(actor_of(session))).order_by(Location.code).limit(limit)
    if after is not None:
        page = page.where(Location.code > after)
    return list(session.scalars(page))


def stock_level(session: Session, location_code: str, sku: str) -> StockLevel:
    """The level of a SKU at a location that the actor may see; raises NotFound."""
    location(session, location_code)
    found = session.get(StockLevel, (sku, location_code))
    if found is None:
        raise NotFound("stock", f"{location_code}/{sku}")
    return found


def stock_page(
    session: Session, *, sku: str | None, location_code: str | None, after: tuple[str, str] | None, limit: int
) -> list[StockLevel]:
    """Levels at locations that the actor may see, by SKU and location, from above the one named."""
    page = (
        select(StockLevel)
        .join(Location, Location.code == StockLevel.location)
        .where(_visible_location(actor_of(session)))
        .order_by(StockLevel.sku, StockLevel.location)
        .limit(limit)
    )
    if sku is not None:
        page = page.where(StockLevel.sku == sku)
    if location_code is not None:
        page = page.where(StockLevel.location == location_code)
    if after is not None:
        page = page.where(tuple_(StockLevel.sku, StockLevel.location) > after)
    return list(session.scalars(page))


def locations_serving(session: Session, seller: str) -> list[str]:
    """The codes of the locations that serve a seller's orders, as they are to be asked."""
    serving = (
        select(Location.code)
        .where(Location.seller.in_((seller, EVERYTHING)))
        .order_by(Location.priority, Location.code)
    )
    return list(session.scalars(serving))


def is_waited_for(session: Session, skus: Collection[str]) -> bool:
    """Whether any shipment waits for stock of one of the SKUs."""
    waiting = (
        select(Shipment.id)
        .join(ShipmentLine, ShipmentLine.shipment_id == Shipment.id)
        .where(Shipment.status == ShipmentStatus.AWAITING_INVENTORY, ShipmentLine.sku.in_(skus))
        .limit(1)
    )
    return session.scalar(waiting) is not None


_NEXT_TO_SERVE = text("""
    select id from shipments
    where status = 'awaiting_inventory'
      and (cast(:older_than as uuid) is null or id < :older_than)
      and exists (
          select from shipment_lines where shipment_id = shipments.id and sku = any(cast(:skus as text[]))
      )
      and exists (
          select from locations
          where locations.seller in (shipments.seller, '*')
            and not exists (
                select from (
                    select sku, sum(units) as units from shipment_lines
                    where shipment_id = shipments.id
                    group by sku
                ) as wanted
                left join stock_levels on stock_levels.sku = wanted.sku and location = locations.code
                where coalesce(on_hand - reserved, 0) < wanted.units
            )
      )
    order by id limit 1
""")


def next_to_serve(session: Session, skus: Collection[str], older_than: UUID | None = None) -> UUID | None:
    """The shipment that has waited longest for one of the SKUs and that a location could now serve whole."""
    found: UUID | None = session.scalar(_NEXT_TO_SERVE, {"skus": list(skus), "older_than": older_than})
    return found


_STOCK_DRIFT = text("""
    with moved as (
        select sku, location, sum(on_hand_change) as on_hand, sum(reserved_change) as reserved,
               count(*) as version
        from stock_movements
        group by sku, location
    ), held as (
        select sku, location, sum(units) as units
        from shipment_lines join shipments on shipments.id = shipment_id
        where status = any(cast(:holding_stock as text[]))
        group by sku, location
    )
    select sku, location, on_hand, reserved, moved_on_hand, moved_reserved, held_by_shipments
    from (
        select sku, location, level.on_hand, level.reserved, level.version,
               coalesce(moved.on_hand, 0) as moved_on_hand, coalesce(moved.reserved, 0) as moved_reserved,
               coalesce(moved.version, 0) as moved_version, coalesce(held.units, 0) as held_by_shipments
        from stock_levels as level
        full join moved using (sku, location)
        full join held using (sku, location)
    ) as stock
    where (on_hand, reserved, version) is distinct from (moved_on_hand, moved_reserved, moved_version)
       or reserved is distinct from held_by_shipments
    order by sku, location
""")


def stock_drift(session: Session) -> list[Row[Any]]:
    """Levels that are not the sum of their movements, or of what shipments hold; there should never be any.

    The standing check of the ledger: each row names SKU and location, what stands there and what should.
    """
    return list(session.execute(_STOCK_DRIFT, {"holding_stock": sorted(HOLDING_STOCK)}))


def _visible(actor: Actor) -> list[ColumnElement[bool]]:
    return [*_within(Shipment.seller, actor.sellers), *_within(Shipment.market, actor.markets)]


def _within(column: InstrumentedAttribute[str], values: frozenset[str]) -> list[ColumnElement[bool]]:
    return [] if EVERYTHING in values else [column.in_(values)]


def _visible_location(actor: Actor) -> ColumnElement[bool]:
    if EVERYTHING in actor.sellers:
        return true()
    return Location.seller.in_({EVERYTHING, *actor.sellers})


def _sees_location(actor: Actor, place: Location) -> bool:
    return place.seller == EVERYTHING or actor.may_see_seller(place.seller)
