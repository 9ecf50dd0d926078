"""When is the next picture a keyframe? Decides; asks no clock.

Two voices: the GOP's length, and consumers (the vault at a segment's end, viewers), who share two wishes a second.
"""

from threading import Lock

from agent.encoding.settings import GOP_SECONDS, KEYFRAME_SPACING_S
from agent.units import TICKS_PER_SECOND


class KeyframePolicy:
    """Collects wishes from any thread; the encoding thread asks once a picture."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._wished = False
        self._last: int | None = None

    def wish(self) -> None:
        """A consumer wants a keyframe soon."""
        with self._lock:
            self._wished = True

    def decide(self, pts_90k: int, interval_90k: float) -> bool:
        """True when the picture at `pts_90k` must be a keyframe; `interval_90k` is the time between pictures."""
        with self._lock:
            if self._last is None:
                return True
            since = pts_90k - self._last
            if self._wished and since >= KEYFRAME_SPACING_S * TICKS_PER_SECOND - interval_90k / 2:
                return True
            return since >= GOP_SECONDS * TICKS_PER_SECOND - interval_90k / 2

    def came(self, pts_90k: int) -> None:
        """A keyframe came out of the encoder."""
        with self._lock:
            self._last = pts_90k
            self._wished = False

    def reset(self) -> None:
        """A new encoder: its first picture is a keyframe."""
        with self._lock:
            self._last = None
