"""Queries for locations and their stock, the shipments waiting for it, and the stock check."""

from collections.abc import Collection
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, any_, exists, func, literal, or_, select, text, tuple_
from sqlalchemy.orm import Session, aliased

from services.shipping.domain.methods import NEEDS_NO_PACKING
from services.shipping.domain.shipment_status import HOLDING_STOCK
from services.shipping.models import Location, Shipment, ShipmentLine, StockLevel
from services.shipping.queries.visibility import visible_location
from shared.access import EVERYTHING, actor_of, seen
from shared.errors import NotFound
from shared.events.snapshots import ShipmentStatus


def location(session: Session, code: str) -> Location:
    """A location that the actor may see; raises NotFound."""
    rows = select(Location).where(Location.code == code, visible_location(actor_of(session)))
    return seen(session, rows, "location", code)


def locations_page(session: Session, *, after: str | None, limit: int) -> list[Location]:
    """Locations that the actor may see, by code, after the one given."""
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
    """Levels at locations that the actor may see, by SKU and location, after the one given."""
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


def locations_for(session: Session, shipment: Shipment, *, even_rejected: bool = False) -> list[str]:
    """The codes of the locations that can serve a shipment, in the order of sourcing.

    Those in the country that it goes to come first, then those with the lowest priority. Whoever turned it
    down is not asked again. What needs no packing needs no location.
    """
    if shipment.kind in NEEDS_NO_PACKING:
        return []
    there = (shipment.address or {}).get("country", "")
    serving = (
        select(Location.code)
        .where(
            Location.seller.in_((shipment.seller, EVERYTHING)),
            Location.active,
            or_(Location.markets == [], literal(shipment.market) == any_(Location.markets)),
            or_(Location.method_kinds == [], literal(str(shipment.kind)) == any_(Location.method_kinds)),
        )
        .order_by(Location.country != there, Location.priority, Location.code)
    )
    if shipment.pickup_point is not None:
        serving = serving.where(Location.code == shipment.pickup_point)
    if not even_rejected:
        serving = serving.where(Location.code.not_in(shipment.rejected_by))
    return list(session.scalars(serving))


def owners(session: Session, codes: Collection[str]) -> dict[str, str]:
    """The sellers of locations, by code."""
    found = session.execute(select(Location.code, Location.seller).where(Location.code.in_(codes)))
    return {row.code: row.seller for row in found}


def is_waited_for(session: Session, skus: Collection[str]) -> bool:
    """Whether any shipment waits for stock of one of the SKUs."""
    return bool(session.scalar(select(exists().where(Shipment.waits_for.overlap(list(skus))))))


def skus_waited_for_at(session: Session, location: str) -> list[str]:
    """SKUs with free stock at a location that any shipment waits for."""
    waited_for = (
        select(ShipmentLine.sku)
        .join(Shipment, Shipment.id == ShipmentLine.shipment_id)
        .join(StockLevel, StockLevel.sku == ShipmentLine.sku)
        .where(
            Shipment.status == ShipmentStatus.AWAITING_INVENTORY,
            StockLevel.location == location,
            StockLevel.on_hand > StockLevel.reserved,
        )
        .distinct()
    )
    return list(session.scalars(waited_for))


def skus_to_tell(session: Session, *, among: Collection[str] | None = None, limit: int) -> list[str]:
    """SKUs whose levels changed since they were last published, at least a second ago; ordered."""
    untold = StockLevel.told_version != StockLevel.version
    told_lately = aliased(StockLevel)
    skus = (
        select(StockLevel.sku)
        .where(
            untold,
            ~exists().where(
                told_lately.sku == StockLevel.sku,
                told_lately.told_at > func.clock_timestamp() - timedelta(seconds=1),
            ),
        )
        .distinct()
        .order_by(StockLevel.sku)
        .limit(limit)
    )
    if among is not None:
        skus = skus.where(StockLevel.sku.in_(among))
    return list(session.scalars(skus))


# The rule of locations_for, said of a shipment and a location.
_MAY_SERVE = """
    locations.active and locations.seller in (shipments.seller, '*')
    and (locations.markets = '{}' or shipments.market = any(locations.markets))
    and (locations.method_kinds = '{}' or shipments.kind = any(locations.method_kinds))
    and coalesce(shipments.pickup_point, locations.code) = locations.code
    and locations.code <> all(shipments.rejected_by)
"""

# What a shipment wants of each SKU. A sales unit comes whole from one place, so locations are counted in
# the largest that it has of a SKU.
_WANTED = """
    select sku, sum(units) as units, max(units / quantity) as coefficient from shipment_lines
    where shipment_id = shipments.id
    group by sku
"""

_NEXT_TO_SERVE = text(f"""
    select id from shipments
    where status = 'awaiting_inventory' and waits_for && cast(:skus as text[])
      and (cast(:before as uuid) is null or id < :before)
      and (cast(:after as uuid) is null or id > :after)
      and case when kind = 'delivery' then not exists (
          select from ({_WANTED}) as wanted
          where wanted.units > coalesce((
              select sum((on_hand - reserved) / coefficient * coefficient)
              from stock_levels join locations on locations.code = stock_levels.location
              where stock_levels.sku = wanted.sku and {_MAY_SERVE}
          ), 0)
      ) else exists (
          select from locations
          where {_MAY_SERVE} and not exists (
              select from ({_WANTED}) as wanted
              left join stock_levels on stock_levels.sku = wanted.sku and location = locations.code
              where coalesce(on_hand - reserved, 0) < wanted.units
          )
      ) end
    order by id limit 1
""")  # noqa: S608 - of constants


def next_to_serve(
    session: Session, skus: Collection[str], *, before: UUID | None = None, after: UUID | None = None
) -> UUID | None:
    """The longest-waiting shipment for one of the SKUs that can now be served in full."""
    within = {"skus": list(skus), "before": before, "after": after}
    found: UUID | None = session.scalar(_NEXT_TO_SERVE, within)
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
    """Levels that do not agree with their movements or with what shipments hold; there should never be any.

    The standing check of the ledger: each row names SKU and location, what stands there and what should.
    """
    return list(session.execute(_STOCK_DRIFT, {"holding_stock": sorted(HOLDING_STOCK)}))
