"""Periods and days, on calendars and clocks that have their ways."""

from datetime import UTC, date, datetime

import pytest

from services.orders.domain.periods import Period, days_of, instants_of, today_in

TODAY = date(2026, 3, 4)  # a Wednesday


def utc(*instant):
    return datetime(*instant, tzinfo=UTC)


@pytest.mark.requirement("S3-10")
@pytest.mark.parametrize(
    ("period", "first", "after"),
    [
        (Period.TODAY, date(2026, 3, 4), date(2026, 3, 5)),
        (Period.YESTERDAY, date(2026, 3, 3), date(2026, 3, 4)),
        (Period.LAST_7_DAYS, date(2026, 2, 26), date(2026, 3, 5)),
        (Period.LAST_30_DAYS, date(2026, 2, 3), date(2026, 3, 5)),
        (Period.THIS_WEEK, date(2026, 3, 2), date(2026, 3, 5)),
        (Period.LAST_WEEK, date(2026, 2, 23), date(2026, 3, 2)),
        (Period.THIS_MONTH, date(2026, 3, 1), date(2026, 3, 5)),
        (Period.LAST_MONTH, date(2026, 2, 1), date(2026, 3, 1)),
        (Period.THIS_YEAR, date(2026, 1, 1), date(2026, 3, 5)),
    ],
)
def test_a_period_is_whole_days(period, first, after):
    assert days_of(period, TODAY) == (first, after)


@pytest.mark.requirement("S3-10")
def test_last_month_in_january_is_december():
    assert days_of(Period.LAST_MONTH, date(2026, 1, 31)) == (date(2025, 12, 1), date(2026, 1, 1))


@pytest.mark.requirement("F-28")
@pytest.mark.parametrize(
    ("zone", "day", "begins", "ends"),
    [
        ("UTC", date(2026, 3, 1), utc(2026, 3, 1), utc(2026, 3, 2)),
        ("Europe/Madrid", date(2026, 3, 29), utc(2026, 3, 28, 23), utc(2026, 3, 29, 22)),
        ("Europe/Madrid", date(2026, 10, 25), utc(2026, 10, 24, 22), utc(2026, 10, 25, 23)),
        # Clocks went from 24:00 to 01:00: the day began at one.
        ("America/Sao_Paulo", date(2018, 11, 4), utc(2018, 11, 4, 3), utc(2018, 11, 5, 2)),
        # Clocks went from 24:00 back to 23:00: the day before had 25 hours.
        ("America/Sao_Paulo", date(2018, 2, 17), utc(2018, 2, 17, 2), utc(2018, 2, 18, 3)),
        # Clocks went from 01:00 back to 00:00: the day has two midnights and begins at the first.
        ("America/Havana", date(2026, 11, 1), utc(2026, 11, 1, 4), utc(2026, 11, 2, 5)),
    ],
)
def test_a_day_begins_and_ends_by_the_clocks_of_its_zone(zone, day, begins, ends):
    after = date.fromordinal(day.toordinal() + 1)

    assert instants_of((day, after), zone) == (begins, ends)


def test_a_missing_bound_stays_missing():
    assert instants_of((None, None), "Europe/Madrid") == (None, None)


def test_it_is_tomorrow_already_in_the_east():
    now = datetime(2026, 3, 4, 20, tzinfo=UTC)

    assert (today_in("Asia/Tokyo", now), today_in("America/Lima", now)) == (
        date(2026, 3, 5),
        date(2026, 3, 4),
    )
