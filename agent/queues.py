"""Bounded hand-overs between threads; each name says what happens when it is full.

- `LatestFrame` holds the few latest frames (a burst after a network's hiccup): a newer one replaces the oldest, and
  what was replaced is counted as dropped.
- `GopQueue` holds access units: when full it forgets what waits and skips to the next keyframe, so that what comes out
  always decodes.
"""

from collections import deque
from collections.abc import Callable
from threading import Condition
from typing import Protocol

from agent.units import AccessUnit, Frame


class LatestFrame:
    """`depth` places between the thread that captures and the one that masks and encodes."""

    def __init__(self, depth: int = 1) -> None:
        self._changed = Condition()
        self._frames: deque[Frame] = deque(maxlen=depth)
        self._closed = False
        self.dropped = 0

    def put(self, frame: Frame) -> None:
        """Never blocks; when no place is free the oldest frame is dropped."""
        with self._changed:
            if len(self._frames) == self._frames.maxlen:
                self.dropped += 1
            self._frames.append(frame)
            self._changed.notify()

    def get(self, timeout_s: float) -> Frame | None:
        """The oldest frame that waits, or None after `timeout_s` or once closed."""
        with self._changed:
            if not self._frames and not self._closed:
                self._changed.wait(timeout_s)
            return self._frames.popleft() if self._frames else None

    def close(self) -> None:
        """Wakes whoever waits."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()


class GopQueue:
    """Access units for one consumer, bounded in bytes as in units; every method may be called from any thread."""

    def __init__(
        self, limit_units: int, limit_bytes: int = 16 * 2**20, on_ready: Callable[[], None] = lambda: None
    ) -> None:
        self._changed = Condition()
        self._units: deque[AccessUnit] = deque()
        self._limit_units = limit_units
        self._limit_bytes = limit_bytes
        self._bytes = 0
        self._skipping = True  # nothing decodes before the first keyframe
        self._started = False
        self._closed = False
        self._on_ready = on_ready
        self.dropped = 0

    def put(self, unit: AccessUnit) -> None:
        """Never blocks. When full: what waits is dropped, and so is everything up to the next keyframe."""
        with self._changed:
            if self._closed:
                return
            if len(self._units) >= self._limit_units or self._bytes + len(unit.data) > self._limit_bytes:
                self.dropped += len(self._units)
                self._units.clear()
                self._bytes = 0
                self._skipping = True
            if self._skipping and not unit.keyframe:
                self.dropped += self._started
                return
            self._skipping = False
            self._started = True
            self._units.append(unit)
            self._bytes += len(unit.data)
            self._changed.notify()
        self._on_ready()

    def get(self, timeout_s: float = 0.0) -> AccessUnit | None:
        """The oldest unit, or None after `timeout_s` (at once by default) or when closed and empty."""
        with self._changed:
            if not self._units and not self._closed and timeout_s > 0:
                self._changed.wait(timeout_s)
            if not self._units:
                return None
            unit = self._units.popleft()
            self._bytes -= len(unit.data)
            return unit

    @property
    def closed(self) -> bool:
        """True once the producer has ended; what waits can still be fetched."""
        return self._closed

    def close(self) -> None:
        """No further units; wakes whoever waits."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._on_ready()


class UnitSource(Protocol):
    """One camera's encoded pictures in one rendition, as consumers (vault, live) see them."""

    def subscribe(self, queue: GopQueue, *, replay: bool) -> None:
        """Feeds `queue` from now on; with `replay` the current GOP comes first, all at once."""
        ...

    def unsubscribe(self, queue: GopQueue) -> None:
        """Stops feeding `queue`; unknown queues are ignored."""
        ...

    def request_keyframe(self) -> None:
        """Asks for a keyframe soon; the encoder limits how often that has an effect."""
        ...
