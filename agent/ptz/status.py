"""What a head says of itself, in ONVIF's own terms -> a report in degrees. Pure.

>>> told = Told(x=0.5, y=0.0, zoom=0.2, states=("IDLE", "IDLE"))
>>> told.report(Spaces((-180.0, 180.0), (-90.0, 90.0), degrees=False), Instant(0), Instant(5)).pan_deg
90.0

GetStatus and the metadata stream carry the same type (tt:PTZStatus, ONVIF Core's onvif.xsd), so both are read here.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from agent.clock import Instant
from agent.ptz.evidence import Report
from agent.ptz.spaces import Spaces

LOWEST_ZOOM, HIGHEST_ZOOM = -0.01, 100.0
WELL = ("", "NO ERROR", "OK", "NONE")


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
