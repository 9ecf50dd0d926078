"""What time it is in Paris, and when a day begins and ends there, without a time zone database (not every box has one).

Law: habilitations and the register's periods are dated by the day, and a day is the legal one in mainland France:
UTC+1, and UTC+2 from the last Sunday of March 01:00 UTC to the last Sunday of October 01:00 UTC (directive 2000/84/CE).

>>> end_of_day(date(2026, 7, 14))    # 2026-07-14T22:00:00Z
1784066400
"""

from calendar import monthrange, timegm
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

from agent.clock import rfc3339
from agent.language import say

HOUR_S = 3600
DAY_S = 24 * HOUR_S
SUNDAY = 6


@lru_cache(256)
def _change(year: int, month: int) -> int:
    last = monthrange(year, month)[1]
    sunday = last - (date(year, month, last).weekday() - SUNDAY) % 7
    return timegm((year, month, sunday, 1, 0, 0))


def ahead_of_utc_s(unix_s: float) -> int:
    """By how many seconds the clocks of Paris are ahead of UTC at that moment."""
    year = datetime.fromtimestamp(unix_s, UTC).year
    return HOUR_S * (2 if _change(year, 3) <= unix_s < _change(year, 10) else 1)


def end_of_day(day: date) -> int:
    """Unix seconds of the midnight that ends `day` in Paris."""
    midnight_cet = timegm((day.year, day.month, day.day, 0, 0, 0)) + DAY_S - HOUR_S
    return midnight_cet + HOUR_S - ahead_of_utc_s(midnight_cet)


def start_of_day(day: date) -> int:
    """Unix seconds of the midnight that begins `day` in Paris; OverflowError before year 2."""
    return end_of_day(day - timedelta(days=1))


def clock(utc_ms: int) -> datetime:
    """What a clock in Paris shows then, without a zone."""
    unix_s = utc_ms // 1000
    return datetime.fromtimestamp(unix_s + ahead_of_utc_s(unix_s), UTC).replace(tzinfo=None)


@lru_cache(1 << 12)
def _day_of_hour(unix_h: int) -> str:
    return f"{clock(unix_h * HOUR_S * 1000):%Y-%m-%d}"


def day_of(utc_ms: int) -> str:
    """`2026-11-26`, the day there. Clocks change on the whole hour of UTC, so all of one lies in one day."""
    return _day_of_hour(utc_ms // (HOUR_S * 1000))


def shown(utc_ms: int) -> str:
    """`26/11/2026 03:56:49`; the hour that comes twice in October says which it is.

    >>> shown(1792891800_000), shown(1792895400_000)
    ('25/10/2026 02:30:00 (UTC+2)', '25/10/2026 02:30:00 (UTC+1)')
    """
    unix_s = utc_ms // 1000
    text = f"{clock(utc_ms):%d/%m/%Y %H:%M:%S}"
    from_change_s = unix_s - _change(datetime.fromtimestamp(unix_s, UTC).year, 10)
    if -HOUR_S <= from_change_s < HOUR_S:
        text += " (UTC+2)" if from_change_s < 0 else " (UTC+1)"
    return text


def told(utc_ms: int) -> str:
    """As it stands in a document, and as a French clock shows it."""
    return f"{rfc3339(utc_ms)} ({shown(utc_ms)} {say(en='in Paris', fr='heure de Paris')})"
