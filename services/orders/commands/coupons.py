"""Coupon uses: which order has used which coupon, until the order comes to nothing.

A coupon's limits are counted from these rows alone, so none can be lost or counted twice. The caller owns
the transaction.
"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import delete, insert, update
from sqlalchemy.orm import Session

from services.orders.domain.search_words import WordKind, word_of
from services.orders.models import CouponUse, Order
from services.orders.pricing.costs import Redemption


def use_rows(order: Order, redeemed: Iterable[Redemption]) -> list[dict[str, Any]]:
    """The coupon uses of an order being placed, as rows: of every coupon granted, limited or not."""
    return [
        {
            "seller_code": order.seller_code,
            "market_code": order.market_code,
            "code": redemption.code,
            "order_id": order.id,
            "customer_id": order.customer_id,
            "email": word_of(WordKind.EMAIL, order.customer_email),
        }
        for redemption in redeemed
        if redemption.refusal is None
    ]


def put_uses(session: Session, order: Order, redeemed: Iterable[Redemption]) -> None:
    """Record which coupons an edited order uses now; earlier uses are given back."""
    give_back_uses(session, order)
    if rows := use_rows(order, redeemed):
        session.execute(insert(CouponUse), rows)


def give_back_uses(session: Session, order: Order) -> None:
    """Give back an order's coupon uses, so that they no longer count against the limits."""
    if order.coupons:
        session.execute(delete(CouponUse).where(CouponUse.order_id == order.id))


def rename_user(session: Session, order: Order) -> None:
    """Move an order's coupon uses to its new e-mail address."""
    if order.coupons:
        email = word_of(WordKind.EMAIL, order.customer_email)
        session.execute(update(CouponUse).where(CouponUse.order_id == order.id).values(email=email))
