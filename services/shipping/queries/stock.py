"""Locations and their stock, who waits for it, and whether it all adds up."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, text, tuple_
from sqlalchemy.orm import Session

from services.shipping.domain.shipment_status import HOLDING_STOCK, ShipmentStatus
from services.shipping.models import Location, Shipment, ShipmentLine, StockLevel
from services.shipping.queries.visibility import sees_location, visible_location
from shared.access import EVERYTHING, actor_of
from shared.errors import NotFound


def location(session: Session, code: str) -> Location:
    """A location that the actor may see; raises NotFound."""
    found = session.get(Location, code)
    if found is None or not sees_location(actor_of(session), found):
        raise NotFound("location", code)
    return found


def locations_page(session: Session, *, after: str | None, limit: int) -> list[Location]:
    """Locations that the actor may see, by code, from above the one named."""
    page = select(Location).where(visible_location(actor_of(session))).order_by(Location.code).limit(limit)
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
        .where(visible_location(actor_of(session)))
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
               sum(picked_change) as picked, count(*) as version
        from stock_movements
        group by sku, location
    ), held as (
        select sku, location, sum(units) as units, sum(picked) as picked
        from shipment_lines join shipments on shipments.id = shipment_id
        where status = any(cast(:holding_stock as text[])) and location is not null
        group by sku, location
    )
    select sku, location, on_hand, reserved, picked, moved_on_hand, moved_reserved, moved_picked,
           held_by_shipments, picked_for_shipments
    from (
        select sku, location, level.on_hand, level.reserved, level.picked, level.version,
               coalesce(moved.on_hand, 0) as moved_on_hand, coalesce(moved.reserved, 0) as moved_reserved,
               coalesce(moved.picked, 0) as moved_picked, coalesce(moved.version, 0) as moved_version,
               coalesce(held.units, 0) as held_by_shipments, coalesce(held.picked, 0) as picked_for_shipments
        from stock_levels as level
        full join moved using (sku, location)
        full join held using (sku, location)
    ) as stock
    where (on_hand, reserved, picked, version)
          is distinct from (moved_on_hand, moved_reserved, moved_picked, moved_version)
       or (reserved, picked) is distinct from (held_by_shipments, picked_for_shipments)
    order by sku, location
""")


def stock_drift(session: Session) -> list[Row[Any]]:
    """Levels that are not the sum of their movements, or of what shipments hold; there should never be any.

    The standing check of the ledger: each row names SKU and location, what stands there and what should.
    """
    return list(session.execute(_STOCK_DRIFT, {"holding_stock": sorted(HOLDING_STOCK)}))
