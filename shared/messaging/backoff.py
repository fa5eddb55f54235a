"""How long to wait after a failure, and which failures are nobody's fault."""

import random
from dataclasses import dataclass

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError


@dataclass(frozen=True)
class Backoff:
    """Waits that double from a base to a cap, each with a jitter of a quarter, so that a herd spreads."""

    base_seconds: float
    cap_seconds: float

    def seconds(self, attempts: int) -> float:
        """The wait after so many attempts."""
        wait = min(self.cap_seconds, self.base_seconds * 2.0 ** min(attempts - 1, 30))
        return wait * random.uniform(0.75, 1.25)  # noqa: S311 - chance, not secrecy


def is_databases_own(error: BaseException) -> bool:
    """Whether the database could not do it just now, whatever it was asked: away, full, others in the way."""
    return is_lost_connection(error) or isinstance(error, OperationalError)


def is_lost_connection(error: BaseException) -> bool:
    """Whether the database went away, which says nothing about the work that was tried."""
    return isinstance(error, InterfaceError) or (
        isinstance(error, DBAPIError) and error.connection_invalidated
    )
