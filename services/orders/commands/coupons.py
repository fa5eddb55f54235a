"""What the codes that a customer gave take off an order."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.orders.commands.costs import line_total
from services.orders.commands.terms import Terms
from services.orders.commands.wanted import GrantedDiscount, WantedLine
from services.orders.domain.coupons import why_not


@dataclass(frozen=True, slots=True)
class Redemption:
    """A code, and what came of it."""

    code: str
    name: str
    amount_minor: int
    refusal: str | None  # coupon_unknown, coupon_not_yet_valid, coupon_expired

    @property
    def discount(self) -> GrantedDiscount:
        """What it takes off, as any discount."""
        return {"name": self.name, "amount_minor": self.amount_minor}


def redeem(
    terms: Terms,
    codes: Sequence[str],
    lines: Sequence[WantedLine],
    discounts: Sequence[GrantedDiscount],
    at: datetime,
) -> list[Redemption]:
    """What each code grants at an instant, in their order.

    A share is one of the goods before other discounts; together nothing takes off more than the goods cost.
    """
    if not codes:
        return []
    goods = sum(line_total(terms, line) for line in lines)
    left = max(0, goods - sum(discount["amount_minor"] for discount in discounts))
    redeemed = []
    for code in codes:
        coupon = terms.coupons.get(code)
        refusal = why_not(coupon, at)
        amount = coupon.granted_minor(goods, left) if coupon and not refusal else 0
        left -= amount
        redeemed.append(Redemption(code, coupon.name if coupon else code, amount, refusal))
    return redeemed
