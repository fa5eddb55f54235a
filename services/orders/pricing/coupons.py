"""What a customer's coupons take off an order, and how often those with a limit have been used."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from services.orders.domain.coupons import NOTHING_LEFT, UNUSED, Uses, why_not
from services.orders.domain.search_words import WordKind, word_of
from services.orders.models import Coupon, DeliveryGroup
from services.orders.pricing.contents import DiscountInput, OrderContents
from services.orders.pricing.terms import Terms

# A customer is known by id or by e-mail: who orders as a guest is a new customer each time. Two questions
# of an index each, where one with an "or" would walk all uses of the code.
_COUNT = text("""
    select wanted.code,
           case when wanted.in_all then (
               select count(*) from coupon_uses as used
               where used.seller_code = :seller and used.market_code = :market and used.code = wanted.code
                 and used.order_id is distinct from :but_of
           ) else 0 end as in_all,
           case when wanted.by_customer then (
               select count(*) from (
                   select used.order_id from coupon_uses as used
                   where used.seller_code = :seller and used.market_code = :market
                     and used.code = wanted.code and used.customer_id = :customer_id
                   union
                   select used.order_id from coupon_uses as used
                   where used.seller_code = :seller and used.market_code = :market
                     and used.code = wanted.code and used.email = :email and used.email <> ''
               ) as theirs
               where theirs.order_id is distinct from :but_of
           ) else 0 end as by_customer
    from unnest(cast(:codes as text[]), cast(:in_all as bool[]), cast(:by_customer as bool[]))
         as wanted (code, in_all, by_customer)
""")


@dataclass(frozen=True, slots=True)
class Redemption:
    """A coupon code, and the result of redeeming it."""

    code: str
    name: str
    amount_minor: int  # off the goods
    refusal: str | None  # why it takes nothing off: domain.coupons.why_not, or NOTHING_LEFT
    share_basis_points: int | None = None
    free_shipping: bool = False  # whatever it costs, now or after an edit
    shipping_minor: int = 0  # what that comes to
    minimum_minor: int | None = None  # what the goods must cost for it

    @property
    def discount(self) -> DiscountInput:
        """The coupon as an ordinary discount."""
        return {
            "name": self.name,
            "amount_minor": self.amount_minor,
            "share_basis_points": self.share_basis_points,
        }


def redeem(
    session: Session,
    terms: Terms,
    contents: OrderContents,
    groups: Sequence[DeliveryGroup],
    at: datetime,
    *,
    customer_id: UUID | None,
    email: str,
    but_of: UUID | None = None,
    alone: bool = False,
) -> list[Redemption]:
    """What each of the contents' codes takes off at an instant, in order.

    A share is one of the goods before other discounts; together nothing takes off more than the goods cost.
    Uses by the order `but_of` count for nothing. Alone, nobody else uses a limited coupon among them until
    the transaction ends: whoever comes meanwhile waits, and then counts this use too.
    """
    codes = contents.get("coupons", ())
    if not codes:
        return []
    uses = _uses(session, terms, codes, customer_id, email, but_of=but_of, alone=alone)
    goods = sum(map(terms.line_total, contents.get("lines", ())))
    left = max(0, goods - sum(discount["amount_minor"] for discount in contents.get("discounts", ())))
    shipping = sum(group.shipping_minor for group in groups)
    redeemed = []
    for code in codes:
        coupon = terms.coupons.get(code)
        refusal = why_not(coupon, at, goods, uses.get(code, UNUSED))
        if coupon is None or refusal:
            minimum = coupon.minimum_minor if coupon else None
            name = coupon.name if coupon else code
            redeemed.append(Redemption(code, name, 0, refusal, minimum_minor=minimum))
            continue
        amount = coupon.granted_minor(goods, left)
        waived = shipping if coupon.free_shipping else 0
        left, shipping = left - amount, shipping - waived
        given = bool(amount or waived)
        redeemed.append(
            Redemption(
                code=code,
                name=coupon.name,
                amount_minor=amount,
                refusal=None if given else NOTHING_LEFT,
                share_basis_points=coupon.percentage_basis_points,
                free_shipping=given and coupon.free_shipping,
                shipping_minor=waived,
                minimum_minor=coupon.minimum_minor,
            )
        )
    return redeemed


def refused_codes(redeemed: Sequence[Redemption]) -> dict[str, str]:
    """The codes that took nothing off, each with the reason."""
    return {one.code: one.refusal for one in redeemed if one.refusal}


def doubtful_codes(redeemed: Sequence[Redemption]) -> list[str]:
    """The codes that are not valid: to be verified, unlike a valid one with nothing left to take off."""
    return [code for code, refusal in refused_codes(redeemed).items() if refusal != NOTHING_LEFT]


def free_shipping_by(redeemed: Sequence[Redemption]) -> str | None:
    """The name of the coupon that makes shipping free."""
    return next((one.name for one in redeemed if one.free_shipping), None)


def waive_shipping(groups: Sequence[DeliveryGroup], free_shipping: str | None) -> None:
    """Waive the shipping charges if a coupon makes shipping free; the waived amount is kept."""
    for group in groups:
        group.waived_minor = group.shipping_minor if free_shipping else 0


def _uses(
    session: Session,
    terms: Terms,
    codes: Iterable[str],
    customer_id: UUID | None,
    email: str,
    *,
    but_of: UUID | None,
    alone: bool,
) -> dict[str, Uses]:
    """How often each limited coupon among the codes was used; asks nothing where none is limited."""
    limited = {
        code: coupon
        for code in sorted(set(codes))
        if (coupon := terms.coupons.get(code)) is not None and coupon.is_limited
    }
    if not limited:
        return {}
    seller, market = terms.seller.code, terms.market.code
    if alone:
        rows = select(Coupon.code).where(
            Coupon.seller_code == seller, Coupon.market_code == market, Coupon.code.in_(limited)
        )
        # In one order everywhere, so that two with the same two codes wait for each other.
        session.execute(rows.order_by(Coupon.code).with_for_update(key_share=True))
    counted = session.execute(
        _COUNT,
        {
            "seller": seller,
            "market": market,
            "customer_id": customer_id,
            "email": word_of(WordKind.EMAIL, email),
            "but_of": but_of,
            "codes": list(limited),
            "in_all": [coupon.most_uses is not None for coupon in limited.values()],
            "by_customer": [coupon.most_uses_per_customer is not None for coupon in limited.values()],
        },
    )
    return {code: Uses(in_all=in_all, by_customer=mine) for code, in_all, mine in counted}
