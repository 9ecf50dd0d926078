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
- The hull is then widened by the bend, the calibration error as it looks at the picture's edge, what the drawn pixels
  may miss, and a third of a pixel.
- Colour is told for 2 x 2 pixels and covered wherever one of them is. Many cameras mix the pixel to the left of them
  in: with that third the right neighbour of each pixel whose middle is private is covered, too.
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
RASTER_PX = math.sqrt(0.5) + 0.05
"""A pixel whose middle is outside the hull may still reach so far into it; with what fixed point may miss."""
GROWTH_PX = 0.3
ALIGNED = 4
"""Stencils begin at whole multiples of so many pixels, and end there or with the picture."""
_TURN = np.arange(16) * (math.pi / 8)
RING = (np.stack([np.cos(_TURN), np.sin(_TURN)], axis=1) / math.cos(math.pi / 16)).astype(np.float32)
"""A polygon of sixteen corners around the unit circle."""
SHIFT = 4
"""Bits of a pixel's fraction in the coordinates that are drawn."""


@dataclass(frozen=True, slots=True)
class Box:
    """A set of poses with the lens applied: pan and tilt in degrees, focal length in pixels."""

    pan_deg: Interval
    tilt_deg: Interval
    focal: Interval


@dataclass(frozen=True, slots=True)
class Stencil:
    """Where one mask may be: `fine` is 255 where it may, its corner at the pixel (`left`, `top`), all sides even.

    `half`: for colour, not 0 wherever one of four pixels is covered.
    """

    fine: Plane
    half: Plane
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
        all_parts = [part for one in parts for part in one]
        self._owners = [i for i, one in enumerate(parts) for _ in one]
        self._count = len(parts)
        self._size = (width, height)
        self._error_rad = math.radians(error_deg)
        self._corners = np.concatenate([*all_parts, np.zeros((0, 3))])
        ends = np.cumsum([len(part) for part in all_parts], dtype=int)
        self._spans = [slice(end - len(part), end) for end, part in zip(ends, all_parts, strict=True)]
        self._fans = [_fan(part) for part in all_parts]
        sums = np.array([part.sum(axis=0) for part in all_parts]).reshape(-1, 3)
        self._middles = sums / np.linalg.norm(sums, axis=1, keepdims=True)
        farthest = [float((part @ middle).min()) for part, middle in zip(all_parts, self._middles, strict=True)]
        self._radii = np.arccos(np.clip(farthest, -1, 1))
        self._flat = min((_height(triangle) for fan in self._fans for triangle in fan), default=1.0)

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
        middle /= math.sqrt(float(middle @ middle))
        near = np.flatnonzero(np.arccos(np.clip(self._middles @ middle, -1, 1)) < self._radii + off_axis)
        if not len(near):
            return
        turned = np.swapaxes(axes, 1, 2)
        all_seen = self._corners @ turned
        for i in near.tolist():
            seen = all_seen[:, self._spans[i]].reshape(-1, 3)
            if seen[:, 2].min() < depth:
                seen = _before(np.swapaxes(self._fans[i] @ turned[:, None], 0, 2).reshape(3, -1, 3), depth * self._flat)
                if not len(seen):
                    continue
            yield i, seen[:, :2] / seen[:, 2:]

    def _widened(self, points: Points, corner: float, bend: float, focals: Interval) -> Points | None:
        """The hull in pixels of points at focal length 1, over both focal lengths; None when out of sight."""
        farthest = math.sqrt(float((points * points).sum(axis=1).max())) + bend / focals[1]
        stretch = 1 / math.cos(math.atan(min(corner, farthest)) + self._error_rad) ** 2
        margin = bend + GROWTH_PX + RASTER_PX + focals[1] * self._error_rad * stretch
        width, height = self._size
        first = points * (focals[1], -focals[1])
        placed = first if focals[0] == focals[1] else np.concatenate((first, first * (focals[0] / focals[1])))
        placed += (width / 2 - 0.5, height / 2 - 0.5)
        (left, top), (right, bottom) = placed.min(axis=0).tolist(), placed.max(axis=0).tolist()
        if right + margin < -1 or bottom + margin < -1 or left - margin > width or top - margin > height:
            return None
        hull = cv2.convexHull(placed.astype(np.float32)) + RING * np.float32(margin)
        return np.asarray(cv2.convexHull(hull.reshape(-1, 1, 2)), np.float64).reshape(-1, 2)

    def _fill(self, hulls: list[Points]) -> Stencil | None:
        if not hulls:
            return None
        all_points = np.concatenate(hulls)
        low, high = all_points.min(axis=0).tolist(), all_points.max(axis=0).tolist()
        left, top = (max(0, math.floor(one) // ALIGNED * ALIGNED) for one in low)
        right, bottom = (
            min(most // 2 * 2, (math.ceil(one) + 1 + ALIGNED) // ALIGNED * ALIGNED)
            for one, most in zip(high, self._size, strict=True)
        )
        if left >= right or top >= bottom:
            return None
        # OpenCV is wrong by up to a pixel in the row where it cuts a polygon off: it gets one that is thrown away
        drawn_on = np.zeros((bottom - top + 1, right - left), np.uint8)
        for hull in hulls:
            drawn = np.round((hull - (left, top - 1)) * (1 << SHIFT)).astype(np.int32)
            cv2.fillConvexPoly(drawn_on, drawn, 255, lineType=cv2.LINE_8, shift=SHIFT)
        fine = drawn_on[1:]
        # the mean of four: 64 at the least where one of them is 255
        half = cv2.resize(fine, ((right - left) // 2, (bottom - top) // 2), interpolation=cv2.INTER_AREA)
        return Stencil(fine, np.asarray(half, np.uint8), left, top)


def _pieces(box: Box, pans: int, tilts: int) -> Iterator[Vectors]:
    """(corners, 3, 3) axes of each piece of a box; one corner where an interval is a point."""
    pan, tilt = _cut(box.pan_deg, pans), _cut(box.tilt_deg, tilts)
    axes = np.array([[basis(p, t) for t in tilt] for p in pan])
    for i in range(pans):
        for j in range(tilts):
            yield axes[i : i + 2, j : j + 2].reshape(-1, 3, 3)


def _cut(interval: Interval, pieces: int) -> list[float]:
    low, high = interval
    return [low + (high - low) * i / pieces for i in range(pieces)] + [high] if low < high else [low]


def _fan(corners: Vectors) -> Vectors:
    """(triangles, 3, 3): the flat triangles of a convex part."""
    return np.stack([corners[[0, i, i + 1]] for i in range(1, len(corners) - 1)])


def _height(triangle: Vectors) -> float:
    """How near to the sphere's centre the plane of a flat triangle comes: directions inside have shrunk to this."""
    normal = cross(triangle[1] - triangle[0], triangle[2] - triangle[0])
    return abs(float(normal @ triangle[0])) / float(np.linalg.norm(normal))


def _before(triangles: Vectors, depth: float) -> Vectors:
    """(N, 3): corners of what of flat triangles, (3, n, 3) in camera coordinates, lies `depth` before the camera."""
    following = triangles[[1, 2, 0]]
    kept = triangles[..., 2] >= depth
    cut = kept != kept[[1, 2, 0]]
    a, b = triangles[cut], following[cut]
    crossing = a + ((depth - a[:, 2:]) / (b[:, 2:] - a[:, 2:])) * (b - a)
    return np.concatenate((triangles[kept], crossing))
