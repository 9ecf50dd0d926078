"""Directions: the contract's own sense of rotation, and a projection that agrees with itself."""

import numpy as np
import pytest

from agent.virtual.sphere import (
    View,
    angles,
    axes,
    between_deg,
    direction,
    fisheye_rays,
    focal_px,
    project,
    rays,
    turn_to,
)

SIZE = (704, 576)


def place(view: View, pan: float, tilt: float) -> tuple[float, float]:
    x, y = project(view, *SIZE, direction(pan, tilt)[None])[0]
    return float(x), float(y)


def test_what_lies_clockwise_appears_to_the_right_and_what_lies_higher_above() -> None:
    view = View(100, -10, 40)
    x, y = place(view, 100, -10)
    assert (x, y) == pytest.approx((351.5, 287.5))
    assert place(view, 101, -10)[0] > x
    assert place(view, 100, -9)[1] < y


def test_the_field_of_view_reaches_from_edge_to_edge() -> None:
    left, right = place(View(0, 0, 60), -30, 0)[0], place(View(0, 0, 60), 30, 0)[0]
    assert (left, right) == pytest.approx((-0.5, 703.5))


def test_a_picture_left_for_right_is_only_that() -> None:
    straight, mirrored = place(View(10, 5, 30), 14, 7), place(View(10, 5, 30, mirrored=True), 14, 7)
    assert mirrored == pytest.approx((703 - straight[0], straight[1]))


def test_a_head_past_its_nadir_sees_the_same_upside_down() -> None:
    upright, over = place(View(170, -80, 40), 172, -78), place(View(-10, -100, 40), 172, -78)
    assert over == pytest.approx((703 - upright[0], 575 - upright[1]))


def test_rays_are_the_projection_the_other_way_round() -> None:
    view = View(-179, 47, 13.4)
    looked = rays(view, *SIZE)[::97, ::89].reshape(-1, 3)
    rows, columns = np.mgrid[0:576:97, 0:704:89]
    back = project(view, *SIZE, looked)
    assert np.allclose(back, np.stack((columns, rows), axis=-1).reshape(-1, 2), atol=1e-6)


def test_a_fisheye_puts_equal_angles_at_equal_distances() -> None:
    looked = fisheye_rays(30, -20, 180, 720, 720)
    axis = direction(30, -20)
    middle = [between_deg(looked[360, 360 + step], axis) for step in (90, 180, 270, 359)]
    assert middle == pytest.approx([22.6, 45.1, 67.6, 89.9], abs=0.2)
    assert not looked[0, 0].any()
    assert angles(looked[360, 500])[0] > 30


def test_angles_and_directions_undo_each_other_even_overhead() -> None:
    assert angles(direction(-137, 62)) == pytest.approx((-137, 62))
    assert np.allclose(axes(77, -33) @ axes(77, -33).T, np.eye(3))
    assert focal_px(90, 704) == pytest.approx(352)
    assert (turn_to(170, -170), turn_to(-170, 170)) == (20, -20)
