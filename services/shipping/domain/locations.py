"""Kinds of location."""

from enum import StrEnum


class LocationKind(StrEnum):
    """What a location is, besides a place with stock."""

    WAREHOUSE = "warehouse"
    DISTRIBUTION_CENTRE = "distribution_centre"
    STORE = "store"  # customers come here too
