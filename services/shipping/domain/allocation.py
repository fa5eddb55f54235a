"""Which location serves a shipment."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence


def demand_of(lines: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Stock-keeping units wanted of each SKU, in the SKUs' order.

    Summed first: two lines of one SKU, each of which is covered alone, may not be covered together.
    """
    wanted: Counter[str] = Counter()
    for sku, units in lines:
        wanted[sku] += units
    return dict(sorted(wanted.items()))


def choose_location(
    demand: Mapping[str, int], available: Mapping[tuple[str, str], int], locations: Sequence[str]
) -> str | None:
    """The first location, as they are ranked, that has every unit of the demand; None if there is none.

    `available` is by SKU and location. Exactly enough is enough.
    """
    for location in locations:
        if all(available.get((sku, location), 0) >= units for sku, units in demand.items()):
            return location
    return None
