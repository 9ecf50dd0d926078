"""Mask outlines: what is accepted hides as much as it seems to, by the very code that burns it."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.masking.mosaic import rasterise
from agent.polygons import Polygon, area, crosses_itself, polygon_fault, tidy, visible_area

SQUARE: Polygon = ((0.1, 0.1), (0.3, 0.1), (0.3, 0.5), (0.1, 0.5))
CONCAVE: Polygon = ((0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.5, 0.3), (0.1, 0.9))
COMB: Polygon = ((0, 0), (1, 0), (1, 1), (0.8, 1), (0.8, 0.2), (0.6, 0.2), (0.6, 1), (0.4, 1), (0.4, 0.2), (0, 0.2))


def star(count: int) -> Polygon:
    """Points that lie by turns far from and near to the middle."""
    turns = [(i / count * 2 * math.pi, 0.2 + 0.2 * (i % 2)) for i in range(count)]
    return tuple((0.5 + math.cos(turn) * radius, 0.5 + math.sin(turn) * radius) for turn, radius in turns)


GOOD: dict[str, Polygon] = {
    "square": SQUARE,
    "the other way round": SQUARE[::-1],
    "triangle": ((0, 0), (1, 0), (0, 1)),
    "concave": CONCAVE,
    "comb": COMB,
    "partly outside": ((-0.5, 0.2), (0.5, 0.2), (0.5, 0.8), (-0.5, 0.8)),
    "larger than the picture": ((-1, -1), (2, -1), (2, 2), (-1, 2)),
    "closed by its first point": (*SQUARE, SQUARE[0]),
    "with a point said twice": (SQUARE[0], *SQUARE),
    "with a point along an edge": ((0, 0), (0.5, 0), (1, 0), (1, 1), (0, 1)),
    "a star of 100 points": star(100),
}

BAD: dict[str, Polygon] = {
    "nothing": (),
    "one point": ((0.5, 0.5),),
    "two points": ((0, 0), (1, 1)),
    "one point three times": ((0.5, 0.5),) * 3,
    "a line": ((0.1, 0.1), (0.2, 0.2), (0.3, 0.3)),
    "a line there and back": ((0.1, 0.1), (0.9, 0.1), (0.5, 0.1)),
    "smaller than two pixels": ((0.5, 0.5), (0.5005, 0.5), (0.5, 0.5005)),
    "bow tie": ((0, 0), (1, 1), (1, 0), (0, 1)),
    "bow tie with unequal wings": ((0, 0), (1, 0.9), (1, 0), (0, 1)),
    "two rooms that share a corner": ((0, 0), (0.5, 0.5), (1, 0), (1, 1), (0.5, 0.5), (0, 1)),
    "once round and round again": SQUARE * 2,
    "round twice, a little smaller": (*SQUARE, (0.11, 0.11), (0.29, 0.11), (0.29, 0.49), (0.11, 0.49)),
    "a spike": ((0.1, 0.1), (0.3, 0.1), (0.3, 0.5), (0.3, 0.9), (0.3, 0.5), (0.1, 0.5)),
    "a corner on a far edge": ((0, 0), (1, 0), (1, 1), (0.5, 0), (0, 1)),
    "left of the picture": ((-0.5, 0), (-0.1, 0), (-0.1, 1)),
    "below the picture": ((0, 1), (1, 1), (0.5, 2)),
    "across a corner without touching it": ((-1, 0.9), (0.9, -1), (-1, -1)),
    "in pixels": ((100, 100), (300, 100), (300, 500)),
    "no number": ((0.1, math.nan), (0.3, 0.1), (0.3, 0.5)),
    "infinite": ((0.1, math.inf), (0.3, 0.1), (0.3, 0.5)),
    "infinite to the left": ((-math.inf, 0.1), (0.3, 0.1), (0.3, 0.5)),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_good_outline(name: str) -> None:
    assert polygon_fault(GOOD[name]) == ""


@pytest.mark.parametrize("name", BAD)
def test_an_outline_that_would_hide_nothing_or_only_a_part(name: str) -> None:
    assert polygon_fault(BAD[name])


def test_the_outline_that_goes_round_twice_is_what_burning_would_leave_open() -> None:
    # why it is refused: the even-odd rule burns the double ring's rim and leaves its inside visible
    burned = rasterise(BAD["round twice, a little smaller"], 640, 480)
    assert burned[round(0.3 * 480), round(0.2 * 640)] == 0


def test_tidy_drops_repetitions_and_nothing_else() -> None:
    assert tidy((SQUARE[0], *SQUARE, SQUARE[-1], SQUARE[0])) == SQUARE
    assert tidy(CONCAVE) == CONCAVE
    assert tidy(()) == ()
    assert tidy(((1, 1),)) == ((1, 1),)


def test_areas_inside_and_across_the_edge() -> None:
    assert area(SQUARE) == pytest.approx(0.08)
    assert area(SQUARE[::-1]) == pytest.approx(0.08)
    assert visible_area(SQUARE) == pytest.approx(0.08)
    assert visible_area(GOOD["partly outside"]) == pytest.approx(0.3)
    assert visible_area(GOOD["larger than the picture"]) == pytest.approx(1)
    assert visible_area(BAD["across a corner without touching it"]) == 0
    assert visible_area(()) == 0


COORDINATES = st.one_of(st.floats(-0.5, 1.5), st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]))
OUTLINES = st.lists(st.tuples(COORDINATES, COORDINATES), max_size=8).flatmap(
    lambda points: st.sampled_from([tuple(points), tuple(points * 2), (*points, *points[:2])])
)


@given(OUTLINES)
def test_whatever_is_accepted_is_burned_as_far_as_it_is_visible(polygon: Polygon) -> None:
    if not polygon_fault(polygon):
        burned = float((rasterise(tidy(polygon), 640, 480) > 0).mean())
        assert burned >= visible_area(polygon) - 0.01


QUARTERS = st.integers(-1, 5).map(lambda one: one / 4)
"""Exact in binary: what touches, touches to the last bit."""


@given(st.lists(st.tuples(QUARTERS, QUARTERS), min_size=3, max_size=7).map(lambda points: tidy(tuple(points))))
def test_the_direction_and_the_start_of_an_outline_do_not_matter(polygon: Polygon) -> None:
    if len(polygon) >= 3:
        told = polygon_fault(polygon)
        assert polygon_fault(polygon[::-1]) == told
        assert polygon_fault((*polygon[1:], polygon[0])) == told


@given(st.lists(st.floats(0, 2 * math.pi), min_size=3, max_size=40, unique=True), st.floats(0.05, 0.5))
def test_an_outline_round_a_circle_never_crosses_itself(angles: list[float], radius: float) -> None:
    ordered = sorted(angles)
    apart = all(b - a > 1e-3 for a, b in pairwise([*ordered, ordered[0] + 2 * math.pi]))
    circle = tuple((0.5 + radius * math.cos(one), 0.5 + radius * math.sin(one)) for one in ordered)
    if apart:
        assert not crosses_itself(circle)
