"""A rectangle of the picture -> where to aim so that it fills the view. Pure.

>>> aim = aim_of(Aim(0.0, 0.0, 60.0), (0.5, 0.25, 0.5, 0.5), aspect=16 / 9)
>>> round(aim.pan_deg, 2), round(aim.tilt_deg, 2), round(aim.hfov_deg, 2)
(16.1, 0.0, 31.0)
"""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Aim:
    """Where the picture's middle looks, and how wide it is; degrees."""

    pan_deg: float
    tilt_deg: float
    hfov_deg: float


def aim_of(aim: Aim, area: tuple[float, float, float, float], aspect: float) -> Aim:
    """The aim that shows `area` (x, y, width, height in picture fractions) whole; `aspect` is width over height."""
    x, y, width, height = area
    half = math.tan(math.radians(aim.hfov_deg) / 2)
    right = (2 * (x + width / 2) - 1) * half
    up = (1 - 2 * (y + height / 2)) * half / aspect
    tilt = math.radians(aim.tilt_deg)
    # the ray in a frame that has the head's axis upright: forward, right, up
    forward, upward = math.cos(tilt) - up * math.sin(tilt), math.sin(tilt) + up * math.cos(tilt)
    pan_deg = aim.pan_deg + math.degrees(math.atan2(right, forward))
    tilt_deg = math.degrees(math.atan2(upward, math.hypot(forward, right)))
    # how wide the rectangle is seen from its own middle
    away = math.sqrt(1 + right * right + up * up)
    wide = max(width, height) * half / away
    return Aim((pan_deg + 180) % 360 - 180, tilt_deg, min(aim.hfov_deg, 2 * math.degrees(math.atan(wide))))
