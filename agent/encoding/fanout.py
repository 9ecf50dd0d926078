"""One rendition's access units to all its consumers: each has its own bounded `GopQueue`, nobody waits for anybody."""

from collections.abc import Callable
from threading import Lock

from agent.queues import GopQueue
from agent.units import AccessUnit

GOP_LIMIT = 150
"""Units kept for those who join: more than any GOP of two seconds has."""


class Fanout:
    """Implements `agent.queues.UnitSource` for one rendition."""

    def __init__(self, wish_keyframe: Callable[[], None]) -> None:
        self._lock = Lock()
        self._queues: list[GopQueue] = []
        self._gop: list[AccessUnit] = []
        self._wish_keyframe = wish_keyframe

    def subscribe(self, queue: GopQueue, *, replay: bool) -> None:
        """Feeds `queue` from now on; with `replay` the current GOP comes first, all at once."""
        with self._lock:
            if replay:
                for unit in self._gop:
                    queue.put(unit)
            self._queues.append(queue)

    def unsubscribe(self, queue: GopQueue) -> None:
        """Stops feeding `queue`; unknown queues are ignored."""
        with self._lock:
            if queue in self._queues:
                self._queues.remove(queue)

    def request_keyframe(self) -> None:
        """Asks for a keyframe soon; no more than two a second come of it."""
        self._wish_keyframe()

    @property
    def watched(self) -> bool:
        """True while anybody consumes."""
        return bool(self._queues)

    def forget(self) -> None:
        """Drops the current GOP: after a break it no longer leads to what comes."""
        with self._lock:
            self._gop.clear()

    def publish(self, unit: AccessUnit) -> None:
        """Hands `unit` to every consumer; never blocks."""
        with self._lock:
            if unit.keyframe:
                self._gop = [unit]
            elif self._gop and len(self._gop) < GOP_LIMIT:
                self._gop.append(unit)
            for queue in self._queues:
                queue.put(unit)
