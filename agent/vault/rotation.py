"""Which recipients a segment is sealed for: those in force at the time in its name. Decides, and touches nothing.

Laws
- A segment's name tells whom it is sealed for: named before the date, the old recipients alone; at or after it, the new
  ones alone. Never both, and never nobody. What is sealed is never sealed anew.
- Names of a camera never go back, so neither does a rotation: not when the clock is set back, not after a restart.
- Time that nobody has confirmed (unsynchronised) counts here as it does for grants. A clock that is behind therefore
  prolongs the old recipients by as much, one ahead hastens the new ones: whoever opens is named in the configuration
  either way, and no footage is lost. To seal for both while in doubt would open every segment of a mast without a time
  service to next year's holders; to wait for a confirmed time would never retire the old ones there.

>>> recipients_at(schedule(settings), name_ms)
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from agent.config import Vault as Settings
from agent.paris import end_of_day


@dataclass(frozen=True, slots=True)
class Period:
    """From `from_ms` (UTC) until the next one begins."""

    from_ms: int
    recipients: tuple[str, ...]


def schedule(settings: Settings) -> tuple[Period, ...]:
    """The configured recipients, and each rotation from the midnight in Paris that begins its day."""
    return (
        Period(0, settings.recipients),
        *(Period(end_of_day(one.from_ - timedelta(days=1)) * 1000, one.recipients) for one in settings.rotation),
    )


def recipients_at(periods: Sequence[Period], utc_ms: int) -> tuple[str, ...]:
    """Who can open a segment named for `utc_ms`."""
    return periods[bisect_right([one.from_ms for one in periods], utc_ms) - 1].recipients
