"""What an actor may see."""

from sqlalchemy import ColumnElement, true
from sqlalchemy.orm import InstrumentedAttribute

from services.shipping.models import Location, Shipment
from shared.access import EVERYTHING, Actor


def visible(actor: Actor) -> list[ColumnElement[bool]]:
    """The conditions that keep a list of shipments to those that the actor may see."""
    return [*within(Shipment.seller, actor.sellers), *within(Shipment.market, actor.markets)]


def within(column: InstrumentedAttribute[str], values: frozenset[str]) -> list[ColumnElement[bool]]:
    """The condition, if any, that keeps a column to the values that an actor's claim names."""
    return [] if EVERYTHING in values else [column.in_(values)]


def all_within(column: InstrumentedAttribute[list[str]], values: frozenset[str]) -> list[ColumnElement[bool]]:
    """The condition, if any, that keeps a list of values to those that an actor's claim names."""
    return [] if EVERYTHING in values else [column.contained_by(sorted(values))]


def visible_location(actor: Actor) -> ColumnElement[bool]:
    """The condition that keeps a list of locations to those that the actor may see."""
    if EVERYTHING in actor.sellers:
        return true()
    return Location.seller.in_({EVERYTHING, *actor.sellers})
