"""How long to wait after a failure, and which database errors are temporary."""

import random
from dataclasses import dataclass

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError


@dataclass(frozen=True)
class Backoff:
    """Exponential backoff from a base to a cap, with 25 % jitter so that retries spread out."""

    base_seconds: float
    cap_seconds: float

    def seconds(self, attempts: int) -> float:
        """The wait after this many attempts."""
        wait = min(self.cap_seconds, self.base_seconds * 2.0 ** min(attempts - 1, 30))
        return wait * random.uniform(0.75, 1.25)  # noqa: S311 - chance, not secrecy


def is_databases_own(error: BaseException) -> bool:
    """Whether a database error is temporary: it is down or full, or another transaction is in the way."""
    return is_lost_connection(error) or isinstance(error, OperationalError)


def is_lost_connection(error: BaseException) -> bool:
    """Whether the connection to the database was lost, which says nothing about the work being done."""
    if isinstance(error, InterfaceError) or (isinstance(error, DBAPIError) and error.connection_invalidated):
        return True
    # There was none to be had: what the server itself says of a statement has a code.
    return isinstance(error, OperationalError) and getattr(error.orig, "sqlstate", None) is None
