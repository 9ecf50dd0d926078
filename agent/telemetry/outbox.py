"""What waits for the broker: events in order, and the newest truth of each retained topic. Bounded; any thread may add.

- Events: at most `limit`; when full the oldest is dropped and counted. One leaves only when the broker has acknowledged
  it, so a lost connection repeats events and loses none.
- Retained topics: latest wins; there are as many as topics, however long the broker is away.
"""

from collections import deque
from itertools import islice
from threading import Lock

from agent.telemetry.values import OutboxFacts, Publication

EVENT_LIMIT = 10_000


class Outbox:
    """Filled from any thread, emptied by the one task that talks to the broker."""

    def __init__(self, limit: int = EVENT_LIMIT) -> None:
        self._lock = Lock()
        self._events: deque[tuple[int, Publication]] = deque()
        self._limit = limit
        self._added = 0
        self._dropped = 0
        self._truth: dict[str, Publication] = {}
        self._told: set[str] = set()

    def add(self, event: Publication) -> None:
        """Queues an event; never blocks."""
        with self._lock:
            if len(self._events) >= self._limit:
                self._events.popleft()
                self._dropped += 1
            self._added += 1
            self._events.append((self._added, event))

    def first(self, count: int) -> tuple[tuple[int, Publication], ...]:
        """The oldest events with their numbers, at most `count`; they stay until `done`."""
        with self._lock:
            return tuple(islice(self._events, count))

    def done(self, number: int) -> None:
        """The broker has every event up to `number`."""
        with self._lock:
            while self._events and self._events[0][0] <= number:
                self._events.popleft()

    def set(self, truth: Publication) -> None:
        """What is true of a retained topic from now on."""
        with self._lock:
            self._truth[truth.topic] = truth
            self._told.discard(truth.topic)

    def untold(self) -> Publication | None:
        """A retained message that the broker does not have yet; it counts as told from here on."""
        with self._lock:
            for topic, truth in self._truth.items():
                if topic not in self._told:
                    self._told.add(topic)
                    return truth
        return None

    def tell_all_again(self) -> None:
        """A new connection: the broker may have forgotten everything."""
        with self._lock:
            self._told.clear()

    def facts(self) -> OutboxFacts:
        """How much waits and how much was lost."""
        with self._lock:
            return OutboxFacts(len(self._events), self._dropped)
