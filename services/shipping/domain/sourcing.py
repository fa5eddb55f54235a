"""Which locations serve a shipment: as few as possible, and the highest-ranked of those."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, islice
from uuid import UUID

# The exact search tries so many sets of locations; where there are more, what the greedy one finds must do.
TRIES = 20_000

Available = Mapping[tuple[str, str], int]  # stock-keeping units, by SKU and location
Placement = dict[str, dict[UUID, int]]  # sales units of each line, by the location that serves them


@dataclass(frozen=True, kw_only=True)
class SourcingLine:
    """A line to be sourced; each sales unit has to come whole from one location."""

    line_id: UUID
    sku: str
    quantity: int  # sales units
    coefficient: int  # stock-keeping units in one


def demand_of(lines: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Stock-keeping units needed of each SKU, ordered by SKU.

    Summed first: two lines of one SKU, each of which is covered alone, may not be covered together.
    """
    wanted: Counter[str] = Counter()
    for sku, units in lines:
        wanted[sku] += units
    return dict(sorted(wanted.items()))


def place(
    lines: Sequence[SourcingLine], available: Available, locations: Sequence[str], *, most: int | None = None
) -> Placement | None:
    """Which location each line's units come from; None unless all of them are available.

    The fewest locations are taken, and of as few the first, as they are ranked; no more than `most`.
    Exactly enough is enough.
    """
    useful = [
        location
        for location in locations
        if any(available.get((line.sku, location), 0) >= line.coefficient for line in lines)
    ]
    if not _may_suffice(lines, available, useful, len(useful)):
        return None
    largest = len(useful) if most is None else min(most, len(useful))
    tries = 0
    for size in range(1, largest + 1):
        if not _may_suffice(lines, available, useful, size):
            continue
        for chosen in islice(combinations(useful, size), TRIES - tries):
            tries += 1
            if found := _fill(lines, available, chosen):
                return found
        if tries == TRIES:
            chosen_greedily = _greedily(lines, available, useful)
            return _fill(lines, available, chosen_greedily) if len(chosen_greedily) <= largest else None
    return None


def _may_suffice(
    lines: Sequence[SourcingLine], available: Available, locations: Sequence[str], size: int
) -> bool:
    """Whether this many locations could have enough, looking at each SKU separately."""
    for sku, units in demand_of((line.sku, line.quantity * line.coefficient) for line in lines).items():
        richest = sorted((available.get((sku, location), 0) for location in locations), reverse=True)
        if sum(richest[:size]) < units:
            return False
    return True


def _fill(lines: Sequence[SourcingLine], available: Available, locations: Sequence[str]) -> Placement | None:
    """Take what each location in turn has; the largest sales units first, as they are hardest to fit."""
    left = {line.line_id: line.quantity for line in lines}
    placement: Placement = {}
    for location in locations:
        free = {line.sku: available.get((line.sku, location), 0) for line in lines}
        for line in sorted(lines, key=lambda line: -line.coefficient):
            if taken := min(left[line.line_id], free[line.sku] // line.coefficient):
                left[line.line_id] -= taken
                free[line.sku] -= taken * line.coefficient
                placement.setdefault(location, {})[line.line_id] = taken
    return None if any(left.values()) else placement


def _greedily(lines: Sequence[SourcingLine], available: Available, locations: Sequence[str]) -> list[str]:
    """Locations chosen greedily: each serves most of what is left, in whole sales units."""
    left = demand_of((line.sku, line.quantity * line.coefficient) for line in lines)
    largest = {sku: max(line.coefficient for line in lines if line.sku == sku) for sku in left}

    def serves(location: str) -> dict[str, int]:
        return {
            sku: min(units, available.get((sku, location), 0) // largest[sku] * largest[sku])
            for sku, units in left.items()
        }

    chosen: list[str] = []
    while any(left.values()) and len(chosen) < len(locations):
        best = max(
            (location for location in locations if location not in chosen),
            key=lambda location: sum(serves(location).values()),
        )
        chosen.append(best)
        left = {sku: left[sku] - units for sku, units in serves(best).items()}
    return chosen
