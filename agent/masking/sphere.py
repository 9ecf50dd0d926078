"""A mask's place in the world, made ready once: convex parts to cover it, a tangent plane to lay its grid in.

Laws
- Its convex parts (the whole, or triangles) fill the polygon exactly, and none has an edge of 60 degrees or more.
- The tangent plane touches the sphere at the polygon's centre; great circles are straight lines in it, so it and any
  picture are one homography apart.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from agent.directions import Vectors, basis, cross, dot, pan_tilt
from agent.polygons import Polygon
from agent.world_polygons import outline, triangles

LONGEST_EDGE_DEG = 60
WIDEST_GRID_DEG = 100
"""A polygon that spans more has no grid: its cells would be stretched too far from the centre to mean one place."""


@dataclass(frozen=True, slots=True)
class WorldMask:
    """A privacy mask as it was configured: a polygon of (pan, tilt) degrees and its style."""

    world_deg: Polygon
    style: Literal["pixelate", "solid"] = "pixelate"


@dataclass(frozen=True, slots=True)
class Tangent:
    """The plane that touches the sphere at `axes[2]`; `axes[0]` is its right and `axes[1]` its up.

    `left`, `right`, `bottom`, `top`: the polygon's bounds in it, in tangents of angles.
    """

    axes: Vectors
    left: float
    right: float
    bottom: float
    top: float


@dataclass(frozen=True, slots=True)
class Place:
    """`parts`: convex, (N, 3) corners each, together the polygon. `tangent`: None when it is too wide for a grid."""

    parts: tuple[Vectors, ...]
    tangent: Tangent | None


def small_triangles(whole: Vectors) -> Vectors:
    """The same region in triangles whose edges are all shorter than LONGEST_EDGE_DEG: longest edges are halved."""
    limit = np.cos(np.radians(LONGEST_EDGE_DEG))
    waiting, done = list(whole), []
    while waiting:
        one = waiting.pop()
        closeness = dot(one, np.roll(one, -1, axis=0))
        i = int(np.argmin(closeness))
        if closeness[i] > limit:
            done.append(one)
            continue
        a, b, c = np.roll(one, -i, axis=0)
        middle = (a + b) / np.linalg.norm(a + b)
        waiting += [np.stack([a, middle, c]), np.stack([middle, b, c])]
    return np.array(done).reshape(-1, 3, 3)


def _tangent(corners: Vectors) -> Tangent | None:
    centre = corners.sum(axis=0)
    size = float(np.linalg.norm(centre))
    if size < 1e-6:
        return None
    axes = basis(*pan_tilt(centre / size))
    depth = corners @ axes[2]
    if depth.min() < np.cos(np.radians(WIDEST_GRID_DEG / 2)):
        return None
    across, up = corners @ axes[0] / depth, corners @ axes[1] / depth
    return Tangent(axes, float(across.min()), float(across.max()), float(up.min()), float(up.max()))


def _parts(points: Polygon) -> tuple[Vectors, ...]:
    """A polygon that is convex and small as it is, any other as triangles."""
    corners = outline(points)
    after = np.roll(corners, -1, axis=0)
    bends = dot(cross(corners, after), np.roll(corners, -2, axis=0))
    middle = corners.sum(axis=0) / max(1e-9, float(np.linalg.norm(corners.sum(axis=0))))
    small = (corners @ middle).min() > np.cos(np.radians(LONGEST_EDGE_DEG / 2))
    return (corners,) if small and (bends > 0).all() else tuple(small_triangles(triangles(points)))


def place_of(mask: WorldMask) -> Place:
    """The mask made ready; its polygon is one that `world_polygon_fault` accepts."""
    return Place(_parts(mask.world_deg), _tangent(outline(mask.world_deg)))
