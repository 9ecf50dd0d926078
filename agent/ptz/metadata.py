"""One document of ONVIF's metadata stream -> where the head says it is. Pure.

>>> told = read(document)               # Told, or None: it says nothing of the head
>>> delay = Delay()
>>> delay.of(stamp, received)           # seconds that this document was later than the fastest, None: not known yet

Laws
- Only PTZStatus is read (`status`); other things in a document (analytics, events) are nobody's business here.
- The camera's UtcTime is not trusted, and a network may hold documents back and deliver them in a burst. How long one
  was under way is told by its RTP time against the fastest of its connection; what is very late is `TooLate`.

Sources: ONVIF Streaming Specification 5.1.2 (tt:MetadataStream, tt:PTZ, tt:PTZStatus).
"""

from agent.clock import Instant
from agent.lateness import Lateness
from agent.ptz.rtsp import RATE_HZ
from agent.ptz.status import SCHEMA, Told, told_in

CREEP = 500e-6
"""The camera's RTP clock may run so much slower than ours."""
STATUS = f"{SCHEMA}MetadataStream", f"{SCHEMA}PTZ", f"{SCHEMA}PTZStatus"


def read(document: bytes) -> Told | None:
    """What the last PTZStatus with a whole position says; None without one; BadDocument."""
    told = told_in(document, *STATUS)
    return told[-1] if told else None


class Delay:
    """How much later than the fastest document of this connection each one comes, by its RTP time."""

    def __init__(self) -> None:
        self._stamp: int | None = None
        self._rtp_s = 0.0
        self._lateness = Lateness(CREEP)

    def of(self, stamp: int, received: Instant) -> float | None:
        """Seconds, 0 for the fastest; None while the connection settles."""
        before = stamp if self._stamp is None else self._stamp
        self._stamp = stamp
        self._rtp_s += ((stamp - before + (1 << 31)) % (1 << 32) - (1 << 31)) / RATE_HZ
        return self._lateness.of(self._rtp_s, received)
