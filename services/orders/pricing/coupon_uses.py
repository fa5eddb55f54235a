"""How often coupons have been used, where a limit asks for it."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from services.orders.domain.coupons import Uses
from services.orders.domain.search_words import WordKind, word_of
from services.orders.models import Coupon
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


def uses_of(
    session: Session,
    terms: Terms,
    codes: Iterable[str],
    customer_id: UUID | None,
    email: str,
    *,
    but_of: UUID | None = None,
    alone: bool = False,
) -> dict[str, Uses]:
    """How often each limited coupon among the codes was used, by orders other than `but_of`.

    Asks nothing where none is limited. Alone, nobody else uses these coupons until the transaction ends:
    whoever comes meanwhile waits, and then counts this use too.
    """
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
