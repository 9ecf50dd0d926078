"""Polygons in picture fractions: is this one a shape that can be burned?

Law: what is accepted here hides something. Masks are filled by the even-odd rule, by which a place that the outline
goes round twice stays visible; so an outline that crosses or touches itself is refused, and so is one that only seems
to reach into the picture.
"""

from itertools import pairwise

from agent.language import say

Point = tuple[float, float]
Polygon = tuple[Point, ...]

SMALLEST_AREA = 1e-6
"""Of the picture: two pixels of a 1080p one. A mask below that is a slip of the pen."""
FARTHEST = 10.0
"""Picture widths or heights away from the corner; farther is another unit (pixels, degrees), not a mask."""


def tidy(polygon: Polygon) -> Polygon:
    """`polygon` without points that repeat the one before, and without a last point that repeats the first."""
    points = tuple(point for before, point in zip((None, *polygon), polygon, strict=False) if point != before)
    return points[:-1] if len(points) > 1 and points[0] == points[-1] else points


def area(polygon: Polygon) -> float:
    """The polygon's area (shoelace formula), in the square of its units."""
    if not polygon:
        return 0.0
    closed = (*polygon, polygon[0])
    return abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in pairwise(closed))) / 2


def _cut(polygon: Polygon, axis: int, limit: float, keep_above: bool) -> Polygon:
    def inside(point: Point) -> bool:
        return point[axis] >= limit if keep_above else point[axis] <= limit

    kept: list[Point] = []
    for a, b in pairwise((*polygon, *polygon[:1])):
        if inside(a) != inside(b):
            share = (limit - a[axis]) / (b[axis] - a[axis])
            kept.append((a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1])))
        if inside(b):
            kept.append(b)
    return tuple(kept)


def visible_area(polygon: Polygon) -> float:
    """The area of the part that lies in the picture (Sutherland-Hodgman), as a share of the picture."""
    for axis in (0, 1):
        polygon = _cut(_cut(polygon, axis, 0.0, True), axis, 1.0, False)
    return area(polygon)


def _side(a: Point, b: Point, c: Point) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _on(a: Point, b: Point, c: Point) -> bool:
    """True when `c`, which is in line with `a` and `b`, lies between them."""
    return min(a[0], b[0]) <= c[0] <= max(a[0], b[0]) and min(a[1], b[1]) <= c[1] <= max(a[1], b[1])


def _meet(a: Point, b: Point, c: Point, d: Point) -> bool:
    sides = (_side(a, b, c), _side(a, b, d), _side(c, d, a), _side(c, d, b))
    if sides[0] * sides[1] < 0 and sides[2] * sides[3] < 0:
        return True
    ends = ((a, b, c), (a, b, d), (c, d, a), (c, d, b))
    return any(side == 0 and _on(*three) for side, three in zip(sides, ends, strict=True))


def crosses_itself(polygon: Polygon) -> bool:
    """True when two edges that are not neighbours meet; neighbours that lie on each other make the next edge do so."""
    count = len(polygon)
    edges = list(pairwise((*polygon, *polygon[:1])))
    return any(_meet(*edges[i], *edges[j]) for i in range(count) for j in range(i + 2, count - (i == 0)))


def polygon_fault(polygon: Polygon) -> str:
    """What is wrong with a mask's polygon and what would be right; empty when it is good. Partly outside is good."""
    if not all(-FARTHEST <= value <= FARTHEST for point in polygon for value in point):  # also refuses nan
        return say(
            en="has a point far outside the picture; fractions run from 0 to 1",
            fr="a un point loin hors de l'image ; les fractions vont de 0 à 1",
        )
    polygon = tidy(polygon)
    if len(polygon) < 3 or area(polygon) < SMALLEST_AREA:
        return say(
            en="encloses nothing; give at least three points that are not on one line, in order around the place",
            fr="n'entoure rien ; donner au moins trois points non alignés, dans l'ordre autour du lieu",
        )
    if crosses_itself(polygon):
        return say(
            en="crosses or touches itself; list the points in order, once around the place",
            fr="se croise ou se touche ; lister les points dans l'ordre, une fois autour du lieu",
        )
    if visible_area(polygon) < SMALLEST_AREA:
        return say(
            en="lies wholly outside the picture; fractions run from 0 to 1",
            fr="est entièrement hors de l'image ; les fractions vont de 0 à 1",
        )
    return ""
