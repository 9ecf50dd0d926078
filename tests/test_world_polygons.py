"""World polygons: what is accepted hides what it seems to, on a sphere that has seams, poles and no outside."""

import math

import numpy as np
import pytest

from agent.directions import direction, pan_tilt
from agent.polygons import Polygon
from agent.world_polygons import outline, tilt_span, triangle_areas, triangles, world_polygon_fault

SQUARE: Polygon = ((10, -4), (18, -4), (18, -12), (10, -12))


def ring(tilt: float, step: int = 30) -> Polygon:
    return tuple((float(pan), tilt) for pan in range(0, 360, step))


GOOD: dict[str, Polygon] = {
    "square": SQUARE,
    "the other way round": SQUARE[::-1],
    "closed by its first point": (*SQUARE, SQUARE[0]),
    "with a point along an edge": ((0, 0), (5, 0), (10, 0), (10, 10)),
    "a turn further": tuple((pan - 360, tilt) for pan, tilt in SQUARE),
    "across the seam": ((170, 0), (-170, 0), (-170, -10), (170, -10)),
    "across the seam, counted on": ((170, 0), (190, 0), (190, -10), (170, -10)),
    "around the zenith": ring(80),
    "to the pole": ((0, 60), (90, 60), (0, 90)),
    "all below the horizon but little": ring(-5),
    "around the camera": (
        *((float(pan), 5.0) for pan in range(-150, 151, 60)),
        *((float(pan), -5.0) for pan in range(150, -151, -60)),
    ),
    "concave": ((0, 0), (10, 0), (10, 10), (5, 2), (0, 10)),
    "a star of 200 points": tuple(
        (20 * math.cos(turn) * (1 + 0.5 * math.sin(9 * turn)), 20 * math.sin(turn) * (1 + 0.5 * math.sin(9 * turn)))
        for turn in np.linspace(0, 2 * math.pi, 201)[:-1].tolist()
    ),
    "a hundredth of a degree": ((0, 0), (0.01, 0), (0.01, 0.01)),
}
BAD: dict[str, Polygon] = {
    "nothing": (),
    "one point": ((1, 1),) * 4,
    "a line": ((0, 0), (10, 0), (5, 0)),
    "the pole said three ways": ((0, 90), (120, 90), (240, 90)),
    "a bow tie": ((10, -4), (18, -12), (18, -4), (10, -12)),
    "a bow tie across the seam": ((170, 0), (-170, -10), (-170, 0), (170, -10)),
    "touching itself": ((0, 0), (10, 0), (20, 10), (10, 0.0), (0, 10)),
    "a spike": ((0, 0), (20, 0), (10, 0), (10, 10)),
    "twice round": SQUARE * 2,
    "the horizon": ring(0),
    "nearly the horizon": ring(-0.5),
    "an edge of half a turn": ((0, 0), (180, 0), (90, 10)),
    "too high": ((0, 91), (1, 1), (2, 2)),
    "too far round": ((361, 0), (350, 0), (350, 10)),
    "no number": ((0, math.nan), (1, 1), (2, 2)),
    "without end": ((0, 0), (math.inf, 1), (2, 2)),
    "a thousandth of a degree": ((0, 0), (0.001, 0), (0.001, 0.001)),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_good_polygon_is_cut_into_triangles_of_its_own_area(name: str) -> None:
    assert world_polygon_fault(GOOD[name]) == ""
    cut = triangles(GOOD[name])
    assert len(cut) == len(outline(GOOD[name])) - 2
    sides = np.cross(cut[:, 0], cut[:, 1])
    assert ((sides * cut[:, 2]).sum(axis=1) > 0).all()
    assert 0 < triangle_areas(cut).sum() < 2 * math.pi


@pytest.mark.parametrize("name", BAD)
def test_a_polygon_that_is_no_place_is_refused(name: str) -> None:
    assert world_polygon_fault(BAD[name])


def test_points_all_around_enclose_what_lies_beyond_them() -> None:
    for tilt, pole in ((-10.0, -90.0), (10.0, 90.0)):
        cut = triangles(ring(tilt, 5))
        assert triangle_areas(cut).sum() == pytest.approx(2 * math.pi * (1 - math.sin(math.radians(10))), rel=0.02)
        sides = np.cross(cut, np.roll(cut, -1, axis=1))
        assert (sides @ direction(0, pole) >= -1e-9).all(axis=1).any()
        assert not (sides @ direction(0, -pole) >= 0).all(axis=1).any()


def test_the_tilts_of_a_polygon_follow_its_arcs_and_its_pole() -> None:
    low, high = tilt_span(((-40, 30), (40, 30), (40, 20), (-40, 20)))
    assert low == pytest.approx(20, abs=0.1)
    assert high == pytest.approx(
        math.degrees(math.atan(math.tan(math.radians(30)) / math.cos(math.radians(40)))), abs=0.1
    )
    assert tilt_span(ring(-10))[0] == -90
    assert tilt_span(ring(70))[1] == 90


@pytest.mark.parametrize(("pan", "tilt"), [(0, 0), (90, 10), (-90, -45), (179, 80), (-135, 0)])
def test_directions_and_angles_are_each_others_inverse(pan: float, tilt: float) -> None:
    assert pan_tilt(3 * direction(pan, tilt)) == pytest.approx((pan, tilt))
