"""The drawn street: complete or absent, by day and by night."""

from pathlib import Path

import numpy as np
import pytest

from agent.virtual.panorama import SIDE_PX, SIDES, load_sides


def test_both_lights_have_six_sides(drawings: Path) -> None:
    day, night = load_sides(drawings)
    assert [side.shape for side in (*day, *night)] == [(SIDE_PX, SIDE_PX, 3)] * 2 * len(SIDES)
    assert day[0].mean() > night[0].mean() + 40


def test_a_drawing_that_was_interrupted_is_not_taken_for_one(tmp_path: Path) -> None:
    def interrupt(share: float) -> None:
        if share > 0:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load_sides(tmp_path, interrupt)
    assert not list(tmp_path.iterdir())


def test_it_is_drawn_once(drawings: Path) -> None:
    def never(share: float) -> None:
        raise AssertionError(share)

    day, _ = load_sides(drawings, never)
    assert np.ptp(day[0]) > 200
