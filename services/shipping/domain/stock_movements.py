"""The effect of each kind of stock movement on a level."""

from enum import StrEnum


class MovementKind(StrEnum):
    """Why a level changed."""

    RECEIVED = "received"  # goods arrived
    RESERVED = "reserved"  # promised to a shipment
    RELEASED = "released"  # no longer promised
    PICKED = "picked"  # taken from the shelf for its shipment, or put back there
    SHIPPED = "shipped"  # left with the shipment that they were promised to
    RETURNED = "returned"  # came back from a customer or carrier
    SCRAPPED = "scrapped"  # not to be sold any more
    ADJUSTED = "adjusted"  # somebody counted, and it was more or less


# What one unit of the movement adds to what is on hand, to what of it is reserved, to what of that is picked.
EFFECTS = {
    MovementKind.RECEIVED: (1, 0, 0),
    MovementKind.RESERVED: (0, 1, 0),
    MovementKind.RELEASED: (0, -1, 0),
    MovementKind.PICKED: (0, 0, 1),
    MovementKind.SHIPPED: (-1, -1, -1),
    MovementKind.RETURNED: (1, 0, 0),
    MovementKind.SCRAPPED: (-1, 0, 0),
    MovementKind.ADJUSTED: (1, 0, 0),
}
