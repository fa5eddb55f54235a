"""How far a parcel is: the carriers' words, and which of two of them is the newer."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class TrackingStatus(StrEnum):
    """Where a parcel is; each carrier's own words are brought down to these before they are told here."""

    ANNOUNCED = "announced"  # the carrier knows of it and has not got it yet
    COLLECTED = "collected"  # the carrier has it
    IN_TRANSIT = "in_transit"
    OUT_FOR_DELIVERY = "out_for_delivery"
    ATTEMPTED = "attempted"  # nobody took it; the carrier tries again
    UNDELIVERABLE = "undeliverable"  # the carrier gave up
    RETURNING = "returning"  # on its way back to its sender
    DELIVERED = "delivered"
    RETURNED = "returned"  # back where it came from


T = TrackingStatus

# Within a phase the later word holds; a later phase holds whatever the clocks say.
_PHASES = {T.ANNOUNCED: 0, T.COLLECTED: 1, T.DELIVERED: 3, T.RETURNED: 3}
_ON_THE_WAY = 2

WITH_CARRIER = frozenset(T) - {T.ANNOUNCED}


@dataclass(frozen=True, kw_only=True)
class Scan:
    """What a carrier said of a parcel, and when that was so."""

    status: TrackingStatus
    at: datetime


def newest(scans: Iterable[Scan]) -> Scan:
    """The scan that says where a parcel is now: the same in whatever order they came, however often."""
    return max(scans, key=_place)


def _place(scan: Scan) -> tuple[int, datetime, str]:
    return (_PHASES.get(scan.status, _ON_THE_WAY), scan.at, scan.status)
