"""Queries for pick lists and shelves."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from services.shipping.domain.shipment_status import IN_THE_WAREHOUSE
from services.shipping.models import (
    Goods,
    Location,
    PickList,
    PickListLine,
    Shipment,
    ShipmentLine,
    StockLevel,
)
from services.shipping.queries.visibility import all_within, visible_location
from shared.access import actor_of, seen


def pick_list(session: Session, pick_list_id: UUID) -> PickList:
    """A pick list with its lines by shelf; raises NotFound unless the actor may see all its shipments."""
    actor = actor_of(session)
    rows = select(PickList).where(
        PickList.id == pick_list_id,
        *all_within(PickList.sellers, actor.sellers),
        *all_within(PickList.markets, actor.markets),
    )
    return seen(session, rows, "pick list", pick_list_id)


def pick_lists_page(
    session: Session,
    *,
    location: str | None,
    shipment_id: UUID | None = None,
    is_open: bool | None,
    before: UUID | None,
    limit: int,
) -> list[PickList]:
    """Pick lists whose shipments the actor may all see, newest first, from before the one given.

    One is open while somebody has yet to look for a line of it.
    """
    actor = actor_of(session)
    to_do = select(PickListLine.pick_list_id).where(PickListLine.found.is_(None))
    page = (
        select(PickList)
        .join(Location, Location.code == PickList.location)
        .where(
            visible_location(actor),
            *all_within(PickList.sellers, actor.sellers),
            *all_within(PickList.markets, actor.markets),
        )
        .order_by(PickList.id.desc())
        .limit(limit)
    )
    if location is not None:
        page = page.where(PickList.location == location)
    if shipment_id is not None:
        of_shipment = select(PickListLine.pick_list_id).where(PickListLine.shipment_id == shipment_id)
        page = page.where(PickList.id.in_(of_shipment))
    if is_open is not None:
        page = page.where(PickList.id.in_(to_do) if is_open else PickList.id.not_in(to_do))
    if before is not None:
        page = page.where(PickList.id < before)
    return list(session.scalars(page))


def open_pick_lines(session: Session, shipment_id: UUID) -> list[PickListLine]:
    """The lines of a shipment that are still to be picked from lists."""
    lines = select(PickListLine).where(PickListLine.shipment_id == shipment_id, PickListLine.found.is_(None))
    return list(session.scalars(lines))


def bins(session: Session, location: str, skus: Collection[str]) -> dict[str, str]:
    """The shelf of each SKU at a location."""
    shelves = select(StockLevel.sku, StockLevel.bin).where(
        StockLevel.location == location, StockLevel.sku.in_(skus)
    )
    return {row.sku: row.bin for row in session.execute(shelves)}


def to_find(session: Session, order_id: UUID) -> dict[tuple[UUID, UUID], dict[str, Any]]:
    """Shelf, barcode and specifications of an order's lines in the warehouse, by shipment and line."""
    lines = (
        select(
            ShipmentLine.shipment_id,
            ShipmentLine.line_id,
            func.coalesce(StockLevel.bin, "").label("bin"),
            func.coalesce(Goods.barcode, "").label("barcode"),
            Goods.specifications,
        )
        .join(Shipment, Shipment.id == ShipmentLine.shipment_id)
        .outerjoin(
            StockLevel,
            and_(StockLevel.location == Shipment.location, StockLevel.sku == ShipmentLine.sku),
        )
        .outerjoin(Goods, and_(Goods.seller == ShipmentLine.seller, Goods.sku == ShipmentLine.sku))
        .where(Shipment.order_id == order_id, Shipment.status.in_(IN_THE_WAREHOUSE))
    )
    return {
        (row.shipment_id, row.line_id): {
            "bin": row.bin,
            "barcode": row.barcode,
            "specifications": row.specifications or {},
        }
        for row in session.execute(lines)
    }
