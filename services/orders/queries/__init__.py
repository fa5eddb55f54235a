"""Selects for lists and pages; they change nothing and show nobody another's things."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from services.orders.models import Customer, Market, Order, Payment, Product, Seller
from services.orders.queries.visibility import visible
from shared.access import actor_of
from shared.errors import NotFound
from shared.events.snapshots import ShipmentsSnapshot
from shared.messaging import copies


def order(session: Session, order_id: UUID) -> Order:
    """One order, whole; raises NotFound, also for another's."""
    found = session.get(Order, order_id)
    if found is None or not actor_of(session).may_see(found.seller_code, found.market_code):
        raise NotFound("order", order_id)
    return found


def released_shipments(session: Session, order_id: UUID) -> list[str]:
    """The numbers of an order's shipments that the warehouse has or had, as shipping last told."""
    shipments = copies.newest(session, order_id, ShipmentsSnapshot)
    if shipments is None:
        return []
    return [
        shipment.number
        for shipment in shipments.shipments
        if shipment.released_at is not None and shipment.cancelled_at is None
    ]


def payments(session: Session, order_id: UUID) -> Sequence[Payment]:
    """Money received for an order, oldest first."""
    rows = select(Payment).where(Payment.order_id == order_id).order_by(Payment.recorded_at, Payment.id)
    return session.scalars(rows).all()


def market(session: Session, code: str) -> Market:
    """One market; raises NotFound, also for one out of sight."""
    found = session.get(Market, code)
    if found is None or not actor_of(session).may_see_market(code):
        raise NotFound("market", code)
    return found


def markets(session: Session, limit: int, after: str = "") -> Sequence[Market]:
    """Markets by code."""
    page = select(Market).where(Market.code > after).order_by(Market.code).limit(limit)
    return session.scalars(visible(session, page, market=Market.code)).all()


def seller(session: Session, code: str) -> Seller:
    """One seller; raises NotFound, also for one out of sight."""
    found = session.get(Seller, code)
    if found is None or not actor_of(session).may_see_seller(code):
        raise NotFound("seller", code)
    return found


def sellers(session: Session, limit: int, after: str = "") -> Sequence[Seller]:
    """Sellers by code."""
    page = select(Seller).where(Seller.code > after).order_by(Seller.code).limit(limit)
    return session.scalars(visible(session, page, Seller.code)).all()


def product(session: Session, seller_code: str, sku: str) -> Product:
    """One product; raises NotFound, also for another's."""
    found = session.get(Product, (seller_code, sku))
    if found is None or not actor_of(session).may_see_seller(seller_code):
        raise NotFound("product", sku)
    return found


def products(session: Session, seller_code: str, limit: int, after: str = "") -> Sequence[Product]:
    """A seller's products by SKU; raises NotFound for another's seller."""
    seller(session, seller_code)
    page = (
        select(Product)
        .where(Product.seller_code == seller_code, Product.sku > after)
        .order_by(Product.sku)
        .limit(limit)
        .options(selectinload(Product.prices))
    )
    return session.scalars(page).all()


def customer(session: Session, customer_id: UUID) -> Customer:
    """One customer; raises NotFound, also for another's."""
    found = session.get(Customer, customer_id)
    if found is None or not actor_of(session).may_see_seller(found.seller_code):
        raise NotFound("customer", customer_id)
    return found


def customers(session: Session, limit: int, before: UUID | None = None) -> Sequence[Customer]:
    """Customers, newest first."""
    page = (
        select(Customer).order_by(Customer.id.desc()).limit(limit).options(selectinload(Customer.addresses))
    )
    if before is not None:
        page = page.where(Customer.id < before)
    return session.scalars(visible(session, page, Customer.seller_code)).all()
