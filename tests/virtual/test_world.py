"""The private places: spread over the circle, of every awkward kind, with nothing that moves before them."""

from itertools import pairwise

import numpy as np
import pytest

from agent.virtual.fisheye import inside
from agent.virtual.sphere import angles, between_deg
from agent.virtual.world import LOOP_S, NORTH, PRIVATE, Car, passing

NAMED = {place.name: place for place in PRIVATE}


def test_there_are_enough_of_them_all_around() -> None:
    pans = sorted(angles(place.middle())[0] for place in PRIVATE)
    assert len(PRIVATE) >= 8
    assert max(b - a for a, b in pairwise((*pans, pans[0] + 360))) < 90


def test_one_crosses_the_seam_one_is_high_one_is_tiny_and_one_lies_under_the_mast() -> None:
    living = [pan for pan, _ in NAMED["maison 7, séjour"].world_deg]
    assert min(living) < -170
    assert max(living) > 170
    assert angles(NAMED["tour, dernier étage"].middle())[1] == pytest.approx(40, abs=1)
    far = NAMED["fenêtre au loin"].world_deg
    assert (far[1][0] - far[0][0], far[0][1] - far[3][1]) == pytest.approx((1.0, 0.7), abs=0.01)
    assert angles(NAMED["verrière"].middle())[1] < -55


def test_a_walls_straight_edge_is_the_arc_between_its_corners() -> None:
    low, high = NORTH.at(65, 4.6), NORTH.at(75, 4.6)
    pole = np.cross(low, high)
    for share in (0.2, 0.5, 0.9):
        between = low + share * (high - low)
        assert abs(float(between @ pole)) < 1e-6 * float(np.linalg.norm(between) * np.linalg.norm(pole))


def test_no_two_of_them_overlap() -> None:
    for number, one in enumerate(PRIVATE):
        for other in PRIVATE[number + 1 :]:
            assert between_deg(one.middle(), other.middle()) > 1
            assert not inside(one, other.corners()[None]).any()


def test_nothing_that_moves_ever_stands_before_a_private_place() -> None:
    points = []
    for time_s in np.arange(0, LOOP_S, 0.2):
        for who, foot in passing(float(time_s)):
            tall, wide = (1.5, who.size_m / 2 + 0.3) if isinstance(who, Car) else (who.size_m, 0.45)
            points += [foot + np.array((dx, up, 0)) for dx in (-wide, 0, wide) for up in (0, tall / 2, tall * 1.06)]
    looked = np.array(points)[None]
    assert looked.shape[1] > 1000
    for place in PRIVATE:
        assert not inside(place, looked).any(), place.name


def test_the_street_is_never_empty_and_everybody_comes_back() -> None:
    assert min(len(list(passing(float(time_s)))) for time_s in np.arange(0, LOOP_S, 0.5)) >= 2
    first, again = list(passing(3.0)), list(passing(3.0 + LOOP_S))
    assert [who for who, _ in first] == [who for who, _ in again]
    assert np.allclose([foot for _, foot in first], [foot for _, foot in again])
