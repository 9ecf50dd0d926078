"""How often refusals are entered: a stranger who knocks a million times fills neither disk nor register.

    sparing = strangers()
    held_back = sparing.let(clock.instant())        # None: not now; it is counted
    why += unentered(held_back)                     # how many were not, stands in the next one that is

Any thread may ask.
"""

import threading

from agent.clock import Instant


def unentered(count: int) -> str:
    """What a refusal's reason ends with where so many before it came too often to be entered."""
    return f"; {count} more since the last were not entered" if count else ""


class Sparing:
    """So many at once and one more each `every_s`; what comes above is counted and not let through."""

    def __init__(self, at_once: int, every_s: float) -> None:
        self._room = float(at_once)
        self._at_once, self._every_s = at_once, every_s
        self._last: Instant | None = None
        self._held_back = 0
        self._turn = threading.Lock()

    def let(self, now: Instant) -> int | None:
        """None: not now. Otherwise how many were held back since the last one that was let through."""
        with self._turn:
            if self._last is not None:
                self._room = min(self._at_once, self._room + (now - self._last) / 1e9 / self._every_s)
            self._last = now
            if self._room < 1:
                self._held_back += 1
                return None
            self._room -= 1
            held_back, self._held_back = self._held_back, 0
            return held_back

    def take_back(self, count: int) -> None:
        """What was let through could not be entered: so many more stand in the next one."""
        with self._turn:
            self._held_back += count

    @property
    def wait_s(self) -> float:
        """After what time one more is let through."""
        return max(0.0, (1 - self._room) * self._every_s)


def strangers() -> Sparing:
    """For those who show nothing that an authority has signed."""
    return Sparing(at_once=20, every_s=60)


def known() -> Sparing:
    """For those whom an authority vouches for."""
    return Sparing(at_once=60, every_s=5)
