"""Days in Paris end when the legal time says so, on machines with and without a time zone database."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from agent.paris import ahead_of_utc_s, day_of, end_of_day, shown, start_of_day


@pytest.mark.parametrize(
    ("day", "end"),
    [
        (date(2026, 1, 1), datetime(2026, 1, 1, 23, tzinfo=UTC)),
        (date(2026, 7, 14), datetime(2026, 7, 14, 22, tzinfo=UTC)),
        (date(2026, 3, 28), datetime(2026, 3, 28, 23, tzinfo=UTC)),  # the night in which summer time begins
        (date(2026, 3, 29), datetime(2026, 3, 29, 22, tzinfo=UTC)),  # a day of 23 hours
        (date(2026, 10, 24), datetime(2026, 10, 24, 22, tzinfo=UTC)),
        (date(2026, 10, 25), datetime(2026, 10, 25, 23, tzinfo=UTC)),  # a day of 25 hours
        (date(2026, 12, 31), datetime(2026, 12, 31, 23, tzinfo=UTC)),
    ],
)
def test_a_day_ends_at_midnight_of_winter_or_summer_time(day: date, end: datetime) -> None:
    assert end_of_day(day) == end.timestamp()


@pytest.mark.skipif(not Path("/usr/share/zoneinfo/Europe/Paris").exists(), reason="needs the system's tzdata")
def test_every_day_of_twenty_years_agrees_with_the_time_zone_database() -> None:
    paris = ZoneInfo("Europe/Paris")
    day = date(2020, 1, 1)
    while day.year < 2037:
        after = day + timedelta(days=1)
        assert end_of_day(day) == datetime(after.year, after.month, after.day, tzinfo=paris).timestamp(), day
        day = after


@pytest.mark.parametrize(
    ("utc", "hours"),
    [
        ("2026-03-29T00:59:59", 1),
        ("2026-03-29T01:00:00", 2),
        ("2026-10-25T00:59:59", 2),
        ("2026-10-25T01:00:00", 1),
        ("2026-12-31T23:59:59", 1),
    ],
)
def test_clocks_change_at_one_in_utc(utc: str, hours: int) -> None:
    assert ahead_of_utc_s(datetime.fromisoformat(f"{utc}+00:00").timestamp()) == 3600 * hours


@pytest.mark.parametrize(
    ("utc", "text"),
    [
        ("2026-11-26T23:30:00", "27/11/2026 00:30:00"),
        ("2026-07-14T22:00:00", "15/07/2026 00:00:00"),
        ("2026-10-24T23:59:59", "25/10/2026 01:59:59"),
        ("2026-10-25T00:00:00", "25/10/2026 02:00:00 (UTC+2)"),
        ("2026-10-25T00:59:59", "25/10/2026 02:59:59 (UTC+2)"),
        ("2026-10-25T01:00:00", "25/10/2026 02:00:00 (UTC+1)"),
        ("2026-10-25T01:59:59", "25/10/2026 02:59:59 (UTC+1)"),
        ("2026-10-25T02:00:00", "25/10/2026 03:00:00"),
        ("2026-03-29T01:00:00", "29/03/2026 03:00:00"),
    ],
)
def test_the_hour_that_comes_twice_says_which_it_is(utc: str, text: str) -> None:
    at_ms = round(datetime.fromisoformat(f"{utc}+00:00").timestamp() * 1000)
    assert shown(at_ms) == text
    assert day_of(at_ms) == f"{text[6:10]}-{text[3:5]}-{text[:2]}"


@pytest.mark.parametrize("day", [date(2026, 1, 1), date(2026, 3, 29), date(2026, 10, 25), date(2026, 12, 31)])
def test_a_day_goes_from_midnight_to_midnight(day: date) -> None:
    assert day_of(start_of_day(day) * 1000) == day_of(end_of_day(day) * 1000 - 1) == day.isoformat()
    assert shown(start_of_day(day) * 1000)[11:] == "00:00:00"
    assert start_of_day(day + timedelta(days=1)) == end_of_day(day)
