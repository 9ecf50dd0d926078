"""Times and days as people write them on a command line; a day is the one in Paris."""

from datetime import date, datetime

from agent.errors import UsageError
from agent.language import say
from agent.paris import end_of_day, start_of_day


def utc_ms(text: str | None, *, last: bool = False) -> int | None:
    """RFC 3339, or a day -> UTC milliseconds; None for None; UsageError with the mend. `last`: a day's end is meant."""
    if text is None:
        return None
    try:
        if len(text) == len("2026-11-22"):
            day = date.fromisoformat(text)
            return (end_of_day(day) if last else start_of_day(day)) * 1000
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError) as error:
        raise UsageError(
            say(
                en=f"{text!r} is no day and no time; write 2026-11-22, or 2026-11-22T08:00:00Z",
                fr=f"{text!r} n'est ni un jour ni une heure ; écrire 2026-11-22, ou 2026-11-22T08:00:00Z",
            )
        ) from error
    if moment.tzinfo is None:
        raise UsageError(
            say(
                en=f"{text!r} has no time zone; end it with Z for UTC",
                fr=f"{text!r} est une heure sans fuseau ; terminer par Z pour UTC",
            )
        )
    return round(moment.timestamp() * 1000)
