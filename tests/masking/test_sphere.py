"""Places made ready: parts that fill the polygon and no more, none too large, and a plane that fits it."""

import numpy as np
import pytest

from agent.directions import direction
from agent.masking.sphere import LONGEST_EDGE_DEG, Place, WorldMask, place_of, small_triangles
from agent.polygons import Polygon
from agent.world_polygons import triangle_areas, triangles
from tests.masking.worlds import inside, star

ARROW = ((-20.0, 10.0), (20.0, 10.0), (20.0, -20.0), (0.0, 0.0), (-20.0, -20.0))
CAP = tuple((float(pan), -10.0) for pan in range(0, 360, 30))


def held(place: Place, rays: np.ndarray) -> np.ndarray:
    """How many parts hold each ray."""
    count = np.zeros(rays.shape[:-1], int)
    for part in place.parts:
        sides = np.cross(part, np.roll(part, -1, axis=0))
        count += (rays @ sides.T > 0).all(axis=-1)
    return count


def test_a_small_convex_polygon_stays_whole_and_a_winding_one_is_cut() -> None:
    assert [len(part) for part in place_of(WorldMask(ARROW[:3])).parts] == [3]
    assert {len(part) for part in place_of(WorldMask(ARROW)).parts} == {3}
    assert len(place_of(WorldMask(ARROW)).parts) == 3


@pytest.mark.parametrize("seed", range(12))
def test_the_parts_of_a_polygon_hold_what_it_holds_once_and_nothing_else(seed: int) -> None:
    random = np.random.default_rng(seed)
    points, middle = star(random, float(random.uniform(1, 60)))
    towards = direction(*np.array([middle])[0])
    rays = towards + random.normal(0, 0.4, (4000, 3))
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    rays = rays[rays @ towards > 0]
    found = held(place_of(WorldMask(tuple(points))), rays)
    assert ((found == 1) == inside(points, middle, rays)).mean() > 0.999
    assert found.max() <= 1


@pytest.mark.parametrize("points", [ARROW, CAP, ((-60, -50), (60, -50), (60, 50), (-60, 50))])
def test_no_part_has_an_edge_of_60_degrees_and_halving_keeps_the_area(points: Polygon) -> None:
    whole = triangles(points)
    small = small_triangles(whole)
    edges = (small * np.roll(small, -1, axis=1)).sum(axis=-1)
    assert edges.min() > np.cos(np.radians(LONGEST_EDGE_DEG))
    assert triangle_areas(small).sum() == pytest.approx(triangle_areas(whole).sum())


def test_the_plane_holds_the_polygon_and_touches_near_its_middle() -> None:
    tangent = place_of(WorldMask(((30.0, 0.0), (50.0, 0.0), (50.0, -20.0), (30.0, -20.0)))).tangent
    assert tangent is not None
    assert tangent.axes[2] @ direction(40, -10) > 0.999
    assert tangent.left == pytest.approx(-tangent.right, abs=0.02)
    assert (tangent.left, tangent.bottom) < (0, 0)
    assert tangent.axes @ tangent.axes.T == pytest.approx(np.eye(3))
    assert tangent.right - tangent.left == pytest.approx(2 * np.tan(np.radians(10)), rel=0.05)


@pytest.mark.parametrize("points", [CAP, ((-60, 5), (60, 5), (60, -5), (-60, -5))])
def test_a_place_that_spans_more_than_100_degrees_has_no_plane(points: Polygon) -> None:
    assert place_of(WorldMask(points)).tangent is None
