"""How an order's units are divided among its shipments when the quantities ordered change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

Quantities = Mapping[UUID, int]  # sales units by line


@dataclass(frozen=True, kw_only=True)
class Distribution:
    """What each shipment that can still be changed is to carry, and what is in none."""

    shipments: list[dict[UUID, int]]  # in the order given; one that carries nothing any more is empty
    unassigned: dict[UUID, int]  # taken out of shipments by hand; somebody assigns them again
    new: dict[UUID, int]  # wanted, and nowhere yet


def share_out(
    wanted: Quantities, fixed: Quantities, unassigned: Quantities, shipments: Sequence[Quantities]
) -> Distribution:
    """Divide the wanted quantities among shipments, changing as little as possible.

    `fixed` is in shipments that can't be changed any more. What is wanted no longer is taken from what is
    unassigned, then from the last shipment, then from those before it; what is wanted more goes into the
    first shipment that has the line, else into the first, else into a new one.
    """
    shares = [dict(shipment) for shipment in shipments]
    kept = dict(unassigned)
    new: dict[UUID, int] = {}
    for line_id in {*wanted, *kept, *(line for share in shares for line in share)}:
        free = max(0, wanted.get(line_id, 0) - fixed.get(line_id, 0))
        have = kept.get(line_id, 0) + sum(share.get(line_id, 0) for share in shares)
        for place in [kept, *reversed(shares)]:
            taken = min(place.get(line_id, 0), max(0, have - free))
            have -= taken
            if taken:
                place[line_id] -= taken
        if have < free:
            carrying = [share for share in shares if share.get(line_id)] or shares or [new]
            carrying[0][line_id] = carrying[0].get(line_id, 0) + free - have
    return Distribution(
        shipments=[_without_nothing(share) for share in shares],
        unassigned=_without_nothing(kept),
        new=_without_nothing(new),
    )


def _without_nothing(share: dict[UUID, int]) -> dict[UUID, int]:
    return {line_id: quantity for line_id, quantity in share.items() if quantity}
