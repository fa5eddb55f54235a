"""What an actor may see."""

from sqlalchemy import ColumnElement, true
from sqlalchemy.orm import InstrumentedAttribute

from services.shipping.models import Location, Shipment
from shared.access import EVERYTHING, Actor


def visible(actor: Actor) -> list[ColumnElement[bool]]:
    """The conditions that keep a list of shipments to those that the actor may see."""
    return [*_within(Shipment.seller, actor.sellers), *_within(Shipment.market, actor.markets)]


def _within(column: InstrumentedAttribute[str], values: frozenset[str]) -> list[ColumnElement[bool]]:
    return [] if EVERYTHING in values else [column.in_(values)]


def visible_location(actor: Actor) -> ColumnElement[bool]:
    """The condition that keeps a list of locations to those that the actor may see."""
    if EVERYTHING in actor.sellers:
        return true()
    return Location.seller.in_({EVERYTHING, *actor.sellers})


def sees_location(actor: Actor, place: Location) -> bool:
    """Whether the actor may see a location: its own sellers' and everybody's."""
    return place.seller == EVERYTHING or actor.may_see_seller(place.seller)
