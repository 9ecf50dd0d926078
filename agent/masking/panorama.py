"""World polygons in a panoramic picture that does not move: every pixel is asked which way it looks.

Law: a pixel is masked when the direction it shows lies in the polygon, or no further from its outline than the
calibration may be wrong and half a block of pixels is wide. Asking the pixels, and not projecting the polygon, serves
seams, poles, polygons around the camera and pictures that show a direction twice, with no case of their own.

It is done once for a picture size, at half that size: a few hundred milliseconds for a large picture.
"""

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from agent.directions import basis, cross
from agent.lenses import CylindricalLens, EquirectangularLens, FisheyeLens, PanoramicLens
from agent.polygons import Polygon
from agent.units import Plane
from agent.world_polygons import outline, triangles

Rays = NDArray[np.float32]
MOST_PARTS = 8
"""Of one mask in the picture that get a mosaic of their own; with more they share one."""


def _unit(across: NDArray[np.float64], pan: NDArray[np.float64], height: NDArray[np.float64]) -> Rays:
    return np.stack(np.broadcast_arrays(across * np.sin(pan), across * np.cos(pan), height), axis=-1).astype(np.float32)


def _around(pan_deg: tuple[float, float], x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.radians(pan_deg[0] + x * (pan_deg[1] - pan_deg[0]))


def _fisheye(lens: FisheyeLens, x: NDArray[np.float64], y: NDArray[np.float64], aspect: float) -> Rays:
    """`aspect`: the picture's height over its width. Beyond half a turn off the axis nothing is seen: nan."""
    right, down = np.broadcast_arrays(x - lens.centre[0], (y - lens.centre[1]) * aspect)
    distance = np.hypot(right, down)
    angle = distance / lens.radius * np.radians(lens.fov_deg / 2)
    angle = np.where(angle <= np.pi, angle, np.nan)
    share = np.sin(angle) / np.maximum(distance, 1e-12)
    camera = np.stack([share * right, -share * down, np.cos(angle)], axis=-1)
    return (camera @ basis(lens.pan_deg, lens.tilt_deg, lens.roll_deg)).astype(np.float32)


def rays(lens: PanoramicLens, x: NDArray[np.float64], y: NDArray[np.float64], aspect: float) -> Rays:
    """(len(y), len(x), 3): the directions of the points at picture fractions x (rightwards) and y (downwards)."""
    x, y = x[None, :], y[:, None]
    match lens:
        case EquirectangularLens():
            tilt = np.radians(lens.tilt_deg[1] - y * (lens.tilt_deg[1] - lens.tilt_deg[0]))
            return _unit(np.cos(tilt), _around(lens.pan_deg, x), np.sin(tilt))
        case CylindricalLens():
            bottom, top = np.tan(np.radians(lens.tilt_deg))
            rise = top - y * (top - bottom)
            slant = np.hypot(1, rise)
            return _unit(1 / slant, _around(lens.pan_deg, x), rise / slant)
        case FisheyeLens():
            return _fisheye(lens, x, y, aspect)


def _spacing(field: Rays) -> float:
    """The largest angle between neighbours, in radians (as a chord); pixels that see nothing do not count."""
    steps = [np.linalg.norm(np.diff(field, axis=axis), axis=-1) for axis in (0, 1)]
    return max(float(np.nanmax(step, initial=0.0)) for step in steps)


def _near(field: Rays, points: Polygon, error_rad: float) -> NDArray[np.bool_]:
    """Where a direction lies in the polygon or within `error_rad` of its outline."""
    found = np.zeros(field.shape[:2], bool)
    for triangle in triangles(points):
        sides = cross(triangle, np.roll(triangle, -1, axis=0)).astype(np.float32)
        found |= (field @ sides[0] >= 0) & (field @ sides[1] >= 0) & (field @ sides[2] >= 0)
    corners = outline(points)
    for a, b in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        side = cross(a, b) / np.linalg.norm(cross(a, b))
        along = np.stack([side, cross(side, a), cross(b, side), a]).astype(np.float32)
        close = np.abs(field @ along[0]) <= np.sin(error_rad)
        found |= close & (field @ along[1] >= 0) & (field @ along[2] >= 0)
        found |= field @ along[3] >= np.cos(error_rad)
    return found


@dataclass(frozen=True, slots=True)
class PanoramaMask:
    """A world polygon of (pan, tilt) degrees, as it lies in a panoramic picture."""

    world_deg: Polygon
    lens: PanoramicLens
    style: Literal["pixelate", "solid"] = "pixelate"

    def shapes(self, width: int, height: int) -> list[Plane]:
        """(height, width) rasters, one for each part of the picture where the place is seen (both ends of a seam)."""
        columns, rows = width // 2, height // 2
        field = rays(self.lens, (np.arange(columns) + 0.5) / columns, (np.arange(rows) + 0.5) / rows, height / width)
        error = np.radians(self.lens.calibration_error_deg) + _spacing(field)
        whole = _near(field, self.world_deg, float(error)).view(np.uint8) * np.uint8(255)
        count, labels = cv2.connectedComponents(whole, connectivity=8)
        parts = [whole] if count - 1 > MOST_PARTS else [np.where(labels == i, whole, 0) for i in range(1, count)]
        size = (width, height)
        return [np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_NEAREST), np.uint8) for part in parts]
