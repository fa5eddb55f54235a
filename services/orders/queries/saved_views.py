"""Saved views: one's own, and those that are shared in sellers one may see."""

from collections.abc import Sequence

from sqlalchemy import Select, select, tuple_
from sqlalchemy.orm import Session

from services.orders.models import SavedView
from shared.access import actor_of, visible

SHARED_VIEWS = select(SavedView).where(SavedView.seller_code.is_not(None))


def own_views(session: Session) -> Select[SavedView]:
    """The actor's own views; of two people whom two issuers call the same, each has theirs."""
    actor = actor_of(session)
    return select(SavedView).where(SavedView.owner == actor.name, SavedView.owner_issuer == actor.issuer)


def all_own(session: Session) -> Sequence[SavedView]:
    """The actor's own views in the order in which they were made; commands see to it that they are few."""
    return session.scalars(own_views(session).order_by(SavedView.id)).all()


def shared(session: Session, limit: int, after: tuple[str, str] | None = None) -> Sequence[SavedView]:
    """Views that are shared in the actor's sellers, by seller and name, from behind a place on."""
    place = tuple_(SavedView.seller_code, SavedView.name_folded)
    rows = visible(session, SHARED_VIEWS, SavedView.seller_code)
    if after is not None:
        rows = rows.where(place > after)
    return session.scalars(rows.order_by(SavedView.seller_code, SavedView.name_folded).limit(limit)).all()
