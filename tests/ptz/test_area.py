"""Where a rectangle's middle is, by rotating rays about the axes one by one: not as the product does it."""

import math
import random

import pytest

from agent.ptz.area import Aim, aim_of


def seen(aim: Aim, x: float, y: float, aspect: float) -> tuple[float, float]:
    """(pan, tilt) of a picture point, through rotation matrices."""
    half = math.tan(math.radians(aim.hfov_deg) / 2)
    east, north, up = (2 * x - 1) * half, 1.0, (1 - 2 * y) * half / aspect
    angle = math.radians(aim.tilt_deg)
    north, up = north * math.cos(angle) - up * math.sin(angle), north * math.sin(angle) + up * math.cos(angle)
    angle = math.radians(aim.pan_deg)
    east, north = east * math.cos(angle) + north * math.sin(angle), north * math.cos(angle) - east * math.sin(angle)
    return math.degrees(math.atan2(east, north)), math.degrees(math.atan2(up, math.hypot(east, north)))


@pytest.mark.parametrize("seed", range(50))
def test_the_middle_of_the_rectangle_becomes_the_middle_of_the_picture(seed: int) -> None:
    rng = random.Random(seed)
    aim = Aim(rng.uniform(-180, 180), rng.uniform(-60, 60), rng.uniform(3, 60))
    width, height = rng.uniform(0.05, 0.5), rng.uniform(0.05, 0.5)
    x, y = rng.uniform(0, 1 - width), rng.uniform(0, 1 - height)
    found = aim_of(aim, (x, y, width, height), 16 / 9)
    pan, tilt = seen(aim, x + width / 2, y + height / 2, 16 / 9)
    assert (found.pan_deg - pan + 180) % 360 - 180 == pytest.approx(0, abs=1e-6)
    assert found.tilt_deg == pytest.approx(tilt, abs=1e-6)
    assert found.hfov_deg <= aim.hfov_deg + 1e-9


def test_the_whole_picture_changes_nothing() -> None:
    found = aim_of(Aim(10, 5, 40), (0, 0, 1, 1), 16 / 9)
    assert (found.pan_deg, found.tilt_deg, found.hfov_deg) == pytest.approx((10, 5, 40))
