"""What a coupon takes off, and when it is not valid."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import msgspec

from shared.money import BASIS_POINTS, round_half_up

# The code is good, only there was nothing left that it could have taken off. It is not used up by that.
NOTHING_LEFT = "coupon_nothing_left"


class CouponTerms(msgspec.Struct):
    """A coupon of one seller in one market: a percentage or an amount off the goods, free shipping, or both.

    Amounts are in minor units of the market's currency, as its tax mode counts them.
    """

    name: str
    active: bool
    percentage_basis_points: int | None
    amount_minor: int | None
    free_shipping: bool
    valid_from: datetime | None  # from this instant on, …
    valid_until: datetime | None  # … until just before this one
    minimum_minor: int | None  # what the goods cost at least, before discounts on the order
    most_uses: int | None  # by all customers together
    most_uses_per_customer: int | None

    @property
    def is_limited(self) -> bool:
        """Whether its uses have to be counted."""
        return self.most_uses is not None or self.most_uses_per_customer is not None

    def granted_minor(self, goods_minor: int, left_minor: int) -> int:
        """The discount on the goods; never more than other discounts have left."""
        if self.amount_minor is not None:
            return min(self.amount_minor, left_minor)
        return min(share_of(goods_minor, self.percentage_basis_points or 0), left_minor)


@dataclass(frozen=True, slots=True)
class Uses:
    """How many orders have used a coupon."""

    in_all: int = 0
    by_customer: int = 0


UNUSED = Uses()


def share_of(goods_minor: int, basis_points: int) -> int:
    """A percentage of the goods, in basis points, rounded half up."""
    return round_half_up(Decimal(goods_minor) * basis_points / BASIS_POINTS)


def why_not(coupon: CouponTerms | None, at: datetime, goods_minor: int, uses: Uses = UNUSED) -> str | None:
    """Why a coupon is not valid at an instant for goods of this amount, or None if it is."""
    if coupon is None or not coupon.active:
        return "coupon_unknown"
    stands_against = {
        "coupon_not_yet_valid": coupon.valid_from is not None and at < coupon.valid_from,
        "coupon_expired": coupon.valid_until is not None and at >= coupon.valid_until,
        "coupon_used_up": _reached(coupon.most_uses, uses.in_all),
        "coupon_used_by_customer": _reached(coupon.most_uses_per_customer, uses.by_customer),
        "coupon_below_minimum": goods_minor < (coupon.minimum_minor or 0),
    }
    return next((reason for reason, stands in stands_against.items() if stands), None)


def _reached(limit: int | None, uses: int) -> bool:
    return limit is not None and uses >= limit
