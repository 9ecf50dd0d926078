"""ONVIF's coordinate spaces <-> degrees and zoom positions. Pure.

>>> spaces = Spaces((-180.0, 180.0), (-90.0, 90.0), degrees=False)
>>> spaces.degrees_of(0.5, 0.0, "")
(90.0, 0.0)
>>> spaces.position_of(90.0, 0.0)
(0.5, 0.0, 'http://www.onvif.org/ver10/tptz/PanTiltSpaces/PositionGenericSpace')
"""

import math
from dataclasses import dataclass

_BASE = "http://www.onvif.org/ver10/tptz"
GENERIC = f"{_BASE}/PanTiltSpaces/PositionGenericSpace"
DEGREES = f"{_BASE}/PanTiltSpaces/SphericalPositionSpaceDegrees"
ZOOM = f"{_BASE}/ZoomSpaces/PositionGenericSpace"
VELOCITY = f"{_BASE}/PanTiltSpaces/VelocityGenericSpace"
ZOOM_VELOCITY = f"{_BASE}/ZoomSpaces/VelocityGenericSpace"
FARTHEST_DEG = 1000.0


@dataclass(frozen=True, slots=True)
class Spaces:
    """How one head counts: what -1..1 means in degrees, and whether it takes degrees themselves."""

    pan_deg: tuple[float, float]
    tilt_deg: tuple[float, float]
    degrees: bool

    def degrees_of(self, x: float, y: float, space: str) -> tuple[float, float] | None:
        """(pan, tilt) of a reported position; without a named space it is the generic one. None: not to be believed."""
        if not (math.isfinite(x) and math.isfinite(y)):
            return None
        if space.endswith("SphericalPositionSpaceDegrees"):
            return (x, y) if abs(x) <= FARTHEST_DEG and abs(y) <= 180 else None
        if space and space != GENERIC:
            return None
        if abs(x) > 1.01 or abs(y) > 1.01:
            return None
        return _spread(x, *self.pan_deg), _spread(y, *self.tilt_deg)

    def position_of(self, pan_deg: float, tilt_deg: float) -> tuple[float, float, str]:
        """(x, y, space) that an absolute order names."""
        if self.degrees:
            return pan_deg, tilt_deg, DEGREES
        return _narrow(pan_deg, *self.pan_deg), _narrow(tilt_deg, *self.tilt_deg), GENERIC


def _spread(value: float, low: float, high: float) -> float:
    return low + (value + 1) / 2 * (high - low)


def _narrow(value: float, low: float, high: float) -> float:
    return min(1.0, max(-1.0, 2 * (value - low) / (high - low) - 1))
