"""One camera's encoded pictures as the sealing thread takes them: in order, and counted where they are lost."""

from agent.events import Emit, UnitsDropped
from agent.queues import GopQueue, UnitSource
from agent.units import AccessUnit

QUEUE_UNITS = 600
"""How long the disk may stand still before pictures are lost: 24 s at 25 a second, if 16 MiB hold them."""


class Intake:
    """A subscribed GopQueue. One thread takes; `close` may be called from any."""

    def __init__(self, camera: str, source: UnitSource, emit: Emit) -> None:
        self._camera = camera
        self._source = source
        self._emit = emit
        self._queue = GopQueue(QUEUE_UNITS)
        self._back: AccessUnit | None = None
        self._emptied = False
        self._seen = 0
        self._refused = 0
        self._told = 0
        source.subscribe(self._queue, replay=False)
        source.request_keyframe()

    @property
    def dropped(self) -> int:
        """Units that were encoded and not recorded."""
        return self._queue.dropped + self._refused

    @property
    def ended(self) -> bool:
        """True once closed and found empty after that."""
        return self._emptied and self._back is None

    def take(self, timeout_s: float) -> AccessUnit | None:
        """The next unit, or None after `timeout_s`, at once when closed and empty."""
        if self._back is not None:
            returned, self._back = self._back, None
            return returned
        closed = self._queue.closed  # asked first: what was put before the end is still taken
        unit = self._queue.get(timeout_s)
        self._emptied = closed and unit is None
        if unit is not None and self._queue.dropped > self._seen:
            self._seen = self._queue.dropped
            self.tell()
        return unit

    def give_back(self, unit: AccessUnit) -> None:
        """`unit` is the next one again."""
        self._back = unit

    def refuse(self, count: int) -> None:
        """`count` units were taken and are not recorded."""
        self._refused += count

    def tell(self) -> None:
        """Emits how many were dropped since the last time, if any."""
        count, self._told = self.dropped - self._told, self.dropped
        if count:
            self._emit(UnitsDropped(self._camera, "vault", count))

    def ask_for_keyframe(self) -> None:
        """Soon, if the encoder can."""
        self._source.request_keyframe()

    def close(self) -> None:
        """No further units; what waits can still be taken."""
        self._source.unsubscribe(self._queue)
        self._queue.close()
