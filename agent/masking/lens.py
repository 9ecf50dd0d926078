"""The lens of a turning camera: zoom to field of view, directions to picture.

A pinhole with square pixels: a direction at camera coordinates (right, up, forward) stands at
(width / 2 + focal * right / forward, height / 2 - focal * up / forward), and focal = width / 2 / tan(hfov / 2).

>>> lens = ZoomTable((0.0, 1.0), (60.0, 3.0))
>>> round(lens.hfov_deg(0.5), 3)
13.416
>>> lens.hfov_deg(1.1) is None
True
"""

import bisect
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from agent.directions import Vectors, basis
from agent.units import Interval

ROUNDING = 1e-3
"""Of zoom's range: a report so little beyond the table's end is the end itself, told in coarse steps."""


class ZoomTable:
    """Horizontal field of view over zoom position, `zoom` growing and `hfov_deg` falling; None outside the table.

    Between two entries the logarithm of the angle is even.
    """

    def __init__(self, zoom: Sequence[float], hfov_deg: Sequence[float]) -> None:
        self._zoom = tuple(zoom)
        self._logs = tuple(math.log(one) for one in hfov_deg)

    def hfov_deg(self, zoom: float) -> float | None:
        """Degrees across the picture at `zoom`; None where nothing was calibrated: digital zoom, or nan."""
        if not self._zoom[0] - ROUNDING <= zoom <= self._zoom[-1] + ROUNDING:
            return None
        index = min(max(1, bisect.bisect_right(self._zoom, zoom)), len(self._zoom) - 1)
        low, high = self._zoom[index - 1], self._zoom[index]
        share = min(1.0, max(0.0, (zoom - low) / (high - low)))
        return math.exp(self._logs[index - 1] + share * (self._logs[index] - self._logs[index - 1]))

    def focals(self, zoom: Interval, width: int) -> Interval | None:
        """(shortest, longest) focal length in pixels over an interval of zoom, for a picture of `width`; or None."""
        widest, narrowest = self.hfov_deg(zoom[0]), self.hfov_deg(zoom[1])
        if widest is None or narrowest is None:
            return None
        return focal_px(widest, width), focal_px(narrowest, width)


def focal_px(hfov_deg: float, width: int) -> float:
    """Focal length in pixels of a picture that is `width` pixels and `hfov_deg` degrees across."""
    return width / 2 / math.tan(math.radians(hfov_deg) / 2)


def widened(focal: Interval, width: int, hfov_error: float) -> Interval:
    """The same focal lengths, where each field of view may be off by a share of it."""
    if not hfov_error:
        return focal
    widest, narrowest = (2 * math.degrees(math.atan(width / 2 / one)) for one in focal)
    return focal_px(min(170.0, widest * (1 + hfov_error)), width), focal_px(narrowest / (1 + hfov_error), width)


@dataclass(frozen=True, slots=True)
class View:
    """A picture of `width` x `height` pixels taken with `axes` (right, up, forward) and a focal length in pixels."""

    axes: Vectors
    focal: float
    width: int
    height: int

    @classmethod
    def at(cls, pan_deg: float, tilt_deg: float, focal: float, width: int, height: int) -> "View":
        """The view of a head that looks at (pan, tilt)."""
        return cls(basis(pan_deg, tilt_deg), focal, width, height)

    def from_world(self) -> Vectors:
        """(3, 3): world direction -> (x, y, 1) in pixels times the depth, which is positive before the camera."""
        right, up, forward = self.axes.tolist()
        across = [self.focal * a + self.width / 2 * b for a, b in zip(right, forward, strict=True)]
        down = [-self.focal * a + self.height / 2 * b for a, b in zip(up, forward, strict=True)]
        return np.array((across, down, forward))
