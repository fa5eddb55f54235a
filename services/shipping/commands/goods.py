"""What the warehouse knows of goods."""

from datetime import date

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.shipping.models import Goods
from shared import clock
from shared.access import actor_of
from shared.db import locked, require_current
from shared.errors import NotFound


def put_goods(
    session: Session,
    seller: str,
    sku: str,
    *,
    barcode: str,
    specifications: dict[str, str],
    weight_grams: int,
    available_on: date | None,
) -> tuple[Goods, bool]:
    """Say what a seller's SKU is like and from when it may leave; answers whether it is new.

    Raises NotFound for a seller that the actor may not see.
    """
    if not actor_of(session).may_see_seller(seller):
        raise NotFound("seller", seller)
    values = {
        "barcode": barcode,
        "specifications": specifications,
        "weight_grams": weight_grams,
        "available_on": available_on,
        "changed_at": clock.now(),
    }
    made = insert(Goods).values(seller=seller, sku=sku, version=1, **values).on_conflict_do_nothing()
    is_new = session.execute(made.returning(Goods.sku)).first() is not None
    goods = locked(session, Goods, (seller, sku))
    if not is_new:
        require_current(session, goods.version)
        for field, value in values.items():
            setattr(goods, field, value)
        goods.version += 1
    return goods, is_new
