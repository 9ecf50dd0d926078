"""Polygons in picture fractions: is this one a shape that can be burned?"""

from itertools import pairwise

from agent.language import say

Point = tuple[float, float]

SMALLEST_AREA = 1e-6
"""Of the picture: two pixels of a 1080p one. A mask below that is a slip of the pen."""


def area(polygon: tuple[Point, ...]) -> float:
    """The polygon's area (shoelace formula), in the square of its units."""
    closed = (*polygon, polygon[0])
    return abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in pairwise(closed))) / 2


def _side(a: Point, b: Point, c: Point) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _cross(a: Point, b: Point, c: Point, d: Point) -> bool:
    return _side(a, b, c) * _side(a, b, d) < 0 and _side(c, d, a) * _side(c, d, b) < 0


def crosses_itself(polygon: tuple[Point, ...]) -> bool:
    """True when two edges that are not neighbours cross."""
    edges = list(pairwise((*polygon, polygon[0])))
    return any(_cross(*edges[i], *edges[j]) for i in range(len(edges)) for j in range(i + 2, len(edges)))


def polygon_fault(polygon: tuple[Point, ...]) -> str:
    """What is wrong with a mask's polygon and what would be right; empty when it is good. Partly outside is good."""
    if not all(-10 <= value <= 10 for point in polygon for value in point):  # also refuses nan
        return say(
            en="has a point far outside the picture; fractions run from 0 to 1",
            fr="a un point loin hors de l'image ; les fractions vont de 0 à 1",
        )
    if crosses_itself(polygon):
        return say(
            en="crosses itself; list the points in order around the place",
            fr="se croise ; lister les points dans l'ordre autour du lieu",
        )
    if area(polygon) < SMALLEST_AREA:
        return say(
            en="encloses nothing; give at least three points that are not on one line",
            fr="n'entoure rien ; donner au moins trois points non alignés",
        )
    horizontal, vertical = zip(*polygon, strict=True)
    if max(horizontal) <= 0 or min(horizontal) >= 1 or max(vertical) <= 0 or min(vertical) >= 1:
        return say(
            en="lies wholly outside the picture; fractions run from 0 to 1",
            fr="est entièrement hors de l'image ; les fractions vont de 0 à 1",
        )
    return ""
