"""How much later than the most punctual of its connection each picture or document arrives. Decides; asks no clock.

What a sender stamps says when it was made, on a clock of the sender's own. What takes the least time between stamp and
arrival was held up by nothing; whatever takes longer was held up by the difference: in the camera, in the network, or
because this machine had no time to take it.

>>> lateness = Lateness(creep=500e-6)
>>> lateness.of(sent_s, received)
0.0
"""

from agent.clock import Instant

SETTLE_S = 1.0
"""So long a connection only teaches what is punctual: what comes first may come in a burst."""
UNKNOWN_LATE_S = 1.0
"""How late a picture is taken to be while nothing tells: it has no stamp, or its connection has not settled."""


class Lateness:
    """One connection; `creep`: by what share the sender's clock may run slower than ours.

    What stays late is taken for punctual once the creep has made up for it: 0.3 s after ten minutes at 500e-6.
    """

    def __init__(self, creep: float) -> None:
        self._creep = creep
        self.restart()

    def restart(self) -> None:
        """What comes next is of another connection, or its stamps begin anew."""
        self._began: Instant | None = None
        self._origin_s = self._least_s = 0.0
        self._at = Instant(0)

    def of(self, sent_s: float, received: Instant) -> float | None:
        """Seconds, 0 for the most punctual; None while the connection settles. `sent_s`: the sender's stamp."""
        if self._began is None:
            self._began, self._origin_s, self._at = received, sent_s, received
        took_s = (received - self._began) / 1e9 - (sent_s - self._origin_s)
        self._least_s = min(took_s, self._least_s + self._creep * (received - self._at) / 1e9)
        self._at = received
        return took_s - self._least_s if (received - self._began) / 1e9 >= SETTLE_S else None
