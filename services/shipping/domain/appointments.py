"""Appointments are made in local time at the customer's."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from shared.errors import Invalid

LONGEST = timedelta(hours=24)


def window(starts: datetime, ends: datetime, time_zone: str, now: datetime) -> tuple[datetime, datetime]:
    """The start and end of an appointment as instants, from local times in a time zone.

    Raises Invalid for a time that those clocks skip (summer time begins), for one that is over, and for an
    end that isn't after its start or lies a day away from it.
    """
    starts_at, ends_at = _instant(starts, time_zone, "starts"), _instant(ends, time_zone, "ends")
    if starts_at <= now:
        raise Invalid(starts="is in the past")
    if not timedelta(0) < ends_at - starts_at <= LONGEST:
        raise Invalid(ends="must be after the start, and within a day of it")
    return starts_at, ends_at


def local(instant: datetime, time_zone: str) -> datetime:
    """The local time in a time zone."""
    return instant.astimezone(ZoneInfo(time_zone)).replace(tzinfo=None)


def _instant(shown: datetime, time_zone: str, field: str) -> datetime:
    if shown.tzinfo is not None:
        raise Invalid(**{field: f"must be in the market's own time ({time_zone}), without an offset"})
    # Of an hour that the clocks show twice, the first is meant.
    try:
        instant = shown.replace(tzinfo=ZoneInfo(time_zone)).astimezone(UTC)
    except OverflowError as error:
        raise Invalid(**{field: "is outside the range of valid times"}) from error
    if local(instant, time_zone) != shown:
        raise Invalid(**{field: f"does not exist: the clocks of {time_zone} skip it"})
    return instant
