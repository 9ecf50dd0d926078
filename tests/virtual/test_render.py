"""The picture through the lens: private structure at every zoom, exactly where the truth says, and nowhere else."""

import cv2
import numpy as np
import pytest

from agent.virtual.fisheye import inside
from agent.virtual.panorama import SIDE_PX, SIDES
from agent.virtual.render import Lens, TurningStreet, cut_behind, fill, truth
from agent.virtual.sphere import View, angles, axes, camera_matrix, rays
from agent.virtual.world import PRIVATE
from tests.virtual.structure import survives

WIDTH, HEIGHT = 704, 576
ZOOMS = (60.0, 30.0, 13.4, 6.0, 3.0)
AWKWARD = (View(-33, 5, 60), View(180, 0, 40), View(36, 40, 13.4), View(120, -9, 30), View(143, -60, 50))


@pytest.fixture(scope="module")
def lens(turning_street: TurningStreet) -> Lens:
    return Lens(turning_street, WIDTH, HEIGHT)


@pytest.mark.parametrize("night", [False, True])
@pytest.mark.parametrize("place", PRIVATE, ids=lambda place: place.name)
def test_private_structure_is_measurable_at_every_zoom(
    lens: Lens, turning_street: TurningStreet, place, night: bool
) -> None:
    turning_street.set_night(night)
    try:
        for hfov_deg in ZOOMS:
            view = View(*angles(place.middle()), hfov_deg)
            private = truth(view, WIDTH, HEIGHT)
            luma = cv2.cvtColor(lens.picture(view, 5.0), cv2.COLOR_BGR2GRAY)
            assert survives(luma, private) > 0.97, hfov_deg
    finally:
        turning_street.set_night(False)


@pytest.mark.parametrize("view", AWKWARD)
def test_the_truth_is_every_pixel_whose_ray_ends_in_a_private_place(view: View) -> None:
    looked = rays(view, WIDTH, HEIGHT)
    wanted = np.zeros((HEIGHT, WIDTH), bool)
    for place in PRIVATE:
        wanted |= inside(place, looked)
    assert wanted.any()
    assert (wanted != (truth(view, WIDTH, HEIGHT) > 0)).sum() <= 4


@pytest.mark.parametrize("view", AWKWARD)
def test_homes_are_drawn_in_their_places_and_nowhere_else(
    lens: Lens, turning_street: TurningStreet, monkeypatch: pytest.MonkeyPatch, view: View
) -> None:
    with_homes = lens.picture(view, 9.0).astype(int)
    monkeypatch.setattr(turning_street, "homes", ())
    without = lens.picture(view, 9.0)
    changed, private = np.abs(with_homes - without).max(axis=2) > 0, truth(view, WIDTH, HEIGHT) > 0
    assert not (changed & ~private).any()
    assert changed[private].mean() > 0.97


@pytest.mark.parametrize("view", [View(40, 30, 60), View(135, -40, 60), View(-5, 0, 90), View(170, 70, 60)])
def test_no_side_shows_where_another_one_is(
    lens: Lens, turning_street: TurningStreet, monkeypatch: pytest.MonkeyPatch, view: View
) -> None:
    monkeypatch.setattr(turning_street, "homes", ())
    monkeypatch.setattr("agent.virtual.render.passing", lambda time_s: ())
    shown = lens.picture(view, 0.0)
    looked = rays(view, WIDTH, HEIGHT)
    nearest = np.argmax(np.stack([looked @ axes(side.pan_deg, side.tilt_deg)[2] for side in SIDES]), axis=0)
    wanted = np.zeros_like(shown)
    for number, side in enumerate(SIDES):
        flat = looked @ camera_matrix(side, SIDE_PX, SIDE_PX).T
        x, y = (np.asarray(flat[..., axis] / flat[..., 2], np.float32) for axis in (0, 1))
        seen = cv2.remap(turning_street.sides[number][0], x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        wanted[nearest == number] = seen[nearest == number]
    assert (np.abs(shown.astype(int) - wanted).max(axis=2) > 40).mean() < 0.01


def test_the_street_has_texture_to_follow_at_full_zoom(lens: Lens) -> None:
    for pan in (-70.0, 10.0, 100.0, 175.0):
        view = View(pan, -25, 3.0)
        luma = cv2.cvtColor(lens.picture(view, 0.0), cv2.COLOR_BGR2GRAY).astype(float)
        shift, certain = cv2.phaseCorrelate(
            luma, cv2.cvtColor(lens.picture(View(pan + 0.05, -25, 3.0), 0.0), cv2.COLOR_BGR2GRAY).astype(float)
        )
        assert abs(shift[0]) == pytest.approx(0.05 * WIDTH / 3 * np.cos(np.radians(25)), abs=0.6)
        assert certain > 0.3


def test_the_same_moment_looks_the_same_and_people_move(lens: Lens) -> None:
    view = View(0, -15, 60)
    first = lens.picture(view, 12.0)
    assert np.array_equal(first, lens.picture(view, 12.0))
    moved = np.abs(first.astype(int) - lens.picture(view, 13.0)).max(axis=2) > 30
    assert 0.001 < moved.mean() < 0.3


def test_a_polygon_behind_the_lens_has_no_pixel() -> None:
    matrix = camera_matrix(View(0, 0, 60), WIDTH, HEIGHT)
    assert not len(cut_behind(PRIVATE[8].corners(), matrix))
    assert fill(np.zeros((0, 2)), 0, 0, 8, 8).sum() == 0


def test_a_pixel_belongs_to_the_polygon_when_its_centre_does() -> None:
    square = np.array(((1.5, 1.5), (4.5, 1.5), (4.5, 3.5), (1.5, 3.5)))
    assert fill(square, 0, 0, 6, 6).nonzero()[1].tolist() == [2, 3, 4] * 2
    hollow = np.array(((-1, -1), (9, -1), (9, 9), (4, 2.2), (-1, 9)))
    assert fill(hollow, 0, 0, 8, 8)[6].tolist() == [255, 255, 0, 0, 0, 0, 0, 255]


def test_a_lens_that_stands_still_sees_the_night_fall_even_while_it_looks(
    lens: Lens, turning_street: TurningStreet
) -> None:
    view = View(5, 2, 60)
    day = lens.picture(view, 5.0)
    assert np.array_equal(lens.picture(view, 5.0), day)
    try:
        turning_street.night = True  # night has begun to fall, and its pictures are not ready yet
        lens.picture(view, 5.0)
        turning_street.set_night(True)
        night = lens.picture(view, 5.0)
    finally:
        turning_street.set_night(False)
    assert night.mean() < 0.8 * day.mean()
    assert np.array_equal(lens.picture(view, 5.0), day)
    assert not np.array_equal(lens.picture(View(6, 2, 60), 5.0), day)
