"""Directions as unit vectors: pan grows clockwise seen from above, 0 at the head's own zero; tilt is up-positive.

The axes are x (pan 90), y (pan 0) and z (up), right-handed. A pan beyond +-180 is the same as one turn less.

>>> direction(90, 0).round(6).tolist()
[1.0, 0.0, 0.0]
>>> pan_tilt(direction(-170, 30))
(-170.0, 30.0)
"""

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

Vectors = NDArray[np.float64]
"""(..., 3), of length 1 unless said otherwise."""


def direction(pan_deg: ArrayLike, tilt_deg: ArrayLike) -> Vectors:
    """(..., 3) unit vectors of pan and tilt in degrees."""
    pan, tilt = np.broadcast_arrays(np.radians(pan_deg), np.radians(tilt_deg))
    across = np.cos(tilt)
    return np.stack([across * np.sin(pan), across * np.cos(pan), np.sin(tilt)], axis=-1)


def pan_tilt(vector: Vectors) -> tuple[float, float]:
    """(pan, tilt) in degrees of one vector of any length; pan in -180..180, 0 at the zenith."""
    x, y, z = (float(one) for one in vector)
    return round(math.degrees(math.atan2(x, y)), 9), round(math.degrees(math.atan2(z, math.hypot(x, y))), 9)


def basis(pan_deg: float, tilt_deg: float, roll_deg: float = 0.0) -> Vectors:
    """(3, 3): the camera's right, up and forward as rows. `roll_deg` turns the camera clockwise about its own axis."""
    rows = np.array(_rows(_turn(pan_deg), _turn(tilt_deg)))
    if roll_deg:
        cos_roll, sin_roll = math.cos(math.radians(roll_deg)), math.sin(math.radians(roll_deg))
        rows[:2] = np.array(((cos_roll, -sin_roll), (sin_roll, cos_roll))) @ rows[:2]
    return rows


def bases(pans_deg: Iterable[float], tilts_deg: Iterable[float]) -> Vectors:
    """(pans, tilts, 3, 3): the `basis` of each pair."""
    pans, tilts = [_turn(one) for one in pans_deg], [_turn(one) for one in tilts_deg]
    numbers = [number for pan in pans for tilt in tilts for row in _rows(pan, tilt) for number in row]
    return np.array(numbers).reshape(len(pans), len(tilts), 3, 3)


def _turn(angle_deg: float) -> tuple[float, float]:
    """Sine and cosine."""
    angle = math.radians(angle_deg)
    return math.sin(angle), math.cos(angle)


def _rows(pan: tuple[float, float], tilt: tuple[float, float]) -> tuple[tuple[float, float, float], ...]:
    (sin_pan, cos_pan), (sin_tilt, cos_tilt) = pan, tilt
    return (
        (cos_pan, -sin_pan, 0.0),
        (-sin_tilt * sin_pan, -sin_tilt * cos_pan, cos_tilt),
        (cos_tilt * sin_pan, cos_tilt * cos_pan, sin_tilt),
    )


def cross(a: Vectors, b: Vectors) -> Vectors:
    """The cross product along the last axis, faster than numpy's own for few vectors."""
    ax, ay, az = a[..., 0], a[..., 1], a[..., 2]
    bx, by, bz = b[..., 0], b[..., 1], b[..., 2]
    return np.stack([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx], axis=-1)


def dot(a: Vectors, b: Vectors) -> Vectors:
    """The scalar product along the last axis."""
    return np.asarray((a * b).sum(axis=-1))
