"""Camera timestamps -> one media clock that never goes back. Decides; asks no clock.

The media clock runs beside the monotonic clock: a frame's place is its predecessor's plus what the camera's own
timestamps say, drawn gently towards its arrival so that a camera's clock may drift for years. Timestamps that are
absent, jump or go back are replaced by the arrival.

>>> timeline = Timeline()
>>> timeline.place(None, Instant(1_000_000_000)).pts_90k
90000
"""

from dataclasses import dataclass

from agent.clock import Instant
from agent.units import TICKS_PER_SECOND

MOST_EARLY = TICKS_PER_SECOND // 2
"""How far the camera's clock may run ahead of arrival: half a second, above what a network's jitter makes."""
MOST_LATE = 10 * TICKS_PER_SECOND
"""How far it may lag: a backlog that arrives in a burst after a network's hiccup is late and yet right."""
DRAW = 1 / 128
"""Share of the deviation that each frame takes back ..."""
MOST_DRAWN = TICKS_PER_SECOND // 10
"""... of which a tenth of a second counts: drift is slow, and a backlog is no drift."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A frame's place on the media clock; `jumped` when the camera's timestamps broke here."""

    pts_90k: int
    jumped: bool


class Timeline:
    """One camera's media clock; it outlives connections."""

    def __init__(self) -> None:
        self._last: int | None = None
        self._camera: float | None = None
        self._anchored: float = 0.0

    def restart(self) -> None:
        """A new connection: the camera's timestamps begin anew."""
        self._camera = None

    def place(self, stamp_s: float | None, taken: Instant) -> Placed:
        """The place of a frame that arrived at `taken` with the camera's timestamp `stamp_s` (seconds, or None)."""
        arrival = taken * TICKS_PER_SECOND / 1e9
        wanted, jumped = arrival, False
        if stamp_s is not None and self._camera is not None:
            expected = self._anchored + (stamp_s - self._camera) * TICKS_PER_SECOND
            backward = stamp_s <= self._camera
            if backward or not -MOST_LATE <= expected - arrival <= MOST_EARLY:
                jumped = True
            else:
                wanted = expected + min(max(arrival - expected, -MOST_DRAWN), MOST_DRAWN) * DRAW
        self._camera = stamp_s
        self._anchored = wanted
        place = round(wanted)
        if self._last is not None and place <= self._last:
            place = self._last + 1
            self._anchored = float(place)
        self._last = place
        return Placed(place, jumped)
