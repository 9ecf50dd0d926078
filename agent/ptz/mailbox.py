"""One place for the next command to a head, and one for a stop, which overtakes it.

A newer command takes the place of one that still waits: whoever sent that is told `overtaken`. A stop throws out what
waits and goes first; what is posted after it goes after it.
"""

import threading
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Literal

from agent.clock import Instant
from agent.ptz.pilot import Command, Halt

Outcome = Literal["done", "overtaken"]


@dataclass(slots=True)
class Letter:
    """A command, when its order arrived, and who waits for what became of it."""

    command: Command
    arrived: Instant
    outcome: Future[Outcome] = field(default_factory=Future)

    def settle(self, outcome: Outcome) -> None:
        """Tells what became of it, unless nobody waits any more."""
        if self.outcome.set_running_or_notify_cancel():
            self.outcome.set_result(outcome)

    def fail(self, error: Exception) -> None:
        """Tells why it came to nothing."""
        if self.outcome.set_running_or_notify_cancel():
            self.outcome.set_exception(error)


class Mailbox:
    """Bounded by its two places; every method may be called from any thread."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._stop: Letter | None = None
        self._next: Letter | None = None
        self._closed = False

    def post(self, letter: Letter) -> None:
        """Never blocks; what it replaces is settled as overtaken."""
        with self._changed:
            replaced = [self._next]
            if isinstance(letter.command, Halt):
                replaced.append(self._stop)
                self._stop, self._next = letter, None
            else:
                self._next = letter
            closed = self._closed
            self._changed.notify()
        for one in replaced:
            if one is not None:
                one.settle("overtaken")
        if closed:
            letter.settle("overtaken")

    @property
    def waiting(self) -> bool:
        """True while something waits."""
        return self._stop is not None or self._next is not None

    def take(self, timeout_s: float) -> Letter | None:
        """The stop, or else the newest command, or None after `timeout_s`."""
        with self._changed:
            if not self.waiting and not self._closed:
                self._changed.wait(timeout_s)
            found = self._stop or self._next
            if self._stop is not None:
                self._stop = None
            else:
                self._next = None
            return found

    def close(self) -> None:
        """Wakes whoever waits; what is posted from now on is overtaken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
