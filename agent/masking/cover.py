"""What a place may hide behind: the part of a picture that a polygon can be in, under every pose of a set.

Law: whatever the pose was, if it lies in the set, each pixel that shows a direction inside the polygon, or no further
from it than the calibration may be wrong, is covered.

Why that holds. Take a direction d of a convex part of the polygon that is visible under some pose of a box of pan, tilt
and focal length.
- Over a box of pan and tilt, the point g where d stands in the plane at distance 1 differs from the bilinear
  interpolation of its places under the box's four corners by at most (|g_pp| dp^2 + |g_tt| dt^2) / 8; the interpolation
  lies in the corners' convex hull. `_bend` bounds both second derivatives over the box; boxes are cut until that is
  little.
- The focal length scales g about the picture's centre, so its interval moves the point along a straight line between
  its ends, which are in the hull too.
- Under each corner d lies in the part's own picture, which is convex, so the hull over the part's corners under all box
  corners holds d. What lies behind a corner's view is first cut off, from flat triangles and at a plane so far back
  that a direction that is visible anywhere in the box is never cut.
- The hull is then widened by the bend, the calibration error as it looks at the picture's edge, a pixel, and what
  drawing on a raster of half the size may miss.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from agent.directions import Vectors, basis, cross
from agent.units import Interval, Plane

Points = NDArray[np.float64]

STEP_DEG = 4.0
"""Boxes of poses are cut into pieces of at most this size along pan and tilt."""
MOST_STEPS = 8
"""Along each axis; a set that is larger is not followed at all."""
FARTHEST_RAD = math.radians(86)
"""Off the axis: further out a plane picture has no use, and the bend no bound."""
RASTER_PX = 2 * math.sqrt(0.5) + 0.2
"""A cell of the half-size raster whose middle is outside the hull may still reach so far into it."""
GROWTH_PX = 1.0
_TURN = np.arange(8) * (math.pi / 4)
RING = (np.stack([np.cos(_TURN), np.sin(_TURN)], axis=1) / math.cos(math.pi / 8)).astype(np.float32)
"""An octagon around the unit circle."""
SHIFT = 4
"""Bits of a raster cell's fraction in the coordinates that are drawn."""


@dataclass(frozen=True, slots=True)
class Box:
    """A set of poses with the lens applied: pan and tilt in degrees, focal length in pixels."""

    pan_deg: Interval
    tilt_deg: Interval
    focal: Interval


@dataclass(frozen=True, slots=True)
class Stencil:
    """Where one mask may be, at half the picture's size: `cells` is 255 where it may, its corner at (`left`, `top`)."""

    cells: Plane
    left: int
    top: int


def _steps(interval: Interval) -> int:
    """The number of pieces of an interval of degrees."""
    return max(1, math.ceil((interval[1] - interval[0]) / STEP_DEG - 1e-9))


def _bend(reach: float, tilts: Interval, pan_step: float, tilt_step: float) -> float:
    """How far a point may leave the hull of the corners' places, at focal length 1; steps in radians.

    `reach`: the largest tangent of an angle off the axis. Turning about the camera's x: u' = -uv, v' = -(1 + v^2), and
    once more. Turning about the vertical is turning about the camera's y by cos(tilt) and about its axis by sin(tilt).
    """
    low, high = (math.radians(one) for one in tilts)
    upright = 1.0 if low <= 0 <= high else max(abs(math.cos(low)), abs(math.cos(high)))
    lying = 1.0 if high >= math.pi / 2 or low <= -math.pi / 2 else max(abs(math.sin(low)), abs(math.sin(high)))
    square = 1 + reach * reach
    tilting = 2 * reach * square
    along = upright * square + lying * reach
    athwart = upright * reach * reach + lying * reach
    panning = math.hypot(
        2 * upright * reach * along + lying * athwart, upright * reach * (along + athwart) + lying * along
    )
    return (pan_step * pan_step * panning + tilt_step * tilt_step * tilting * math.sqrt(2)) / 8


class Cover:
    """Covers the places of all masks of one camera in pictures of one size.

    `parts`: of each mask, convex, (N, 3) corners each. `width`, `height`: of the optical picture, in pixels.
    `error_deg`: by how much a direction may be off.
    """

    def __init__(self, parts: Sequence[Sequence[Vectors]], width: int, height: int, error_deg: float) -> None:
        self._parts = [part for one in parts for part in one]
        self._owners = [i for i, one in enumerate(parts) for _ in one]
        self._count = len(parts)
        self._size = (width, height)
        self._raster = (height // 2, width // 2)
        self._error_rad = math.radians(error_deg)
        sums = np.array([part.sum(axis=0) for part in self._parts]).reshape(-1, 3)
        self._middles = sums / np.linalg.norm(sums, axis=1, keepdims=True)
        farthest = [float((part @ middle).min()) for part, middle in zip(self._parts, self._middles, strict=True)]
        self._radii = np.arccos(np.clip(farthest, -1, 1))
        self._flat = min((_height(fan) for part in self._parts for fan in _fan(part)), default=1.0)

    def draw(self, box: Box) -> list[Stencil | None] | None:
        """A stencil for each mask, None for one out of sight; None for all when the set is too large to be followed."""
        pans, tilts = _steps(box.pan_deg), _steps(box.tilt_deg)
        corner = math.hypot(*self._size) / 2 / box.focal[0]
        pan_step = math.radians(box.pan_deg[1] - box.pan_deg[0]) / pans
        tilt_step = math.radians(box.tilt_deg[1] - box.tilt_deg[0]) / tilts
        off_axis = math.atan(corner) + self._error_rad + pan_step + tilt_step
        if pans > MOST_STEPS or tilts > MOST_STEPS or off_axis > FARTHEST_RAD:
            return None
        reach = math.tan(off_axis)
        hulls: list[list[Points]] = [[] for _ in range(self._count)]
        bend = _bend(reach, box.tilt_deg, pan_step, tilt_step) * box.focal[1]
        for piece in _pieces(box, pans, tilts):
            for i, points in self._project(piece, math.cos(off_axis), off_axis + pan_step + tilt_step):
                if (hull := self._widened(points, corner, bend, box.focal)) is not None:
                    hulls[self._owners[i]].append(hull)
        return [self._fill(one) for one in hulls]

    def _project(self, axes: Vectors, depth: float, off_axis: float) -> Iterator[tuple[int, Points]]:
        """(part, (N, 2) points at focal length 1) of what is near enough to be seen; `axes`: (corners, 3, 3)."""
        middle = axes[:, 2].sum(axis=0)
        middle /= np.linalg.norm(middle)
        near = np.arccos(np.clip(self._middles @ middle, -1, 1)) < self._radii + off_axis
        for i in np.flatnonzero(near):
            seen = self._parts[i] @ np.swapaxes(axes, 1, 2)
            if seen[..., 2].min() < depth:
                kept = [
                    point for corners in seen for fan in _fan(corners) for point in _before(fan, depth * self._flat)
                ]
                if not kept:
                    continue
                seen = np.array(kept)
            yield int(i), (seen[..., :2] / seen[..., 2:]).reshape(-1, 2)

    def _widened(self, points: Points, corner: float, bend: float, focals: Interval) -> Points | None:
        """The hull in raster cells of points at focal length 1, over both focal lengths; None when out of sight."""
        farthest = math.sqrt(float((points * points).sum(axis=1).max())) + bend / focals[1]
        stretch = 1 / math.cos(math.atan(min(corner, farthest)) + self._error_rad) ** 2
        margin = bend + GROWTH_PX + RASTER_PX + focals[1] * self._error_rad * stretch
        flipped = points * (1, -1)
        ends = [flipped * focals[0]] if focals[0] == focals[1] else [flipped * one for one in focals]
        placed = (np.concatenate(ends) + np.array(self._size) / 2) / 2 - 0.5
        low, high = placed.min(axis=0) - margin, placed.max(axis=0) + margin
        if (high < 0).any() or low[0] > self._raster[1] or low[1] > self._raster[0]:
            return None
        spread = placed.astype(np.float32)[:, None] + RING * np.float32(margin / 2)
        return np.asarray(cv2.convexHull(spread.reshape(-1, 1, 2)), np.float64).reshape(-1, 2)

    def _fill(self, hulls: list[Points]) -> Stencil | None:
        if not hulls:
            return None
        low = np.floor(np.min([hull.min(axis=0) for hull in hulls], axis=0)).astype(int)
        high = np.ceil(np.max([hull.max(axis=0) for hull in hulls], axis=0)).astype(int) + 1
        left, top = max(0, int(low[0])), max(0, int(low[1]))
        right, bottom = min(self._raster[1], int(high[0])), min(self._raster[0], int(high[1]))
        if left >= right or top >= bottom:
            return None
        cells = np.zeros((bottom - top, right - left), np.uint8)
        for hull in hulls:
            drawn = np.round((hull - (left, top)) * (1 << SHIFT)).astype(np.int32)
            cv2.fillConvexPoly(cells, drawn, 255, lineType=cv2.LINE_8, shift=SHIFT)
        return Stencil(cells, left, top)


def _pieces(box: Box, pans: int, tilts: int) -> Iterator[Vectors]:
    """(corners, 3, 3) axes of each piece of a box; one corner where an interval is a point."""
    pan = np.linspace(*box.pan_deg, pans + 1) if box.pan_deg[0] < box.pan_deg[1] else np.array(box.pan_deg[:1])
    tilt = np.linspace(*box.tilt_deg, tilts + 1) if box.tilt_deg[0] < box.tilt_deg[1] else np.array(box.tilt_deg[:1])
    axes = np.array([[basis(p, t) for t in tilt] for p in pan])
    for i in range(pans):
        for j in range(tilts):
            yield axes[i : i + 2, j : j + 2].reshape(-1, 3, 3)


def _fan(corners: Vectors) -> Iterator[Vectors]:
    """The flat triangles of a convex part."""
    yield from (corners[[0, i, i + 1]] for i in range(1, len(corners) - 1))


def _height(triangle: Vectors) -> float:
    """How near to the sphere's centre the plane of a flat triangle comes: directions inside have shrunk to this."""
    normal = cross(triangle[1] - triangle[0], triangle[2] - triangle[0])
    return abs(float(normal @ triangle[0])) / float(np.linalg.norm(normal))


def _before(corners: Vectors, depth: float) -> list[Vectors]:
    """The part of a flat triangle in camera coordinates that lies at least `depth` before the camera."""
    kept: list[Vectors] = []
    for a, b in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if (a[2] >= depth) != (b[2] >= depth):
            kept.append(a + (depth - a[2]) / (b[2] - a[2]) * (b - a))
        if b[2] >= depth:
            kept.append(b)
    return kept
