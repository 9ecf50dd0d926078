"""When to call the broker again, in which protocol, and how long to wait for its answer. Decides; touches nothing.

- Delays double from `first_s` to `limit_s`, each drawn between half and whole, so that masts that lost the same broker
  do not come back in the same second. A connection that held for a minute starts the row anew.
- MQTT 5 first. A broker that says that it does not speak a version is believed. One that hangs up or stays silent may
  be an old one: amqtt takes the properties, which MQTT 3.1.1 does not have, for the length of a name, waits for that
  and never answers. It is asked in the other version at once; what it accepts holds for that connection, and the next
  one begins with MQTT 5.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Protocol = Literal["5", "3.1.1"]
Failure = Literal["version", "silent", "other"]
"""`version`: the broker refused the protocol version. `silent`: no CONNACK came. `other`: everything else."""

HELD_S = 60.0


@dataclass(slots=True)
class Dialling:
    """What is known of the broker so far; `draw` gives a number in 0..1.

    `unknown_answer_s`: how long to wait for an answer in a version that this broker has not answered in yet.
    """

    draw: Callable[[], float]
    first_s: float = 1.0
    limit_s: float = 60.0
    unknown_answer_s: float = 3.0
    known_answer_s: float = 10.0
    protocol: Protocol = "5"
    _known: bool = False
    _guessed: bool = False
    _switched: bool = False
    _failures: int = 0

    @property
    def answer_s(self) -> float:
        """Seconds to wait for the answer to CONNECT."""
        return self.known_answer_s if self._known else self.unknown_answer_s

    def connected(self) -> None:
        """The broker accepted `protocol`."""
        self._known = True
        self._switched = False

    def failed(self, why: Failure) -> float:
        """A call that did not become a connection -> seconds to wait."""
        if why == "other":
            return self._delay()
        if why == "silent" and self._known:
            self._known = False  # in trouble, or replaced by another: the next silence tells
            return self._delay()
        self.protocol = "3.1.1" if self.protocol == "5" else "5"
        self._guessed = why == "silent"
        self._known = False
        if self._switched:
            return self._delay()
        self._switched = True
        return 0.0

    def ended(self, held_s: float) -> float:
        """A connection that was lost after `held_s` -> seconds to wait."""
        if self._guessed:
            self.protocol, self._guessed, self._known = "5", False, False
        if held_s >= HELD_S:
            self._failures = 0
        return self._delay()

    def _delay(self) -> float:
        whole = min(self.limit_s, self.first_s * 2.0 ** min(self._failures, 30))
        self._failures += 1
        return whole * (0.5 + 0.5 * self.draw())
