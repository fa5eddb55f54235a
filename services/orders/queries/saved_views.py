"""Saved views: the actor's own, and those shared in sellers that the actor may see."""

from collections.abc import Sequence

from sqlalchemy import Select, select, tuple_
from sqlalchemy.orm import Session

from services.orders.models import SavedView
from shared.access import actor_of, visible

SHARED_VIEWS = select(SavedView).where(SavedView.seller_code.is_not(None))


def own_views(session: Session) -> Select[SavedView]:
    """The actor's own views; two people with the same name at different issuers each have their own."""
    actor = actor_of(session)
    return select(SavedView).where(SavedView.owner == actor.name, SavedView.owner_issuer == actor.issuer)


def all_own(session: Session) -> Sequence[SavedView]:
    """The actor's own views, oldest first; commands keep their number small."""
    return session.scalars(own_views(session).order_by(SavedView.id)).all()


def shared(session: Session, limit: int, after: tuple[str, str] | None = None) -> Sequence[SavedView]:
    """Views shared in the actor's sellers, by seller and name, from a position on."""
    place = tuple_(SavedView.seller_code, SavedView.name_folded)
    rows = visible(session, SHARED_VIEWS, SavedView.seller_code)
    if after is not None:
        rows = rows.where(place > after)
    return session.scalars(rows.order_by(SavedView.seller_code, SavedView.name_folded).limit(limit)).all()
