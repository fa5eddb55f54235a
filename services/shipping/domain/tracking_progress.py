"""The progress of a parcel: the statuses that carriers report, and which of two is the later."""

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
    """A carrier's report about a parcel, and when it was true."""

    status: TrackingStatus
    at: datetime


def newest(scans: Iterable[Scan]) -> Scan:
    """The scan that says where a parcel is now, regardless of the order in which scans arrive, or repeats."""
    return max(scans, key=_place)


def _place(scan: Scan) -> tuple[int, datetime, str]:
    return (_PHASES.get(scan.status, _ON_THE_WAY), scan.at, scan.status)
