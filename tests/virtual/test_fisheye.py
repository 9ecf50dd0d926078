"""The fisheye: the same street, its private places exactly where its truth says."""

import cv2
import numpy as np
import pytest

from agent.virtual.fisheye import FisheyeLens
from agent.virtual.render import TurningStreet
from agent.virtual.sphere import axes
from agent.virtual.world import PRIVATE
from tests.virtual.structure import survives

AXIS = {"pan_deg": 170.0, "tilt_deg": -15.0, "fov_deg": 180.0}


@pytest.fixture(scope="module")
def eye(turning_street: TurningStreet) -> FisheyeLens:
    return FisheyeLens(turning_street, 720, 720, **AXIS)


def test_private_structure_fills_its_truth(eye: FisheyeLens) -> None:
    private = eye.truth()
    luma = cv2.cvtColor(eye.picture(5.0), cv2.COLOR_BGR2GRAY)
    assert 0.01 < (private > 0).mean() < 0.2
    assert survives(luma, private, block=8) > 0.9


def test_homes_are_drawn_in_their_places_and_nowhere_else(eye: FisheyeLens, monkeypatch: pytest.MonkeyPatch) -> None:
    with_homes, private = eye.picture(5.0).astype(int), eye.truth() > 0
    monkeypatch.setattr(eye, "_homes", [None] * len(PRIVATE))
    changed = np.abs(with_homes - eye.picture(5.0)).max(axis=2) > 0
    assert not (changed & ~private).any()
    assert changed[private].mean() > 0.97


def test_a_corner_lies_where_an_equidistant_lens_puts_it(eye: FisheyeLens) -> None:
    corner = PRIVATE[8].corners()[0]
    x, y, z = axes(AXIS["pan_deg"], AXIS["tilt_deg"]) @ corner
    reach = 360 / (np.pi / 2) * np.arccos(z) / np.hypot(x, y)
    column, row = 359.5 + reach * x, 359.5 - reach * y
    near = eye.truth()[int(row) - 3 : int(row) + 5, int(column) - 3 : int(column) + 5] > 0
    assert 0.05 < near.mean() < 0.6


def test_nothing_shows_outside_the_circle(eye: FisheyeLens) -> None:
    rows, columns = np.mgrid[:720, :720]
    assert not eye.picture(0.0)[np.hypot(rows - 359.5, columns - 359.5) > 361].any()


def test_night_falls_on_a_fisheye_too(eye: FisheyeLens, turning_street: TurningStreet) -> None:
    day = eye.picture(5.0)
    turning_street.set_night(True)
    try:
        assert eye.picture(5.0).mean() < 0.8 * day.mean()
    finally:
        turning_street.set_night(False)
    assert np.array_equal(eye.picture(5.0), day)
