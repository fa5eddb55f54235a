"""The only place that reads the clock."""

from datetime import UTC, datetime


def now() -> datetime:
    """The current time, time-zone aware, in UTC."""
    return datetime.now(UTC)
