"""Master data: carriers, couriers, goods and stock locations, created and changed."""

from collections.abc import Mapping
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.shipping import queries
from services.shipping.commands import stock
from services.shipping.models import Carrier, Courier, Goods, Location
from shared import clock, versions
from shared.access import EVERYTHING, actor_of, require_current, visible
from shared.errors import Invalid, NotFound, Refused
from shared.skus import unfit

M = TypeVar("M", Carrier, Courier, Goods)

# By whether the actor sees all sellers.
_WHOSE = {
    False: "must begin with {seller}. for a new location",
    True: "can only have a dot after the name of its seller",
}


def put_carrier(session: Session, code: str, **values: Any) -> tuple[Carrier, bool]:
    """Create or replace a carrier; returns whether it is new."""
    return _put(session, Carrier, {"code": code}, values)


def put_courier(session: Session, seller: str, code: str, **values: Any) -> tuple[Courier, bool]:
    """Create or replace a courier of a seller; returns whether it is new.

    Raises NotFound for a seller that the actor may not see.
    """
    if not actor_of(session).may_see_seller(seller):
        raise NotFound("seller", seller)
    return _put(session, Courier, {"seller": seller, "code": code}, values)


def put_goods(session: Session, seller: str, sku: str, **values: Any) -> tuple[Goods, bool]:
    """Create or replace the warehouse data of a seller's SKU; returns whether it is new.

    Raises NotFound for a seller that the actor may not see, Invalid for a new SKU outside the alphabet.
    """
    if not actor_of(session).may_see_seller(seller):
        raise NotFound("seller", seller)
    if (wrong := unfit(sku)) and session.get(Goods, (seller, sku)) is None:
        raise Invalid(sku=wrong)
    return _put(session, Goods, {"seller": seller, "sku": sku}, values)


def put_location(session: Session, code: str, *, seller: str, **fields: Any) -> tuple[Location, bool]:
    """Create or replace a location; returns whether it is new. Its seller is fixed, as stock has an owner.

    A new code with a dot is of the seller whose name stands before it, whoever makes it, and who is bound to
    sellers makes no other: so nobody's codes are in another's way, or found out. Raises NotFound where it
    would be another seller's, Invalid for a code that the actor may not take, Refused (seller_is_fixed) where
    it is to change hands.
    """
    actor = actor_of(session)
    if not actor.may_see_seller(seller):
        raise NotFound("seller", seller)
    owner, dot, _ = code.partition(".")
    is_everybodys = not dot and EVERYTHING in actor.sellers
    if not is_everybodys and not (dot and owner == seller):
        mine = visible(session, select(Location.code).where(Location.code == code), Location.seller)
        if session.scalar(mine) is None:
            raise Invalid(code=_WHOSE[EVERYTHING in actor.sellers].format(seller=seller))
    values = {**fields, "changed_at": clock.now()}
    owned = {**values, "seller": seller}
    location, is_new = versions.made_or_locked(session, Location, {"code": code}, owned)
    if is_new:
        return location, True
    if not actor.may_see_seller(location.seller):
        raise NotFound("location", code)
    require_current(session, location.version, code)
    if location.seller != seller:
        raise Refused("seller_is_fixed", f"{code} belongs to {location.seller}")
    versions.change(session, location, values, code)
    if waited_for := queries.skus_waited_for_at(session, code):
        stock.serve_waiting(session, waited_for)  # it may serve now what it did not before
    return location, False


def _put(
    session: Session, model: type[M], identity: Mapping[str, str], values: Mapping[str, Any]
) -> tuple[M, bool]:
    """Create or update a row; returns whether it is new. Raises Stale."""
    changed = {**values, "changed_at": clock.now()}
    row, is_new = versions.made_or_locked(session, model, identity, changed)
    if not is_new:
        versions.change(session, row, changed, *identity.values())
    return row, is_new
