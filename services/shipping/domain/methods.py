"""How a shipment reaches its customer, from its method's code."""

from shared.events.snapshots import MethodKind

AT_A_POINT = frozenset({MethodKind.PICKUP, MethodKind.HAND_OVER})  # where customer and goods meet
NEEDS_NO_PACKING = frozenset({MethodKind.DOWNLOAD, MethodKind.SERVICE})


def kind_of(method: str) -> MethodKind:
    """The kind that a method code begins with, as in pickup_city or service-installation; else delivery."""
    for kind in MethodKind:
        if method == kind or method.startswith((f"{kind}_", f"{kind}-")):
            return kind
    return MethodKind.DELIVERY
