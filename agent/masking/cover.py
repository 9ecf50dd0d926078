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
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

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
UNITS = 1 << SHIFT
"""Of these coordinates in a pixel."""


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
        self._count = len(parts)
        self._size = (width, height)
        self._middle = (width / 2 - 0.5, height / 2 - 0.5)
        self._middle_units = np.array(self._middle) * UNITS
        self._error_rad = math.radians(error_deg)
        ends = itertools.accumulate(len(part) for one in parts for part in one)
        owners = [(owner, part) for owner, one in enumerate(parts) for part in one]
        self._parts = [_Part.of(owner, part, end) for end, (owner, part) in zip(ends, owners, strict=True)]
        self._corners = np.concatenate([*(part for _, part in owners), np.zeros((0, 3))])
        self._flat = min((part.flat for part in self._parts), default=1.0)

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
        if not points:
            return [None] * self._count
        hulls = self._widened(parts, points, corner, bend, box.focal)
        return [self._fill(one) if one else None for one in hulls]

    def _project(self, axes: Vectors, depth: float, off_axis: float) -> tuple[list["_Part"], list[Points]]:
        """Parts and their (N, 3) points in camera coordinates, under the corners of each piece of the box, where they
        are near enough to be seen; `axes`: (pans, tilts, 3, 3) of the pieces' corners.
        """
        pans, tilts = axes.shape[:2]
        seen = (self._corners @ axes.reshape(-1, 3).T).reshape(-1, pans, tilts, 3)
        forward, depths = axes[:, :, 2].tolist(), np.minimum.reduce(seen[..., 2], axis=(1, 2)).tolist()
        parts, points = [], []
        for i, j in itertools.product(range(max(1, pans - 1)), range(max(1, tilts - 1))):
            middle = _middle([one for row in forward[i : i + 2] for one in row[j : j + 2]])
            for part in self._parts:
                if not part.is_within(off_axis, middle):
                    continue
                placed = seen[part.span, i : i + 2, j : j + 2]
                if min(depths[part.span]) >= depth:
                    shown = placed.reshape(-1, 3)
                else:
                    corners = placed.reshape(len(placed), -1, 3).tolist()
                    shown = np.array(_before(corners, part.edges, depth * self._flat))
                if len(shown):
                    parts.append(part)
                    points.append(shown)
        return parts, points

    def _widened(
        self, parts: list["_Part"], points: list[Points], corner: float, bend: float, focals: Interval
    ) -> list[list["_Hull"]]:
        """Of each mask the hulls of the `points` of its parts over both focal lengths, where they are in sight."""
        width, height = self._size
        ends = list(itertools.accumulate(map(len, points)))
        starts = [0, *ends[:-1]]
        together = np.concatenate(points)
        flat = together[:, :2]
        flat /= together[:, 2:]
        together[:, 2] = np.hypot(flat[:, 0], flat[:, 1])  # from here on, the tangent of the angle off the axis
        lows, highs = np.minimum.reduceat(together, starts).tolist(), np.maximum.reduceat(together, starts).tolist()
        scales = np.array([(UNITS * focal, -UNITS * focal) for focal in sorted(set(focals))])
        rough = (flat[:, None] * scales + self._middle_units).astype(np.float32)
        x, y = self._middle
        hulls: list[list[_Hull]] = [[] for _ in range(self._count)]
        for part, start, end, low, high in zip(parts, starts, ends, lows, highs, strict=True):
            stretch = 1 / math.cos(math.atan(min(corner, high[2] + bend / focals[1])) + self._error_rad) ** 2
            margin = bend + GROWTH_PX + RASTER_PX + focals[1] * self._error_rad * stretch
            left, right = x + _least(low[0], focals), x - _least(-high[0], focals)
            top, bottom = y + _least(-high[1], focals), y - _least(low[1], focals)
            if min(right, bottom) + margin < -1 or left - margin > width or top - margin > height:
                continue
            hull = cv2.convexHull(rough[start:end].reshape(-1, 2)) + RING * np.float32(UNITS * margin)
            drawn = np.rint(cv2.convexHull(hull.reshape(-1, 2))).astype(np.int32)
            reach = margin * RING_REACH
            hulls[part.owner].append(_Hull(drawn, left - reach, top - reach, right + reach, bottom + reach))
        return hulls

    def _fill(self, hulls: list["_Hull"]) -> Stencil | None:
        """What the hulls of one mask cover together."""
        corners, lefts, tops, rights, bottoms = zip(*hulls, strict=True)
        width, height = self._size
        left, top = _down(min(lefts)), _down(min(tops))
        right, bottom = min(width // 2 * 2, _up(max(rights))), min(height // 2 * 2, _up(max(bottoms)))
        if left >= right or top >= bottom:
            return None
        # OpenCV is wrong by up to a pixel in the row where it cuts a polygon off: it gets one that is thrown away
        drawn_on = np.zeros((bottom - top + 1, right - left), np.uint8)
        corner = np.array((left << SHIFT, top - 1 << SHIFT), np.int32)
        for one in corners:
            cv2.fillConvexPoly(drawn_on, one - corner, 255, cv2.LINE_8, SHIFT)
        fine = drawn_on[1:]
        # the mean of four: 64 at the least where one of them is 255
        half = cv2.resize(fine, ((right - left) // 2, (bottom - top) // 2), interpolation=cv2.INTER_AREA)
        return Stencil(fine, half, left, top)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class _Part:
    """A convex part of the mask `owner`. `span`: its corners among those of all.

    `middle`, `radius_rad`: a disc on the sphere that holds it. `edges`: pairs of corners, the sides of its flat
    triangles; `flat`: how near to the sphere's centre these come.
    """

    owner: int
    span: slice
    middle: tuple[float, float, float]
    radius_rad: float
    edges: tuple[tuple[int, int], ...]
    flat: float

    @classmethod
    def of(cls, owner: int, corners: Vectors, end: int) -> "_Part":
        """The part with these (N, 3) corners, the last of which stands before `end` among those of all."""
        count = len(corners)
        total = corners.sum(axis=0)
        middle = total / np.linalg.norm(total)
        radius = math.acos(min(1.0, max(-1.0, float((corners @ middle).min()))))
        sides = tuple((i, (i + 1) % count) for i in range(count))
        across = tuple((0, i) for i in range(2, count - 1))
        flat = min(_height(corners[[0, i, i + 1]]) for i in range(1, count - 1))
        x, y, z = middle.tolist()
        return cls(owner, slice(end - count, end), (x, y, z), radius, sides + across, flat)

    def is_within(self, angle_rad: float, direction: tuple[float, float, float]) -> bool:
        """True when its disc comes nearer than the angle to a direction."""
        (x, y, z), (a, b, c), reach = self.middle, direction, self.radius_rad + angle_rad
        return reach >= math.pi or x * a + y * b + z * c > math.cos(reach)


class _Hull(NamedTuple):
    """Where a part of a mask may be: (N, 1, 2) corners, in 1 / UNITS of a pixel, and what holds them in pixels."""

    corners: NDArray[np.int32]
    left: float
    top: float
    right: float
    bottom: float


def _down(low: float) -> int:
    """The last of the borders of stencils, from the picture's own on, that lies before all pixels from `low` on."""
    return max(0, math.floor(low) // ALIGNED * ALIGNED)


def _up(high: float) -> int:
    """The first of them that lies behind all pixels up to `high`."""
    return (math.ceil(high) + 1 + ALIGNED) // ALIGNED * ALIGNED


def _middle(directions: Sequence[Sequence[float]]) -> tuple[float, float, float]:
    """The direction in the middle of some."""
    x, y, z = map(sum, zip(*directions, strict=True))
    size = math.hypot(x, y, z)
    return x / size, y / size, z / size


def _least(tangent: float, focals: Interval) -> float:
    """The least of what a tangent takes in pixels over both focal lengths."""
    return tangent * (focals[0] if tangent > 0 else focals[1])


def _cut(interval: Interval, pieces: int) -> list[float]:
    low, high = interval
    return [low + (high - low) * i / pieces for i in range(pieces)] + [high] if low < high else [low]


def _height(triangle: Vectors) -> float:
    """How near to the sphere's centre the plane of a flat triangle comes: directions inside have shrunk to this."""
    normal = cross(triangle[1] - triangle[0], triangle[2] - triangle[0])
    return abs(float(normal @ triangle[0])) / float(np.linalg.norm(normal))


def _before(
    corners: Sequence[Sequence[Sequence[float]]], edges: Sequence[tuple[int, int]], depth: float
) -> list[Sequence[float]]:
    """What of flat triangles lies `depth` before the camera: its corners in camera coordinates under several poses.

    `corners`: of each one, (x, y, z) under each pose. `edges`: pairs of them.
    """
    shown = [one for corner in corners for one in corner if one[2] >= depth]
    for start, end in edges:
        for (ax, ay, az), (bx, by, bz) in zip(corners[start], corners[end], strict=True):
            if (az >= depth) != (bz >= depth):
                share = (depth - az) / (bz - az)
                shown.append((ax + share * (bx - ax), ay + share * (by - ay), az + share * (bz - az)))
    return shown
