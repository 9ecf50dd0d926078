"""How fast the view last moved, and by how much a motor can have changed that unseen until the next picture. Pure.

    pace = Pace.after(before, step, seconds, error)      # before: None where nothing was known
    pace.hides(0.08)                                     # radians on each side of where its rate leads

Law: a head's speed changes by `ACCELERATION_DEG_S2` at most. A rate is the mean of its gap, so at its end the head may
be faster or slower by half of what the gap hides. After two gaps that kept the rate it is not: no head is told to move
and to come back, and back again, within so little. It set off at the very end, if at all: by so much as the rate
changed.
"""

import math
from dataclasses import dataclass, replace

from agent.ptz.agreement import Move
from agent.ptz.evidence import ACCELERATION_DEG_S2

UNEVEN_S = 0.005
"""By so much longer than stamps tell two pictures may lie apart."""


@dataclass(frozen=True, slots=True)
class Pace:
    """`rate`: a second; measured over `seconds`. `swerved`, `before`: radians by which the last two steps left it."""

    rate: Move
    seconds: float
    swerved: float
    before: float

    @classmethod
    def after(cls, last: "Pace | None", step: Move, seconds: float, error: float) -> "Pace":
        """With one more step, that took `seconds` and may be wrong by `error`."""
        rate = Move(step.yaw / seconds, step.pitch / seconds, step.roll / seconds, step.zoom / seconds)
        if last is None:
            return cls(rate, seconds, math.inf, math.inf)
        swerved = max(abs(step.yaw - last.rate.yaw * seconds), abs(step.pitch - last.rate.pitch * seconds))
        return cls(rate, seconds, swerved + error, last.swerved)

    def scaled(self, times: float) -> "Pace":
        """The same in angles of another field of view."""
        return replace(self, rate=self.rate.scaled(times), swerved=self.swerved * times, before=self.before * times)

    def after_s(self, placed: Move, seconds: float) -> Move:
        """Where the picture would be if nothing changed."""
        yaw, pitch, roll, zoom = self.rate
        return Move(
            placed.yaw + yaw * seconds,
            placed.pitch + pitch * seconds,
            placed.roll + roll * seconds,
            placed.zoom + zoom * seconds,
        )

    def hides(self, seconds: float) -> float:
        """Radians by which the head may be elsewhere than `after_s` so many seconds says, on each axis."""
        hard, gap_s = math.radians(ACCELERATION_DEG_S2), seconds + UNEVEN_S
        faster = min(hard * (self.seconds + UNEVEN_S) / 2, math.sqrt(2 * hard * max(self.swerved, self.before)))
        return faster * gap_s + hard * gap_s * gap_s / 2
