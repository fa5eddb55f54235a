"""How far a parcel is: the carriers' words, and which of two of them is the newer."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from shared.events.snapshots import TrackingStatus

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
