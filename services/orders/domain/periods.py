"""Days in a market's time zone, and the instants at which they begin and end."""

from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

Days = tuple[date | None, date | None]  # the first day, and the day after the last; None: no bound
Instants = tuple[datetime | None, datetime | None]  # from the first on, before the second


class Period(StrEnum):
    """Named periods of days."""

    TODAY = "today"
    YESTERDAY = "yesterday"
    LAST_7_DAYS = "last_7_days"  # today is one of them
    LAST_30_DAYS = "last_30_days"
    THIS_WEEK = "this_week"  # from Monday on
    LAST_WEEK = "last_week"
    THIS_MONTH = "this_month"
    LAST_MONTH = "last_month"
    THIS_YEAR = "this_year"


def days_of(period: Period, today: date) -> Days:
    """The days that a period covers today."""
    tomorrow = today + timedelta(days=1)
    monday = today - timedelta(days=today.weekday())
    first = today.replace(day=1)
    return {
        Period.TODAY: (today, tomorrow),
        Period.YESTERDAY: (today - timedelta(days=1), today),
        Period.LAST_7_DAYS: (tomorrow - timedelta(days=7), tomorrow),
        Period.LAST_30_DAYS: (tomorrow - timedelta(days=30), tomorrow),
        Period.THIS_WEEK: (monday, tomorrow),
        Period.LAST_WEEK: (monday - timedelta(days=7), monday),
        Period.THIS_MONTH: (first, tomorrow),
        Period.LAST_MONTH: ((first - timedelta(days=1)).replace(day=1), first),
        Period.THIS_YEAR: (first.replace(month=1), tomorrow),
    }[period]


def instants_of(days: Days, zone: str) -> Instants:
    """When the days begin and end in a time zone; a day has 23 to 25 hours where clocks change."""
    first, after = days
    return _midnight(first, zone), _midnight(after, zone)


def today_in(zone: str, now: datetime) -> date:
    """Today's date in a time zone."""
    return now.astimezone(ZoneInfo(zone)).date()


def _midnight(day: date | None, zone: str) -> datetime | None:
    """The first instant of a day: the later side if clocks skip midnight, the first if there are two."""
    if day is None:
        return None
    return datetime.combine(day, time.min, ZoneInfo(zone)).astimezone(UTC)
