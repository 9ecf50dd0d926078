"""Times as people write them on a command line."""

from datetime import datetime

from agent.errors import UsageError
from agent.language import say


def utc_ms(text: str | None) -> int | None:
    """RFC 3339 -> UTC milliseconds; None for None; UsageError with the mend."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(
            say(
                en=f"{text!r} is not a time; write 2026-11-22T08:00:00Z",
                fr=f"{text!r} n'est pas une date ; écrire 2026-11-22T08:00:00Z",
            )
        ) from error
    if moment.tzinfo is None:
        raise UsageError(
            say(
                en=f"{text!r} has no time zone; end it with Z for UTC",
                fr=f"{text!r} est sans fuseau ; terminer par Z pour UTC",
            )
        )
    return round(moment.timestamp() * 1000)
