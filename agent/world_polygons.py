"""Polygons of (pan, tilt) in degrees, on the sphere around the camera: is this one a place that can be masked?

Laws
- Edges are arcs of great circles and go the short way round, so they are straight lines in any picture.
- The outline cuts the sphere in two, and the smaller part is private. So points all around the camera at one tilt
  enclose all that lies beyond them: below when the tilt is negative, above when it is positive. One that halves the
  sphere is refused: nobody could say which half is meant. A band around the horizon is several masks side by side.
- What is accepted here is cut into triangles that fill it exactly (their areas are added up), or it is refused.

>>> world_polygon_fault(((10, -4), (18, -3), (18, -12), (10, -13)))
''
"""

import numpy as np
from numpy.typing import NDArray

from agent.directions import Vectors, cross, direction, dot
from agent.language import say
from agent.polygons import Polygon

SMALLEST_AREA_SR = 1e-9
"""A square of 0.002 degrees: a third of a pixel of a 1080p picture that is 10 degrees wide."""
TOUCH = 1e-9
"""In radians: nearer counts as touching."""
STRAIGHT = 1e-12
"""A triangle of less volume is a line."""
LONGEST_EDGE_COS = np.cos(np.radians(170))
UNDECIDED = 0.98
"""Of half the sphere: the inside must be clearly the smaller part."""
FARTHEST_PAN = 360.0


def outline(points: Polygon) -> Vectors:
    """(N, 3) corners without repetitions and without corners that stand on a straight edge; inside on the left."""
    corners = direction(*np.array(points, float).reshape(-1, 2).T)
    corners = corners[np.linalg.norm(corners - np.roll(corners, 1, axis=0), axis=1) > TOUCH]
    while len(corners) > 3:
        before, after = np.roll(corners, 1, axis=0), np.roll(corners, -1, axis=0)
        bends = np.abs(dot(cross(before, corners), after)) > STRAIGHT
        spikes = dot(cross(before, corners), cross(corners, after)) < 0
        needed = bends | spikes | (dot(before, after) < 0)  # an edge stays well under half a turn
        if needed.all():
            break
        corners = np.delete(corners, int(np.argmin(needed)), axis=0)
    return corners[::-1] if len(corners) > 2 and _area(corners) > 2 * np.pi else corners


def _area(corners: Vectors) -> float:
    """Steradians to the left of the outline (Girard: the angles' excess), 0..4 pi."""
    before, after = np.roll(corners, 1, axis=0), np.roll(corners, -1, axis=0)
    to_before = before - dot(before, corners)[:, None] * corners
    to_after = after - dot(after, corners)[:, None] * corners
    angles = np.arctan2(dot(corners, cross(to_after, to_before)), dot(to_after, to_before)) % (2 * np.pi)
    area = float((angles.sum() - (len(corners) - 2) * np.pi) % (4 * np.pi))
    return area if area < 4 * np.pi - SMALLEST_AREA_SR / 10 else 0.0


def _between(normals: Vectors, starts: Vectors, ends: Vectors, points: Vectors) -> NDArray[np.bool_]:
    """True where a point on an arc's great circle lies between the arc's ends, or within TOUCH of them."""
    after_start: NDArray[np.bool_] = dot(cross(normals, starts), points) > -TOUCH
    before_end: NDArray[np.bool_] = dot(cross(ends, normals), points) > -TOUCH
    return after_start & before_end


def _crosses_itself(corners: Vectors) -> bool:
    """True when two edges meet that are not neighbours, or a corner lies on an edge that is not its own."""
    count = len(corners)
    ends = np.roll(corners, -1, axis=0)
    normals = cross(corners, ends)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    index = np.arange(count)
    edge, corner = (one.ravel() for one in np.meshgrid(index, index, indexing="ij"))
    strange = (corner != edge) & (corner != (edge + 1) % count)
    edge, corner = edge[strange], corner[strange]
    on = np.abs(dot(normals[edge], corners[corner])) < TOUCH
    if (on & _between(normals[edge], corners[edge], ends[edge], corners[corner])).any():
        return True
    one, other = np.triu_indices(count, 2)
    apart = (one > 0) | (other < count - 1)
    one, other = one[apart], other[apart]
    meeting = cross(normals[one], normals[other])
    return any(
        bool(
            (
                _between(normals[one], corners[one], ends[one], sign * meeting)
                & _between(normals[other], corners[other], ends[other], sign * meeting)
                & (np.linalg.norm(meeting, axis=1) > TOUCH)
            ).any()
        )
        for sign in (1, -1)
    )


def _ear(corners: Vectors) -> int | None:
    """The index of a corner that can be cut off along a straight edge without touching any other, or None."""
    for i in range(len(corners)):
        a, b, c = corners[i - 1], corners[i], corners[(i + 1) % len(corners)]
        if dot(cross(a, b), c) <= STRAIGHT:
            continue
        others = np.delete(corners, [(i - 1) % len(corners), i, (i + 1) % len(corners)], axis=0)
        sides = others @ np.stack([cross(a, b), cross(b, c), cross(c, a)]).T
        if not (sides > -STRAIGHT).all(axis=1).any():
            return i
    return None


def triangle_areas(triangles: Vectors) -> Vectors:
    """(T,) steradians of (T, 3, 3) triangles (Eriksson)."""
    a, b, c = triangles[:, 0], triangles[:, 1], triangles[:, 2]
    volume = np.abs(dot(cross(a, b), c))
    return np.asarray(2 * np.arctan2(volume, 1 + dot(a, b) + dot(b, c) + dot(c, a)))


def triangles(points: Polygon) -> Vectors:
    """(T, 3, 3): the polygon's inside cut into triangles, inside on their left; none when it cannot be done."""
    corners = outline(points)
    wanted = _area(corners) if len(corners) > 2 else 0.0
    found: list[Vectors] = []
    while len(corners) >= 3:
        i = _ear(corners)
        if i is None:
            break
        found.append(np.stack([corners[i - 1], corners[i], corners[(i + 1) % len(corners)]]))
        corners = np.delete(corners, i, axis=0)
    whole = np.array(found).reshape(-1, 3, 3)
    exact = abs(float(triangle_areas(whole).sum()) - wanted) < SMALLEST_AREA_SR / 10 + 1e-6 * wanted
    return whole if exact else whole[:0]


def world_polygon_fault(points: Polygon) -> str:
    """What is wrong with a mask's polygon of (pan, tilt) degrees and what would be right; empty when it is good."""
    if not all(abs(pan) <= FARTHEST_PAN and abs(tilt) <= 90 for pan, tilt in points):  # also refuses nan
        return say(
            en="has a point outside the sphere; pan runs from -180 to 180 degrees (to 360 across the seam), "
            "tilt from -90 to 90",
            fr="a un point hors de la sphère ; pan va de -180 à 180 degrés (jusqu'à 360 au-delà de la couture), "
            "tilt de -90 à 90",
        )
    corners = outline(points)
    flat = say(
        en="encloses nothing; give at least three directions that are not on one line, in order around the place",
        fr="n'entoure rien ; donner au moins trois directions non alignées, dans l'ordre autour du lieu",
    )
    if len(corners) < 3:
        return flat
    if (dot(corners, np.roll(corners, -1, axis=0)) < LONGEST_EDGE_COS).any():
        return say(
            en="has an edge of about half a turn, which could go either way; put a point between",
            fr="a un côté d'environ un demi-tour, qui pourrait passer des deux côtés ; ajouter un point entre",
        )
    if _crosses_itself(corners):
        return say(
            en="crosses or touches itself; list the directions in order, once around the place",
            fr="se croise ou se touche ; lister les directions dans l'ordre, une fois autour du lieu",
        )
    area = _area(corners)
    if area < SMALLEST_AREA_SR:
        return flat
    if area > UNDECIDED * 2 * np.pi:
        return say(
            en="halves the sphere, so that nobody can say which half is private; give several smaller masks",
            fr="coupe la sphère en deux, sans dire quelle moitié est privée ; donner plusieurs masques plus petits",
        )
    if not len(triangles(points)):
        return say(
            en="is too winding to be cut into triangles; give several simpler masks",
            fr="est trop tortueux pour être découpé en triangles ; donner plusieurs masques plus simples",
        )
    return ""


def tilt_span(points: Polygon) -> tuple[float, float]:
    """(lowest, highest) tilt in degrees of the polygon's inside; its edges are followed, since arcs bulge."""
    cut = triangles(points)
    shares = np.linspace(0, 1, 33)[:, None, None, None]
    along = cut + shares * (np.roll(cut, -1, axis=1) - cut)
    tilts = np.degrees(np.arcsin(np.clip(along[..., 2] / np.linalg.norm(along, axis=-1), -1, 1)))
    poles = [
        tilt
        for tilt, pole in ((-90.0, np.array([0.0, 0.0, -1.0])), (90.0, np.array([0.0, 0.0, 1.0])))
        if (dot(cross(cut, np.roll(cut, -1, axis=1)), pole) >= 0).all(axis=1).any()
    ]
    return min(float(tilts.min()), *poles, 90.0), max(float(tilts.max()), *poles, -90.0)
