"""When a viewer gets which access unit, and with which RTP timestamp. Pure: units and `now` in, a stamp out.

Laws
- Timestamps grow strictly, whatever the camera's do: a new connection (`epoch`), a step back or a leap of the media
  clock continue with the time that really passed.
- The current GOP that a viewer is given on arrival lies 1 ms apart just before the present, so that the burst is shown
  at once and leaves no delay behind; after it the spacing is the camera's own.
- A viewer never lags: a unit that waited longer than `MAX_LAG_NS` is dropped, and so is all up to the next keyframe.

>>> playout = Playout(joined=now)
>>> playout.stamp(unit, now)     # ticks of 90 kHz, or None: do not send this one
"""

from agent.clock import Instant
from agent.units import TICKS_PER_SECOND, AccessUnit

MAX_LAG_NS = 1_000_000_000
REPLAY_STEP = TICKS_PER_SECOND // 1000
LEAP = 2 * TICKS_PER_SECOND
"""The media clock and the monotonic clock may differ so much from one unit to the next; beyond, the latter counts."""


class Playout:
    """One viewer's time line, from the moment `joined`."""

    def __init__(self, joined: Instant) -> None:
        self._joined = joined
        self._last: AccessUnit | None = None
        self._stamp = TICKS_PER_SECOND
        self._skipping = False
        self.dropped = 0

    def replayed(self, unit: AccessUnit) -> bool:
        """True for a unit of the GOP that was under way when the viewer came."""
        return unit.taken < self._joined

    def stamp(self, unit: AccessUnit, now: Instant) -> int | None:
        """The unit's timestamp in ticks of 90 kHz, or None when it comes too late to be shown."""
        if unit.keyframe:
            self._skipping = False
        elif now - max(unit.taken, self._joined) > MAX_LAG_NS:
            self._skipping = True
        if self._skipping:
            self.dropped += 1
            return None
        if self._last is not None:
            self._stamp += REPLAY_STEP if self.replayed(unit) else self._step(self._last, unit)
        self._last = unit
        return self._stamp

    @staticmethod
    def _step(last: AccessUnit, unit: AccessUnit) -> int:
        """Ticks from one sent unit to the next, at least one."""
        media = unit.pts_90k - last.pts_90k
        passed = (unit.taken - last.taken) * TICKS_PER_SECOND // 10**9
        if unit.epoch != last.epoch or media <= 0 or abs(media - passed) > LEAP:
            return max(1, passed)
        return media
