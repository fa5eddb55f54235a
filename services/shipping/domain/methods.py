"""How a shipment reaches its customer, by the code of its method."""

from enum import StrEnum


class MethodKind(StrEnum):
    """What a method comes down to for the warehouse."""

    DELIVERY = "delivery"  # a carrier or courier takes it to an address
    PICKUP = "pickup"  # the customer fetches it with a code
    HAND_OVER = "hand_over"  # given over in person
    DOWNLOAD = "download"  # nothing to pack
    SERVICE = "service"  # somebody comes and does it; signed for


AT_A_POINT = frozenset({MethodKind.PICKUP, MethodKind.HAND_OVER})  # where customer and goods meet
NEEDS_NO_PACKING = frozenset({MethodKind.DOWNLOAD, MethodKind.SERVICE})


def kind_of(method: str) -> MethodKind:
    """The kind that a market's code begins with, as in pickup_city or service-installation; else delivery."""
    for kind in MethodKind:
        if method == kind or method.startswith((f"{kind}_", f"{kind}-")):
            return kind
    return MethodKind.DELIVERY
