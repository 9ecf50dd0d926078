"""One step of a head and what the picture did: how wide the view must have been. Pure.

    reading = shifted(zoom=0.5, pan_deg=1.6, tilt_deg=0.0, at_tilt_deg=-4.0, shift=(0.23, 0.0), error=0.0004)
    size = view(reading)            # ln tan(hfov / 2), by how much it may be off, and what does not fit

The mathematics
- The lens is a pinhole. Coordinates in the picture are in half widths from its middle, x right and y up, so that the
  right edge is at 1 and a ray through (x, y) is x h right + y h up + 1 forward, with h = tan(hfov / 2).
- A landmark at `before` is carried into the world by the head's first pose and back into the picture by its second
  one. That gives where it ought to be as a function of h alone; h is found where it moved as far as it was seen to.
  So a large step is no more wrong than a small one (f tan, not f times the angle), and at tilt t a pan step turns the
  picture by cos t of it, and about its own middle by sin t.
- A shift of the whole picture by s is a landmark that goes from s / 2 on one side of the middle to s / 2 on the other,
  so tan(hfov / 2) = 2 tan(step / 2) / s. That is what `agent.ptz.motion` measures.
- The errors of the landmark and of the step, squares added, over the slope of the way in ln h give that of ln h: in the
  picture's middle it is their share of the way, far out in a very wide picture it is more.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from agent.directions import basis

NARROWEST, WIDEST = math.tan(math.radians(0.02)), math.tan(math.radians(70.0))
"""tan(hfov / 2) is looked for in between."""
STEEPEST_DEG = 75.0
"""Beyond this tilt a pan step turns the picture about itself rather than across."""

Point = tuple[float, float]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Reading:
    """A landmark before and after a step of the head, in half widths from the middle, x right and y up.

    `pan_deg`, `tilt_deg`: the step; `at_tilt_deg`: the tilt before it. `error`: one standard error of the landmark's
    way, in half widths; `step_error_deg`: one of the step. `turned_back`: the step is the first one after the head
    turned round, so it lacks what play its gears have.
    """

    zoom: float
    pan_deg: float
    tilt_deg: float
    at_tilt_deg: float
    before: Point
    after: Point
    error: float
    step_error_deg: float = 0.0
    turned_back: bool = False


@dataclass(frozen=True, slots=True)
class Size:
    """How wide the view was by one reading: `log_h` is ln tan(hfov / 2), `error` its standard error.

    `turn_deg`: by how much the step turns the picture across. `astray_deg`: the angle in the picture between where the
    landmark went and where it ought to have gone.
    """

    log_h: float
    error: float
    turn_deg: float
    astray_deg: float


def shifted(
    *,
    zoom: float,
    pan_deg: float,
    tilt_deg: float,
    at_tilt_deg: float,
    shift: Point,
    error: float,
    step_error_deg: float = 0.0,
    turned_back: bool = False,
) -> Reading:
    """The reading of a whole picture whose view moved by `shift` (right, up) in half widths."""
    x, y = shift[0] / 2, shift[1] / 2
    return Reading(zoom, pan_deg, tilt_deg, at_tilt_deg, (x, y), (-x, -y), error, step_error_deg, turned_back)


def turn_deg(pan_deg: float, tilt_deg: float, at_tilt_deg: float) -> float:
    """The angle between the directions in which the head looks before and after a step."""
    first, second = basis(0.0, at_tilt_deg), basis(pan_deg, at_tilt_deg + tilt_deg)
    return math.degrees(2 * math.asin(min(1.0, float(np.linalg.norm(first[2] - second[2])) / 2)))


def view(reading: Reading) -> Size | None:
    """The size of view that explains a reading; None when none does: nothing moved, or not as a lens moves."""
    before, after = np.array(reading.before), np.array(reading.after)
    way = after - before
    length = float(np.hypot(*way))
    turn = turn_deg(reading.pan_deg, reading.tilt_deg, reading.at_tilt_deg)
    if length <= 2 * reading.error or turn <= 0.0:
        return None
    turned = _turned(reading)

    def expected(log_h: float) -> Floats:
        """How it ought to go: at first the less far, the wider the view; then far out the tangent takes over."""
        return np.asarray(_carried(turned, before, math.exp(log_h)) - before)

    def reach(log_h: float) -> float:
        return float(np.hypot(*expected(log_h)))

    low, high = _crossing(reach, length)
    if high <= low:
        return None
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if reach(middle) > length else (low, middle)
    slope = abs(reach(low + 1e-4) - reach(low - 1e-4)) / 2e-4
    there = expected(low)
    cosine = float(there @ way) / (float(np.hypot(*there)) * length)
    error = math.hypot(reading.error, length * reading.step_error_deg / turn) / max(1e-9, slope)
    return Size(low, error, turn, math.degrees(math.acos(min(1.0, max(-1.0, cosine)))))


def _crossing(reach: Callable[[float], float], length: float) -> tuple[float, float]:
    """From the narrow end on, the first stretch of ln h in which `reach` falls below `length`; (0, 0) when none."""
    way = np.linspace(math.log(NARROWEST), math.log(WIDEST), 48)
    last = reach(float(way[0]))
    for low, high in pairwise(float(one) for one in way):
        here = reach(high)
        if here <= length < last:
            return low, high
        if here > last:
            break
        last = here
    return 0.0, 0.0


def _turned(reading: Reading) -> Floats:
    """(3, 3): (right, up, forward) of a ray before the step -> the same after it."""
    first = basis(0.0, reading.at_tilt_deg)
    second = basis(reading.pan_deg, reading.at_tilt_deg + reading.tilt_deg)
    return np.asarray(second @ first.T)


def _carried(turned: Floats, point: Floats, h: float) -> Floats:
    """Where the landmark at `point` ought to be after the step; far away when it ought to be behind the camera."""
    x, y, depth = turned @ np.array([point[0] * h, point[1] * h, 1.0])
    return np.asarray(np.array([x, y]) / (depth * h) if depth > 1e-6 else np.full(2, 1e9))
