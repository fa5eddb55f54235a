"""What the warehouse knows of goods."""

from typing import Any

from sqlalchemy.orm import Session

from services.shipping.commands import masters
from services.shipping.models import Goods
from shared.access import actor_of
from shared.errors import Invalid, NotFound
from shared.skus import unfit


def put_goods(session: Session, seller: str, sku: str, **values: Any) -> tuple[Goods, bool]:
    """Say what a seller's SKU is like and from when it may leave; answers whether it is new.

    Raises NotFound for a seller that the actor may not see, Invalid for a new SKU outside the alphabet.
    """
    if not actor_of(session).may_see_seller(seller):
        raise NotFound("seller", seller)
    if (wrong := unfit(sku)) and session.get(Goods, (seller, sku)) is None:
        raise Invalid(sku=wrong)
    return masters.put(session, Goods, {"seller": seller, "sku": sku}, values)
