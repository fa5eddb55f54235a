"""Queries for lists and pages; they change nothing and only find what the caller may see."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, selectinload, undefer

from services.orders.domain.search_words import containing, part_patterns, phone_pattern
from services.orders.models import (
    PHONE_DIGITS_OF_CUSTOMER,
    Coupon,
    Customer,
    Market,
    Order,
    Payment,
    Product,
    Seller,
)
from services.orders.queries.visibility import in_own_markets, in_sight, visible_customers
from shared.access import seen, seen_row, visible
from shared.db import leave_unread
from shared.errors import NotFound, Refused
from shared.events.snapshots import RefundKind, ShipmentsSnapshot
from shared.messaging import copies

SHORTEST_SEARCH = 3  # of products: shorter texts are in nearly all of them

# Most orders have none of these.
_SELDOM = (Order.fees, Order.holds, Order.refunds, Order.returns, Order.cancellations)
_HAS_ANY = [part.any() for part in _SELDOM]


def order(session: Session, order_id: UUID) -> Order:
    """One order in full; raises NotFound, also for one the caller may not see."""
    rows = select(Order, *_HAS_ANY).where(Order.id == order_id)
    found: Order
    found, *has_any = seen_row(session, rows, "order", order_id, Order.seller_code, Order.market_code)
    leave_unread(found, _SELDOM, has_any)
    return found


def refuse_unseen(session: Session, order_id: UUID) -> None:
    """Raise NotFound unless the caller may see the order."""
    rows = select(Order.id).where(Order.id == order_id)
    seen(session, rows, "order", order_id, Order.seller_code, Order.market_code)


def link_serial(session: Session, order_id: UUID) -> int | None:
    """The current serial of an order's customer links, whoever asks; None if there is no such order."""
    return session.execute(select(Order.link_serial).where(Order.id == order_id)).scalar_one_or_none()


def released_shipments(session: Session, order_id: UUID) -> list[str]:
    """The numbers of an order's shipments that were released to the warehouse, as shipping last reported."""
    shipments = copies.newest(session, order_id, ShipmentsSnapshot)
    if shipments is None:
        return []
    return [
        shipment.number
        for shipment in shipments.shipments
        if shipment.released_at is not None and shipment.cancelled_at is None
    ]


def payments(session: Session, order_id: UUID) -> Sequence[Payment]:
    """Payments for an order, oldest first."""
    rows = select(Payment).where(Payment.order_id == order_id).order_by(Payment.recorded_at, Payment.id)
    return session.scalars(rows).all()


def transactions(session: Session, order: Order) -> list[dict[str, Any]]:
    """All transactions of an order, oldest first; the amount still due comes last."""
    money = [
        {
            "kind": "payment",
            "transaction_id": payment.id,
            "state": "recorded" if payment.voided_at is None else "voided",
            "method": payment.method,
            "amount_minor": payment.amount_minor,
            "reference": payment.reference,
            "by": payment.recorded_by,
            "at": payment.recorded_at,
        }
        for payment in payments(session, order.id)
    ]
    money += [
        {
            "kind": "chargeback" if refund.kind is RefundKind.CHARGEBACK else "refund",
            "transaction_id": refund.id,
            "state": refund.state,
            "method": refund.method,
            "amount_minor": refund.amount_minor,
            "reference": refund.reference,
            "by": refund.requested_by,
            "at": refund.requested_at,
        }
        for refund in order.refunds
    ]
    money.sort(key=lambda one: one["at"])
    awaited = {
        "kind": "payment",
        "transaction_id": None,
        "state": "pending",
        "method": order.payment_method,
        "amount_minor": order.balance.outstanding_minor,
        "reference": "",
        "by": None,
        "at": None,
    }
    return [*money, awaited] if awaited["amount_minor"] else money


def market(session: Session, code: str) -> Market:
    """One market; raises NotFound, also for one the caller may not see."""
    return seen(session, select(Market).where(Market.code == code), "market", code, None, Market.code)


def market_with_tax_table(session: Session, code: str) -> Market:
    """A market that has a tax table, with it; raises NotFound, also if it has none."""
    rows = select(Market).where(Market.code == code).options(undefer(Market.tax_table))
    found = seen(session, rows, "market", code, None, Market.code)
    if found.tax_table is None:
        raise NotFound("tax table", code)
    return found


def markets(session: Session, limit: int, after: str = "") -> Sequence[Market]:
    """Markets by code."""
    page = select(Market).where(Market.code > after).order_by(Market.code).limit(limit)
    return session.scalars(visible(session, page, market=Market.code)).all()


def seller(session: Session, code: str) -> Seller:
    """One seller; raises NotFound, also for one the caller may not see."""
    return seen(session, select(Seller).where(Seller.code == code), "seller", code, Seller.code)


def sellers(session: Session, limit: int, after: str = "") -> Sequence[Seller]:
    """Sellers by code."""
    page = select(Seller).where(Seller.code > after).order_by(Seller.code).limit(limit)
    return session.scalars(visible(session, page, Seller.code)).all()


def product(session: Session, seller_code: str, sku: str) -> Product:
    """One product with its prices in the markets that the caller may see; raises NotFound."""
    rows = select(Product).where(Product.seller_code == seller_code, Product.sku == sku)
    return seen(session, rows.options(in_own_markets(session)), "product", sku, Product.seller_code)


def products(
    session: Session, seller_code: str, limit: int, after: str = "", search: str | None = None
) -> Sequence[Product]:
    """A seller's products by SKU; raises NotFound for a seller the caller may not see.

    A search finds what is sold by its whole SKU or a part of its name or description; under three characters
    it finds nothing.
    """
    seller(session, seller_code)
    if search is not None and len(search) < SHORTEST_SEARCH:
        return []
    page = (
        select(Product)
        .where(Product.seller_code == seller_code, Product.sku > after)
        .order_by(Product.sku)
        .limit(limit)
        .options(in_own_markets(session))
    )
    if search is not None:
        whole = Product.sku.in_({search, search.upper(), search.lower()})
        parts = (Product.text_folded.like(part) for part in part_patterns(search))
        page = page.where(Product.active, or_(whole, *parts))
    return session.scalars(page).all()


def coupon(session: Session, seller_code: str, market_code: str, code: str) -> Coupon:
    """One coupon; raises NotFound, also for one the caller may not see."""
    rows = select(Coupon).where(
        Coupon.seller_code == seller_code, Coupon.market_code == market_code, Coupon.code == code
    )
    return seen(session, rows, "coupon", code, Coupon.seller_code, Coupon.market_code)


def coupons(
    session: Session, seller_code: str, market_code: str, limit: int, after: str = ""
) -> Sequence[Coupon]:
    """A seller's coupons in a market, by code; raises NotFound for what the caller may not see."""
    seller(session, seller_code)
    market(session, market_code)
    page = select(Coupon).where(
        Coupon.seller_code == seller_code, Coupon.market_code == market_code, Coupon.code > after
    )
    return session.scalars(page.order_by(Coupon.code).limit(limit)).all()


def customer(session: Session, customer_id: UUID) -> Customer:
    """One customer; raises NotFound, also for one the caller may not see."""
    rows = select(Customer).where(Customer.id == customer_id, *in_sight(session))
    return seen(session, rows, "customer", customer_id, Customer.seller_code)


def refuse_erased(session: Session, customer_id: UUID) -> None:
    """Raise Refused (person_erased) if the person has been erased."""
    customer = session.get_one(Customer, customer_id)
    if customer.erased_at is not None:
        raise Refused("person_erased", "this person has been erased")


def customers(
    session: Session,
    limit: int,
    before: UUID | None = None,
    search: str | None = None,
    seller_code: str | None = None,
) -> Sequence[Customer]:
    """Customers, newest first; optionally of one seller, or matching a name, e-mail or telephone."""
    page = (
        select(Customer).order_by(Customer.id.desc()).limit(limit).options(selectinload(Customer.addresses))
    )
    if before is not None:
        page = page.where(Customer.id < before)
    if seller_code is not None:
        page = page.where(Customer.seller_code == seller_code)
    if search is not None:
        found = [Customer.name_folded.like(part) for part in part_patterns(search)]
        if digits := phone_pattern(search):
            found.append(PHONE_DIGITS_OF_CUSTOMER.like(digits))
        page = page.where(or_(Customer.email.ilike(containing(search)), *found))
    return session.scalars(visible_customers(session, page)).all()
