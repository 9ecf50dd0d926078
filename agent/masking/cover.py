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

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from agent.directions import Vectors, bases, cross
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
RING_REACH = 1 / math.cos(math.pi / 16) + 1e-3
"""How far it comes from the middle, and a little."""
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
        self._starts = [span.start for span in self._spans]
        self._fans = [_fan(len(part)) for part in all_parts]
        sums = np.array([part.sum(axis=0) for part in all_parts]).reshape(-1, 3)
        self._middles = sums / np.linalg.norm(sums, axis=1, keepdims=True)
        farthest = [float((part @ middle).min()) for part, middle in zip(all_parts, self._middles, strict=True)]
        self._radii = np.arccos(np.clip(farthest, -1, 1))
        flat = (_height(part[corners]) for fan, part in zip(self._fans, all_parts, strict=True) for corners in fan.T)
        self._flat = min(flat, default=1.0)

    def draw(self, box: Box) -> list[Stencil | None] | None:
        """A stencil for each mask, None for one out of sight; None for all when the set is too large to be followed."""
        pans, tilts = _steps(box.pan_deg), _steps(box.tilt_deg)
        corner = math.hypot(*self._size) / 2 / box.focal[0]
        pan_step = math.radians(box.pan_deg[1] - box.pan_deg[0]) / pans
        tilt_step = math.radians(box.tilt_deg[1] - box.tilt_deg[0]) / tilts
        off_axis = math.atan(corner) + self._error_rad + pan_step + tilt_step
        if pans > MOST_STEPS or tilts > MOST_STEPS or off_axis > FARTHEST_RAD:
            return None
        bend = _bend(math.tan(off_axis), box.tilt_deg, pan_step, tilt_step) * box.focal[1]
        axes = bases(_cut(box.pan_deg, pans), _cut(box.tilt_deg, tilts))
        parts, points = self._project(axes, math.cos(off_axis), off_axis + pan_step + tilt_step)
        hulls: list[list[_Hull]] = [[] for _ in range(self._count)]
        if points:
            for part, hull in zip(parts, self._widened(points, corner, bend, box.focal), strict=True):
                if hull is not None:
                    hulls[self._owners[part]].append(hull)
        return [self._fill(one) for one in hulls]

    def _project(self, axes: Vectors, depth: float, off_axis: float) -> tuple[list[int], list[Points]]:
        """Parts and their (N, 2) points at focal length 1, under the corners of each piece of the box, where they are
        near enough to be seen; `axes`: (pans, tilts, 3, 3) of the pieces' corners.
        """
        middles = _over_pieces(axes[..., 2, :], np.add)
        middles /= np.sqrt((middles * middles).sum(axis=-1, keepdims=True))
        near = np.arccos(np.clip(middles @ self._middles.T, -1, 1)) < self._radii + off_axis
        pieces = np.argwhere(near).tolist()
        if not pieces:
            return [], []
        seen = self._corners @ np.swapaxes(axes, -1, -2)
        flat = seen[..., :2] / np.maximum(seen[..., 2:], depth)
        before = np.minimum.reduceat(_over_pieces(seen[..., 2], np.minimum), self._starts, axis=-1) >= depth
        parts, points = [], []
        for i, j, part in pieces:
            piece = slice(i, i + 2), slice(j, j + 2), self._spans[part]
            if before[i, j, part]:
                placed = flat[piece].reshape(-1, 2)
            else:
                fans = seen[piece][:, :, self._fans[part]]
                shown = _before(fans.transpose(2, 0, 1, 3, 4).reshape(3, -1, 3), depth * self._flat)
                if not len(shown):
                    continue
                placed = shown[:, :2] / shown[:, 2:]
            parts.append(part)
            points.append(placed)
        return parts, points

    def _widened(self, points: list[Points], corner: float, bend: float, focals: Interval) -> Iterator["_Hull | None"]:
        """The hull of each of `points` at focal length 1, over both focal lengths; None when out of sight."""
        width, height = self._size
        ends = list(itertools.accumulate(map(len, points)))
        starts = [0, *ends[:-1]]
        together = np.concatenate(points)
        squares = np.maximum.reduceat((together * together).sum(axis=1), starts).tolist()
        shares = np.array([1.0] if focals[0] == focals[1] else [1.0, focals[0] / focals[1]])
        placed = together[:, None] * (focals[1], -focals[1]) * shares[:, None] + (width / 2 - 0.5, height / 2 - 0.5)
        lows = np.minimum.reduceat(placed.min(axis=1), starts).tolist()
        highs = np.maximum.reduceat(placed.max(axis=1), starts).tolist()
        rough = placed.astype(np.float32)
        for start, end, square, low, high in zip(starts, ends, squares, lows, highs, strict=True):
            farthest = min(corner, math.sqrt(square) + bend / focals[1])
            stretch = 1 / math.cos(math.atan(farthest) + self._error_rad) ** 2
            margin = bend + GROWTH_PX + RASTER_PX + focals[1] * self._error_rad * stretch
            if min(high) + margin < -1 or low[0] - margin > width or low[1] - margin > height:
                yield None
                continue
            hull = cv2.convexHull(rough[start:end].reshape(-1, 2)) + RING * np.float32(margin)
            drawn = np.round(cv2.convexHull(hull.reshape(-1, 2)) * np.float32(1 << SHIFT)).astype(np.int32)
            reach = margin * RING_REACH
            yield _Hull(drawn, low[0] - reach, low[1] - reach, high[0] + reach, high[1] + reach)

    def _fill(self, hulls: list["_Hull"]) -> Stencil | None:
        if not hulls:
            return None
        left, top = (
            max(0, math.floor(low) // ALIGNED * ALIGNED)
            for low in (min(one.left for one in hulls), min(one.top for one in hulls))
        )
        right, bottom = (
            min(most // 2 * 2, (math.ceil(high) + 1 + ALIGNED) // ALIGNED * ALIGNED)
            for high, most in zip(
                (max(one.right for one in hulls), max(one.bottom for one in hulls)), self._size, strict=True
            )
        )
        if left >= right or top >= bottom:
            return None
        # OpenCV is wrong by up to a pixel in the row where it cuts a polygon off: it gets one that is thrown away
        drawn_on = np.zeros((bottom - top + 1, right - left), np.uint8)
        corner = np.array((left << SHIFT, top - 1 << SHIFT), np.int32)
        for hull in hulls:
            cv2.fillConvexPoly(drawn_on, hull.corners - corner, 255, lineType=cv2.LINE_8, shift=SHIFT)
        fine = drawn_on[1:]
        # the mean of four: 64 at the least where one of them is 255
        half = cv2.resize(fine, ((right - left) // 2, (bottom - top) // 2), interpolation=cv2.INTER_AREA)
        return Stencil(fine, half, left, top)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class _Hull:
    """Where a part of a mask may be: (N, 1, 2) corners, in 1 / 2^SHIFT of a pixel, and what holds them in pixels."""

    corners: NDArray[np.int32]
    left: float
    top: float
    right: float
    bottom: float


def _over_pieces(values: Points, combine: np.ufunc) -> Points:
    """(pans, tilts, ...) of each piece, from (corners, corners, ...): its two or four corners' combined."""
    if len(values) > 1:
        values = combine(values[:-1], values[1:])
    if values.shape[1] > 1:
        values = combine(values[:, :-1], values[:, 1:])
    return values


def _cut(interval: Interval, pieces: int) -> list[float]:
    low, high = interval
    return [low + (high - low) * i / pieces for i in range(pieces)] + [high] if low < high else [low]


def _fan(corners: int) -> NDArray[np.intp]:
    """(3, triangles): which corners of a convex part are those of its flat triangles."""
    return np.array([[0] * (corners - 2), range(1, corners - 1), range(2, corners)])


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
