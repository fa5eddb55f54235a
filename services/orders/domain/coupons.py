"""What a coupon grants, and when it grants nothing."""

from datetime import datetime
from decimal import Decimal

import msgspec

from shared.money import BASIS_POINTS, round_half_up


class CouponTerms(msgspec.Struct):
    """A coupon of one seller in one market: a share of the goods, or an amount in the market's currency."""

    name: str
    active: bool
    percentage_basis_points: int | None
    amount_minor: int | None
    valid_from: datetime | None  # from this instant on, …
    valid_until: datetime | None  # … until just before this one

    def granted_minor(self, goods_minor: int, left_minor: int) -> int:
        """What is taken off the goods; never more than other discounts have left of them."""
        if self.amount_minor is not None:
            return min(self.amount_minor, left_minor)
        return min(share_of(goods_minor, self.percentage_basis_points or 0), left_minor)


def share_of(goods_minor: int, basis_points: int) -> int:
    """So much of the goods, rounded half up."""
    return round_half_up(Decimal(goods_minor) * basis_points / BASIS_POINTS)


def why_not(coupon: CouponTerms | None, at: datetime) -> str | None:
    """What stands against a coupon at an instant, or None: then it is valid."""
    if coupon is None or not coupon.active:
        return "coupon_unknown"
    if coupon.valid_from is not None and at < coupon.valid_from:
        return "coupon_not_yet_valid"
    if coupon.valid_until is not None and at >= coupon.valid_until:
        return "coupon_expired"
    return None
