"""Saved views: saved, changed, shared, deleted. The caller owns the transaction; commands never commit.

An own view is its owner's alone. A shared one is the seller's and no longer its maker's: whoever may share
may change it, so that none is left without anybody when its maker goes.
"""

from itertools import chain
from typing import Any, cast
from uuid import UUID

from sqlalchemy import CursorResult, Select, delete, false, func, or_, select
from sqlalchemy.orm import Session

from services.orders.domain.saved_views import names_person, said_in, written
from services.orders.domain.search_words import WordKind, containing, word_of
from services.orders.models import SavedView, Seller
from services.orders.queries.saved_views import SHARED_VIEWS, own_views
from shared import clock
from shared.access import actor_of, require_current, seen
from shared.db import new_id
from shared.errors import Invalid, Refused
from shared.folding import folded

MOST_VIEWS = 50  # of a person, and of a seller


def save_view(session: Session, *, name: str, query: str) -> SavedView:
    """Save a list's query as a view of the actor's own; raises Refused (too_many_views, name_taken)."""
    actor = actor_of(session)
    view = SavedView(
        id=new_id(), version=0, owner=actor.name, owner_issuer=actor.issuer, created_by=actor.name
    )
    _lock_place(session, view)
    _refuse_full(session, view)
    _write(session, view, name=name, query=query)
    session.add(view)
    return view


def change_view(session: Session, view_id: UUID, **changes: str) -> SavedView:
    """Change the name or query of an own view; what is left out stays, even a filter no longer supported.

    Raises NotFound, Stale, Refused (name_taken).
    """
    return _changed(session, _locked_own(session, view_id), changes)


def change_shared_view(session: Session, view_id: UUID, **changes: str) -> SavedView:
    """Change a shared view's name or query, for everybody; raises NotFound, Stale, Refused (name_taken)."""
    return _changed(session, _locked_shared(session, view_id), changes)


def share_view(session: Session, view_id: UUID, *, seller: str) -> SavedView:
    """Share an own view with everyone who sees a seller's orders.

    Raises NotFound, Stale, Invalid for an unknown seller, Refused (too_many_views, name_taken).
    """
    view = _locked_own(session, view_id)
    if not actor_of(session).may_see_seller(seller) or session.get(Seller, seller) is None:
        raise Invalid(seller="there is no such seller")
    view.seller_code, view.owner, view.owner_issuer = seller, None, None
    with session.no_autoflush:
        _lock_place(session, view)
        _refuse_full(session, view)
        _write(session, view, name=view.name, query=view.query)
    return view


def delete_view(session: Session, view_id: UUID) -> None:
    """Delete an own view; raises NotFound, Stale."""
    session.delete(_locked_own(session, view_id))


def delete_shared_view(session: Session, view_id: UUID) -> None:
    """Delete a shared view for everybody; raises NotFound, Stale."""
    session.delete(_locked_shared(session, view_id))


def forget_views(session: Session, owner: str) -> int:
    """Delete all own views of somebody who has left, under any token issuer; returns how many."""
    gone = session.execute(delete(SavedView).where(SavedView.owner == owner))
    return cast(CursorResult[Any], gone).rowcount


def forget_named(session: Session, seller: str, *, called: str, email: str, phone: str) -> None:
    """Delete the views that name a person being erased: anybody's own, and those shared in the seller."""
    # Whatever names the person has one of these in it; names_person looks more closely.
    longest = [max(way, key=lambda word: min(map(len, word)), default=set()) for way in written(called)]
    parts = set(filter(None, (folded(email), word_of(WordKind.PHONE, phone), *chain(*longest))))
    likely = select(SavedView).where(
        or_(SavedView.seller_code.is_(None), SavedView.seller_code == seller),
        or_(false(), *(SavedView.said.like(containing(part)) for part in parts)),
    )
    for view in session.scalars(likely.order_by(SavedView.id).with_for_update()):
        if names_person(view.name, view.query, called=called, email=email, phone=phone):
            session.delete(view)


def _changed(session: Session, view: SavedView, changes: dict[str, str]) -> SavedView:
    wanted = {"name": view.name, "query": view.query} | changes
    if wanted != {"name": view.name, "query": view.query}:
        _lock_place(session, view)
        _write(session, view, **wanted)
    return view


def _write(session: Session, view: SavedView, *, name: str, query: str) -> None:
    view.version += 1
    view.name, view.name_folded, view.query = name, folded(name) or name, query
    view.said = said_in(name, query)
    view.updated_by, view.updated_at = actor_of(session).name, clock.now()
    same = select(SavedView.id).where(
        *_beside(view), SavedView.name_folded == view.name_folded, SavedView.id != view.id
    )
    with session.no_autoflush:
        if session.scalars(same).first() is not None:
            raise Refused("name_taken", f"there is a view called {name} already")


def _refuse_full(session: Session, view: SavedView) -> None:
    beside = select(func.count()).select_from(SavedView).where(*_beside(view))
    if session.scalars(beside).one() >= MOST_VIEWS:
        raise Refused("too_many_views", f"there are {MOST_VIEWS} already; delete one first")


def _beside(view: SavedView) -> list[Any]:
    """Views that must have different names: those of the same person or seller."""
    if view.seller_code is not None:
        return [SavedView.seller_code == view.seller_code]
    return [SavedView.owner == view.owner, SavedView.owner_issuer == view.owner_issuer]


def _lock_place(session: Session, view: SavedView) -> None:
    """Lock the person's or seller's views until the transaction ends, so that names stay unique."""
    place = f"views {view.seller_code or ''} {view.owner_issuer or ''} {view.owner or ''}"
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(place, 0))))


def _locked_own(session: Session, view_id: UUID) -> SavedView:
    return _locked(session, own_views(session).where(SavedView.id == view_id), view_id)


def _locked_shared(session: Session, view_id: UUID) -> SavedView:
    rows = SHARED_VIEWS.where(SavedView.id == view_id)
    return _locked(session, rows, view_id, SavedView.seller_code)


def _locked(session: Session, rows: Select[SavedView], view_id: UUID, *whose: Any) -> SavedView:
    view = seen(session, rows.with_for_update(), "view", view_id, *whose)
    require_current(session, view.version, view.id)
    return view
