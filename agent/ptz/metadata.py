"""One document of ONVIF's metadata stream -> where the head says it is. Pure.

>>> told = read(document)               # Told, or None: it says nothing of the head
>>> delay = Delay()
>>> delay.of(stamp, received)           # seconds that this document was later than the fastest, None: not known yet

Laws
- A document is a stranger's: no DTD, no entities, no network, UTF-8 whatever it claims. Only PTZStatus is read; other
  things in it (analytics, events) are nobody's business here. BadDocument when it cannot be read.
- The camera's UtcTime is not trusted, and a network may hold documents back and deliver them in a burst. How long one
  was under way is told by its RTP time against the fastest of its connection; what is very late is `TooLate`.

Sources: ONVIF Streaming Specification 5.1.2 (tt:MetadataStream, tt:PTZ, tt:PTZStatus).
"""

from lxml import etree

from agent.clock import Instant
from agent.lateness import Lateness
from agent.ptz.rtsp import RATE_HZ
from agent.ptz.status import Told

SCHEMA = "{http://www.onvif.org/ver10/schema}"
LONGEST_TEXT = 200
CREEP = 500e-6
"""The camera's RTP clock may run so much slower than ours."""


class BadDocument(ValueError):
    """It is no XML, or XML that no camera has reason to send."""


def read(document: bytes) -> Told | None:
    """What the last PTZStatus with a whole position says; None without one."""
    if b"<!DOCTYPE" in document or b"\0" in document:
        raise BadDocument("DTD")
    if b"PTZStatus" not in document:
        return None
    parser = etree.XMLParser(
        encoding="utf-8", resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False, remove_pis=True
    )
    try:
        root = etree.fromstring(document, parser)
    except (etree.LxmlError, ValueError):
        raise BadDocument("XML") from None
    if root.tag != f"{SCHEMA}MetadataStream":
        return None
    every = (_told(one) for one in root.findall(f"{SCHEMA}PTZ/{SCHEMA}PTZStatus"))
    whole = [one for one in every if one is not None]
    return whole[-1] if whole else None


def _told(status: etree._Element) -> Told | None:
    turn, zoom = (status.find(f"{SCHEMA}Position/{SCHEMA}{name}") for name in ("PanTilt", "Zoom"))
    if turn is None or zoom is None:
        return None
    states = [_text(status, f"MoveStatus/{SCHEMA}{name}") for name in ("PanTilt", "Zoom")]
    space = turn.get("space", "")[:LONGEST_TEXT]
    x, y, level = _number(turn.get("x")), _number(turn.get("y")), _number(zoom.get("x"))
    return Told(x, y, level, space, states, _text(status, "Error"))


def _text(status: etree._Element, path: str) -> str:
    text = (status.findtext(f"{SCHEMA}{path}") or "")[:LONGEST_TEXT]
    return "".join(one for one in text if one.isprintable())


def _number(text: str | None) -> float:
    try:
        return float(text or "")
    except ValueError:
        return float("nan")


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
