"""What a caller may see."""

from sqlalchemy import ColumnElement, true
from sqlalchemy.orm import InstrumentedAttribute, Session

from services.shipping.models import Location, Shipment
from shared.access import EVERYTHING, Actor, actor_of


def in_sight(session: Session) -> list[ColumnElement[bool]]:
    """The conditions on a shipment's seller and market under which the caller may see it."""
    actor = actor_of(session)
    return [*within(Shipment.seller, actor.sellers), *within(Shipment.market, actor.markets)]


def within(column: InstrumentedAttribute[str], values: frozenset[str]) -> list[ColumnElement[bool]]:
    """The condition, if any, that limits a column to the values in a claim of the actor's token."""
    return [] if EVERYTHING in values else [column.in_(values)]


def all_within(column: InstrumentedAttribute[list[str]], values: frozenset[str]) -> list[ColumnElement[bool]]:
    """The condition, if any, that limits a list column to the values in a claim of the actor's token."""
    return [] if EVERYTHING in values else [column.contained_by(sorted(values))]


def visible_location(actor: Actor) -> ColumnElement[bool]:
    """The condition that limits locations to those that the actor may see."""
    if EVERYTHING in actor.sellers:
        return true()
    return Location.seller.in_({EVERYTHING, *actor.sellers})
