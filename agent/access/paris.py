"""What time it is in Paris, and when a day ends there, without a time zone database (a slim box may carry none).

Law: habilitations are dated by the day, and a day is the legal one in mainland France: UTC+1, and UTC+2 from the last
Sunday of March 01:00 UTC to the last Sunday of October 01:00 UTC (directive 2000/84/CE).

>>> end_of_day(date(2026, 7, 14))    # 2026-07-14T22:00:00Z
1784066400
"""

from calendar import monthrange, timegm
from datetime import UTC, date, datetime

HOUR_S = 3600
DAY_S = 24 * HOUR_S
SUNDAY = 6


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
