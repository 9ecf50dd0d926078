"""Rates: which frames are kept when a camera sends more than is encoded, and when a file's next frame is due.

Decides; asks no clock and sleeps nowhere.
"""

import random
from collections.abc import Iterator

from agent.units import TICKS_PER_SECOND


class Thinner:
    """Keeps at most `fps` frames a second, evenly; a camera that sends fewer loses none."""

    def __init__(self, fps: float) -> None:
        self._interval = TICKS_PER_SECOND / fps
        self._due: float | None = None

    def keeps(self, pts_90k: int) -> bool:
        """True when the frame at `pts_90k` is encoded; a quarter of an interval of jitter is forgiven."""
        if self._due is None or pts_90k - self._due > 2 * self._interval:
            self._due = float(pts_90k)
        if pts_90k < self._due - self._interval / 4:
            return False
        self._due += self._interval
        return True


class FilePace:
    """Plays a file at its own pace: how long to wait before each frame is delivered."""

    def __init__(self, fallback_fps: float) -> None:
        self._fallback = 1 / fallback_fps
        self._origin_s: float | None = None
        self._first: float | None = None
        self._last_stamp = 0.0

    def restart(self) -> None:
        """The file begins again: its first frame is due one interval after the last one."""
        self._first = None

    def wait_s(self, stamp_s: float | None, now_s: float) -> float:
        """Seconds until a frame stamped `stamp_s` is due; never more than a second, whatever the file says."""
        if self._origin_s is None:
            self._origin_s = now_s
        if self._first is None:
            if self._last_stamp:
                self._origin_s += self._last_stamp + self._fallback
            self._first = stamp_s or 0.0
            self._last_stamp = 0.0
        else:
            stamp = self._last_stamp + self._fallback if stamp_s is None else stamp_s - self._first
            self._last_stamp = min(max(stamp, self._last_stamp), self._last_stamp + 1.0)
        wait = self._origin_s + self._last_stamp - now_s
        if wait < -1.0:  # fell behind (a slow box): do not race to catch up
            self._origin_s -= wait
        return min(max(wait, 0.0), 1.0)


def backoff_s(least: float = 0.5, most: float = 15.0) -> Iterator[float]:
    """Waits between attempts, in seconds: doubling, each with jitter of half its size, without end."""
    wait = least
    while True:
        yield wait * random.uniform(0.5, 1.0)  # noqa: S311 - spreads 265 masts after a power cut; no secret
        wait = min(wait * 2, most)
