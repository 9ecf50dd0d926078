"""What a head says of itself, in ONVIF's own terms -> a report in degrees. Pure.

>>> told = Told(x=0.5, y=0.0, zoom=0.2, states=("IDLE", "IDLE"))
>>> told.report(Spaces((-180.0, 180.0), (-90.0, 90.0), degrees=False), Instant(0), Instant(5)).pan_deg
90.0

GetStatus and the metadata stream carry the same type (tt:PTZStatus, ONVIF Core's onvif.xsd), so both are read here.

Law: a document is a stranger's. No DTD, no entities, no network, UTF-8 whatever it claims; only PTZStatus is read.
BadDocument when it cannot be read.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from lxml import etree

from agent.clock import Instant
from agent.ptz.evidence import Report
from agent.ptz.spaces import Spaces

LOWEST_ZOOM, HIGHEST_ZOOM = -0.01, 100.0
WELL = ("", "NO ERROR", "OK", "NONE")
SCHEMA = "{http://www.onvif.org/ver10/schema}"
PAN_TILT_AT, ZOOM_AT = ((f"{SCHEMA}Position", f"{SCHEMA}{name}") for name in ("PanTilt", "Zoom"))
STATES = tuple((f"{SCHEMA}MoveStatus", f"{SCHEMA}{name}") for name in ("PanTilt", "Zoom"))
ERROR_AT = (f"{SCHEMA}Error",)
LONGEST_TEXT = 200
PARSER = etree.XMLParser(
    encoding="utf-8", resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False, remove_pis=True
)
"""Shared: lxml lets one thread parse at a time."""


class BadDocument(ValueError):
    """It is no XML, or XML that no camera has reason to send."""


@dataclass(frozen=True, slots=True)
class Told:
    """A tt:PTZStatus. `states`: MoveStatus of pan and tilt, and of zoom. Its UtcTime is not read: clocks are wrong."""

    x: float
    y: float
    zoom: float
    space: str = ""
    states: Sequence[str] = ()
    error: str = ""

    def report(self, spaces: Spaces, asked: Instant, received: Instant) -> Report | None:
        """The report that it makes; None when it is not to be believed."""
        angles = spaces.degrees_of(self.x, self.y, self.space)
        if angles is None or not LOWEST_ZOOM <= self.zoom <= HIGHEST_ZOOM:
            return None
        moving = True if "MOVING" in self.states else False if "IDLE" in self.states else None
        fault = "" if self.error.strip().upper() in WELL else self.error
        return Report(asked, received, *angles, self.zoom, moving, fault)


def told_in(document: bytes, *path: str) -> list[Told]:
    """Each tt:PTZStatus with a whole position at `path`, tags from the root on, in their order; BadDocument."""
    if b"<!DOCTYPE" in document or b"\0" in document:
        raise BadDocument("DTD")
    if b"PTZStatus" not in document:
        return []
    try:
        root = etree.fromstring(document, PARSER)
    except (etree.LxmlError, ValueError):
        raise BadDocument("XML") from None
    if root.tag != path[0]:
        return []
    every = (_told(one) for one in _at(root, path[1:]))
    return [one for one in every if one is not None]


def _at(element: etree._Element, path: Sequence[str]) -> list[etree._Element]:
    """All that `find` of a path would; that takes the path apart each time, which costs more than all else here."""
    found = [element]
    for tag in path:
        found = [child for one in found for child in one.iterchildren(tag)]
    return found


def _told(status: etree._Element) -> Told | None:
    turns, zooms = _at(status, PAN_TILT_AT), _at(status, ZOOM_AT)
    if not turns or not zooms:
        return None
    turn, zoom = turns[0], zooms[0]
    states = [_text(status, path) for path in STATES]
    space = turn.get("space", "")[:LONGEST_TEXT]
    x, y, level = _number(turn.get("x")), _number(turn.get("y")), _number(zoom.get("x"))
    return Told(x, y, level, space, states, _text(status, ERROR_AT))


def _text(status: etree._Element, path: Sequence[str]) -> str:
    found = _at(status, path)
    text = (found[0].text or "")[:LONGEST_TEXT] if found else ""
    return "".join(one for one in text if one.isprintable())


def _number(text: str | None) -> float:
    try:
        return float(text or "")
    except ValueError:
        return float("nan")
