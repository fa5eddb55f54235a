"""Queries for availability, reservations and movements."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import Row, any_, func, literal, or_, select
from sqlalchemy.orm import Session

from services.shipping.domain.availability import Source
from services.shipping.domain.shipment_status import HOLDING_STOCK
from services.shipping.models import (
    Goods,
    Location,
    OrderState,
    Shipment,
    ShipmentLine,
    StockLevel,
    StockMovement,
)
from services.shipping.queries.stock import stock_level
from services.shipping.queries.visibility import in_sight
from shared.access import EVERYTHING, actor_of, seen
from shared.errors import NotFound
from shared.events.snapshots import MethodKind


def sources(
    session: Session, *, seller: str, market: str, kind: MethodKind, country: str, skus: Collection[str]
) -> list[Source]:
    """The free stock of the locations that serve a seller's orders in a market, in the order of sourcing.

    Raises NotFound for a seller or market that the actor may not see.
    """
    if not actor_of(session).may_see(seller, market):
        raise NotFound("seller", seller)
    there = (
        select(
            StockLevel.sku,
            StockLevel.location,
            (StockLevel.on_hand - StockLevel.reserved).label("available"),
            Location.handling_days,
            Goods.available_on,
        )
        .join(Location, Location.code == StockLevel.location)
        .outerjoin(Goods, (Goods.sku == StockLevel.sku) & (Goods.seller == seller))
        .where(
            StockLevel.sku.in_(skus),
            StockLevel.on_hand > StockLevel.reserved,
            Location.seller.in_((seller, EVERYTHING)),
            Location.active,
            or_(Location.markets == [], literal(market) == any_(Location.markets)),
            or_(Location.method_kinds == [], literal(str(kind)) == any_(Location.method_kinds)),
        )
        .order_by(StockLevel.sku, Location.country != country, Location.priority, Location.code)
    )
    return [Source(**row._mapping) for row in session.execute(there)]  # noqa: SLF001 - its documented name


def reservations_page(
    session: Session, location: str, sku: str, *, after: UUID | None, limit: int
) -> list[Row[Any]]:
    """The shipments for which units of a SKU at a location are reserved, oldest first."""
    held = (
        select(
            Shipment.id.label("shipment_id"),
            Shipment.number.label("shipment"),
            Shipment.order_id,
            OrderState.number.label("order"),
            Shipment.status,
            func.sum(ShipmentLine.units).label("units"),
            func.sum(ShipmentLine.picked).label("picked"),
        )
        .join(ShipmentLine, ShipmentLine.shipment_id == Shipment.id)
        .join(OrderState, OrderState.order_id == Shipment.order_id)
        .where(
            Shipment.location == location,
            Shipment.status.in_(HOLDING_STOCK),
            ShipmentLine.sku == sku,
            *in_sight(session),
        )
        .group_by(Shipment.id, OrderState.number)
        .order_by(Shipment.id)
        .limit(limit)
    )
    if after is not None:
        held = held.where(Shipment.id > after)
    return list(session.execute(held))


def movements_page(
    session: Session, location: str, sku: str, *, before: int | None, limit: int
) -> list[StockMovement]:
    """The movements of a level, newest first, from before a position.

    Raises NotFound for a location that isn't the actor's: movements name everybody's shipments.
    """
    stock_level(session, location, sku)
    if not actor_of(session).may_see_seller(session.get_one(Location, location).seller):
        raise NotFound("stock", f"{location}/{sku}")
    page = (
        select(StockMovement)
        .where(StockMovement.location == location, StockMovement.sku == sku)
        .order_by(StockMovement.position.desc())
        .limit(limit)
    )
    if before is not None:
        page = page.where(StockMovement.position < before)
    return list(session.scalars(page))


def goods_of_seller(session: Session, seller: str, sku: str) -> Goods:
    """The warehouse data of a seller's SKU; raises NotFound."""
    rows = select(Goods).where(Goods.seller == seller, Goods.sku == sku)
    return seen(session, rows, "goods", f"{seller}/{sku}", Goods.seller)
