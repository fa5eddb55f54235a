"""What each kind of movement does to the level of a SKU at a location."""

from enum import StrEnum


class MovementKind(StrEnum):
    """Why a level changed."""

    RECEIVED = "received"  # goods arrived
    RESERVED = "reserved"  # promised to a shipment
    RELEASED = "released"  # no longer promised
    SHIPPED = "shipped"  # left with the shipment that they were promised to
    ADJUSTED = "adjusted"  # somebody counted, and it was more or less


# What one unit of the movement adds to what is on hand and to what of it is reserved.
EFFECTS = {
    MovementKind.RECEIVED: (1, 0),
    MovementKind.RESERVED: (0, 1),
    MovementKind.RELEASED: (0, -1),
    MovementKind.SHIPPED: (-1, -1),
    MovementKind.ADJUSTED: (1, 0),
}
