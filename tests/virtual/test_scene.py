"""The scene: the same at the same moment, without a jump at the loop's end, and private exactly where it says."""

import numpy as np
import pytest

from agent.polygons import polygon_fault
from agent.virtual.scene import HEIGHT, LOOP_S, PRIVATE, WIDTH, Street


@pytest.fixture(scope="module")
def street() -> Street:
    return Street()


def test_the_same_moment_always_looks_the_same(street: Street) -> None:
    assert np.array_equal(street.render(7.3), Street().render(7.3))


def test_the_loop_ends_where_it_began(street: Street) -> None:
    assert np.array_equal(street.render(0), street.render(LOOP_S))
    last_step = np.abs(street.render(LOOP_S - 0.04).astype(int) - street.render(LOOP_S)).mean()
    assert last_step < 4 * np.abs(street.render(1.0).astype(int) - street.render(1.04)).mean()


@pytest.mark.parametrize("place", PRIVATE, ids=lambda place: place.name)
def test_each_private_place_is_a_mask_that_the_configuration_takes(place) -> None:
    assert polygon_fault(place.polygon) == ""


def test_people_move_behind_the_windows_and_everywhere_else_only_in_the_street(street: Street) -> None:
    moments = [street.render(second) for second in np.arange(0, LOOP_S, 1.5)]
    windows = np.zeros((HEIGHT, WIDTH), bool)
    for place in PRIVATE[:2]:
        (left, top), _, (right, bottom), _ = place.polygon
        windows[round(top * HEIGHT) : round(bottom * HEIGHT), round(left * WIDTH) : round(right * WIDTH)] = True
    front = np.zeros_like(windows)
    front[96:330, 80:780] = True
    # the light changes everywhere, slowly; colours change where somebody moves
    hue = np.stack([moment[:, :, 2].astype(float) / (moment.sum(axis=2) + 30) for moment in moments])
    moved = np.ptp(hue, axis=0) > 0.07
    assert moved[windows].mean() > 0.05
    assert moved[front & ~windows].mean() < 0.002
