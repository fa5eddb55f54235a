"""Inspection of returned goods: only sellable units go back to stock."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from shared.errors import Invalid


class ReturnStatus(StrEnum):
    """The status of a return, as shipping sees it."""

    EXPECTED = "expected"  # approved; nothing has come
    RECEIVED = "received"  # came and was inspected, once for all
    CLOSED = "closed"  # nothing will come any more


class Condition(StrEnum):
    """The condition of a returned unit."""

    SELLABLE = "sellable"  # as new: goes back to stock
    USED = "used"
    DAMAGED = "damaged"


@dataclass(frozen=True, kw_only=True)
class Found:
    """A number of sales units of a line in the same condition."""

    line_id: UUID
    condition: Condition
    quantity: int


def inspected(expected: Mapping[UUID, int], found: Iterable[Found]) -> dict[tuple[UUID, Condition], int]:
    """Sales units by line and condition; repeated findings are added up.

    Raises Invalid naming the finding: of a line that isn't expected, or of more than is expected of it.
    """
    left = dict(expected)
    sums: dict[tuple[UUID, Condition], int] = {}
    for place, one in enumerate(found):
        if one.line_id not in left:
            raise Invalid(**{f"found.{place}.line_id": "is not expected"})
        left[one.line_id] -= one.quantity
        if left[one.line_id] < 0:
            expectation = expected[one.line_id]
            raise Invalid(**{f"found.{place}.quantity": f"is more than expected: {expectation}"})
        key = one.line_id, one.condition
        sums[key] = sums.get(key, 0) + one.quantity
    return sums
