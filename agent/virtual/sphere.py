"""Directions around the virtual mast and how a lens shows them; written apart from the product's own projection.

Laws
- Pan grows clockwise seen from above, tilt is up-positive: (0, 0) is +z, pan 90 is +x, tilt 90 is +y.
- The judge of the masks is drawn with this arithmetic and never with `agent.masking` or `agent.ptz`: whoever is judged
  does not lend the ruler.
- A pixel's place is its centre: pixel (0, 0) lies half a pixel inside the picture's corner.

>>> view = View(pan_deg=90, tilt_deg=0, hfov_deg=60)
>>> [round(float(x), 6) + 0.0 for x in project(view, 704, 576, direction(90, 0)[None])[0]]
[351.5, 287.5]
"""

from dataclasses import dataclass
from math import asin, atan2, cos, degrees, hypot, radians, sin, tan

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float64]
"""(..., 3): right, up and ahead of the mast's zero."""
Values = NDArray[np.float32]
"""The same, or one number a pixel, where there are many."""


@dataclass(frozen=True, slots=True)
class View:
    """Where a lens looks: degrees. A tilt past +-90 is a head that went over the top: the picture hangs upside down.

    `mirrored`: the picture is shown left for right.
    """

    pan_deg: float
    tilt_deg: float
    hfov_deg: float
    mirrored: bool = False


def direction(pan_deg: float, tilt_deg: float) -> Vectors:
    """(3,): the unit vector towards (pan, tilt)."""
    pan, tilt = radians(pan_deg), radians(tilt_deg)
    return np.array((sin(pan) * cos(tilt), sin(tilt), cos(pan) * cos(tilt)))


def angles(vector: Vectors) -> tuple[float, float]:
    """(pan, tilt) in degrees of a vector of any length."""
    x, y, z = (float(part) for part in vector)
    return degrees(atan2(x, z)), degrees(atan2(y, hypot(x, z)))


def axes(pan_deg: float, tilt_deg: float) -> Vectors:
    """(3, 3): the rows are what is right, up and ahead for a head that points there."""
    pan, tilt = radians(pan_deg), radians(tilt_deg)
    right = (cos(pan), 0.0, -sin(pan))
    up = (-sin(pan) * sin(tilt), cos(tilt), -cos(pan) * sin(tilt))
    ahead = (sin(pan) * cos(tilt), sin(tilt), cos(pan) * cos(tilt))
    return np.array((right, up, ahead))


def focal_px(hfov_deg: float, width: int) -> float:
    """The focal length in pixels of a picture `width` across."""
    return width / 2 / tan(radians(hfov_deg) / 2)


def camera_matrix(view: View, width: int, height: int) -> Vectors:
    """(3, 3): turns a direction into (x w, y w, w) in pixels; w is positive for what lies ahead."""
    focal = focal_px(view.hfov_deg, width)
    across = -focal if view.mirrored else focal
    lens = np.array(((across, 0, width / 2 - 0.5), (0, -focal, height / 2 - 0.5), (0, 0, 1)))
    turned: Vectors = lens @ axes(view.pan_deg, view.tilt_deg)
    return turned


def project(view: View, width: int, height: int, directions: Vectors) -> Vectors:
    """(n, 3) directions -> (n, 2) pixels; only what lies ahead has a place."""
    flat = directions @ camera_matrix(view, width, height).T
    placed: Vectors = flat[:, :2] / flat[:, 2:]
    return placed


def rays(view: View, width: int, height: int) -> Vectors:
    """(height, width, 3): the direction that each pixel's centre looks in, of any length."""
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    pixels = np.stack((x, y, np.ones_like(x)), axis=2).astype(np.float64)
    looked: Vectors = pixels @ np.linalg.inv(camera_matrix(view, width, height)).T
    return looked


def fisheye_rays(pan_deg: float, tilt_deg: float, fov_deg: float, width: int, height: int) -> Vectors:
    """(height, width, 3): an equidistant lens, `fov_deg` across the picture's shorter side; zero outside its circle.

    The angle from the axis is proportional to the distance from the middle (the f-theta model).
    """
    radius = min(width, height) / 2
    x, y = np.meshgrid(np.arange(width) - (width / 2 - 0.5), np.arange(height) - (height / 2 - 0.5))
    distance = np.hypot(x, y)
    angle = np.radians(fov_deg / 2) * distance / radius
    safe = np.maximum(distance, 1e-9)
    local = np.stack((x / safe * np.sin(angle), -y / safe * np.sin(angle), np.cos(angle)), axis=2)
    looked: Vectors = np.where((distance <= radius)[..., None], local @ axes(pan_deg, tilt_deg), 0.0)
    return looked


def turn_to(pan_from: float, pan_to: float) -> float:
    """The shorter way round from one pan to another, degrees in [-180, 180)."""
    return (pan_to - pan_from + 180) % 360 - 180


def between_deg(first: Vectors, second: Vectors) -> float:
    """The angle between two unit vectors."""
    return degrees(2 * asin(min(1.0, float(np.linalg.norm(first - second)) / 2)))
