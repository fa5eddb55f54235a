"""When a webhook is retried, when its receiver is paused, and when its owner is notified."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from http import HTTPStatus

ALL = "*"  # types, sellers, markets

# After the first try, which is at once: 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, then every 12 h.
_WAITS = tuple(timedelta(seconds=wait) for wait in (5, 300, 1800, 7200, 18000, 36000, 43200))
PATIENCE = timedelta(days=3)
JITTER = 0.1  # later by as much as this part of the wait, so that a herd spreads
DEATHS = 5  # of the process that was sending it; then it is given up
SUSPICIOUS_DEATHS = 2  # from then on it is sent with no other like it

# A receiver that fails so often in a row is left alone for a minute, then two, … and an hour at most.
FAILURES_BEFORE_REST = 20
_FIRST_REST = timedelta(minutes=1)
LONGEST_REST = timedelta(hours=1)
TOLD_AFTER = timedelta(hours=1)  # of failing without one success
OFF_AFTER = timedelta(days=5)
LONGEST_RETRY_AFTER = timedelta(hours=12)

_SLOW_DOWN = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}


class WebhookState(StrEnum):
    """Whether events are sent to an endpoint."""

    ACTIVE = "active"
    DISABLED = "disabled"  # by its owner
    FAILED = "failed"  # by us, after five days without a success
    GONE = "gone"  # it answered 410


class DeliveryState(StrEnum):
    """The status of an event's delivery to one endpoint."""

    WAITING = "waiting"  # to be sent, for the first time or again
    TAKEN = "taken"  # answered 2xx
    FAILED = "failed"  # given up; can be sent again by hand


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The result of one attempt."""

    at: datetime
    milliseconds: int
    status: int | None = None  # None: no answer
    text: str = ""  # the answer's beginning
    error: str = ""  # why there is no answer, or none that counts
    retry_after: str = ""  # the header

    @property
    def is_taken(self) -> bool:
        """Whether the receiver accepted it."""
        return self.status is not None and HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES

    @property
    def is_gone(self) -> bool:
        """Whether the receiver is permanently gone."""
        return self.status == HTTPStatus.GONE

    @property
    def pause(self) -> timedelta | None:
        """How long the receiver asks us to wait; None if it doesn't."""
        if self.status not in _SLOW_DOWN or not self.retry_after:
            return None
        try:
            if self.retry_after.isascii() and self.retry_after.isdigit():
                wait = timedelta(seconds=min(int(self.retry_after), LONGEST_RETRY_AFTER.total_seconds()))
            else:
                wait = parsedate_to_datetime(self.retry_after) - self.at
        except (ValueError, TypeError, OverflowError):
            return None
        return min(max(wait, timedelta()), LONGEST_RETRY_AFTER)


def next_try(failures: int, since: datetime, answer: Answer) -> datetime | None:
    """When to retry after this many failures; None if that is over three days after it fell due."""
    wait = _WAITS[min(failures, len(_WAITS)) - 1]
    wait *= 1 + random.uniform(0, JITTER)  # noqa: S311 - chance, not secrecy
    at = answer.at + max(wait, answer.pause or timedelta())
    return at if at <= since + PATIENCE else None


def rest_after(failures: int) -> timedelta | None:
    """How long to pause a receiver after this many failures in a row; None for no pause."""
    over = failures - FAILURES_BEFORE_REST
    return None if over < 0 else min(_FIRST_REST * 2 ** min(over, 10), LONGEST_REST)
