"""Before a scene that repeats itself a motion that is told is the true one, however hard the head set off."""

import math
import random
from pathlib import Path

import cv2
import numpy as np
import pytest

from agent.ptz.agreement import NONE
from agent.ptz.motion import shrink
from agent.ptz.pace import Pace
from agent.ptz.reference import Reference
from agent.ptz.repeats import likenesses
from agent.units import Plane
from agent.virtual.render import Lens, TurningStreet
from agent.virtual.sphere import View
from tests.ptz.repeating import KINDS, Aim, Facade, Journey, follow, hard_start

GAPS_S = (0.04, 0.08, 0.12, 0.16)
SKY = View(-89.91, 10.84, 9.245)


@pytest.fixture(scope="module")
def lens(drawings: Path) -> Lens:
    return Lens(TurningStreet(drawings), 352, 288)


@pytest.mark.parametrize("gap_s", GAPS_S)
@pytest.mark.parametrize("kind", ["rest", "steady"])
def test_before_like_windows_a_hard_start_is_told_as_it_is_or_not_at_all(gap_s: float, kind: str) -> None:
    known = 0
    for seed in range(8):
        dice = random.Random(seed)
        facade = Facade(dice, 9.0)
        told = follow(facade.picture, hard_start(dice, gap_s, kind), 9.0, dice)
        assert told.wrong == (), f"seed {seed}"
        known += told.known
    assert known > 8 * 3  # what stands, at the least


@pytest.mark.slow
@pytest.mark.parametrize("gap_s", GAPS_S)
@pytest.mark.parametrize("hfov_deg", [3.0, 5.0, 9.0, 14.0, 25.0])
def test_of_thousands_of_pictures_before_like_windows_hardly_any_is_told_wrong(gap_s: float, hfov_deg: float) -> None:
    """Now and then a head stands to a sixth of a column exactly some repeats aside just when it is looked at."""
    known = wrong = 0
    for seed in range(100, 150):
        dice = random.Random(seed)
        facade = Facade(dice, hfov_deg)
        for kind in ("rest", "steady"):
            told = follow(facade.picture, hard_start(dice, gap_s, kind), hfov_deg, dice)
            known, wrong = known + told.known, wrong + len(told.wrong)
    assert wrong <= 1 + known / 500


@pytest.mark.parametrize("gap_s", GAPS_S[1:])
@pytest.mark.parametrize("hard_deg_s2", [200.0, 290.0])
def test_before_a_sky_whose_grain_repeats_a_hard_start_is_told_as_it_is_or_not_at_all(
    lens: Lens, gap_s: float, hard_deg_s2: float
) -> None:
    def picture(aim: Aim) -> Plane:
        seen = lens.picture(View(SKY.pan_deg + aim[0], SKY.tilt_deg + aim[1], SKY.hfov_deg), 37.0)
        return np.asarray(cv2.cvtColor(seen, cv2.COLOR_BGR2GRAY), np.uint8)

    up = Journey(((8 * gap_s, hard_deg_s2, (0.0, 60.0)),), gap_s, 14)
    told = follow(picture, up, SKY.hfov_deg, random.Random(1), noise=0.0)
    assert told.wrong == ()
    assert told.known >= 8


def test_a_street_s_bricks_and_grain_are_not_taken_for_repeats_at_12_pictures_a_second(lens: Lens) -> None:
    def picture(aim: Aim) -> Plane:
        seen = lens.picture(View(-120.0 + aim[0], 4.0 + aim[1], 13.4), 3.0)
        return np.asarray(cv2.cvtColor(seen, cv2.COLOR_BGR2GRAY), np.uint8)

    turn = Journey(((0.4, 60.0, (30.0, 0.0)),), 0.08, 60)
    told = follow(picture, turn, 13.4, random.Random(1))
    assert (told.known, told.wrong) == (59, ())


@pytest.mark.parametrize("gap_s", GAPS_S)
def test_what_stands_before_like_windows_stays_known_however_seldom_pictures_come(gap_s: float) -> None:
    for seed in range(6):
        dice = random.Random(seed)
        told = follow(Facade(dice, 9.0).picture, Journey((), gap_s, 12), 9.0, dice)
        assert (told.known, told.wrong) == (11, ())


@pytest.mark.parametrize("rate", [(18.0, 0.0), (0.0, -9.0), (8.0, 6.0)])
def test_at_25_pictures_a_second_an_ordinary_turn_before_like_windows_stays_known(rate: Aim) -> None:
    """The next window is too far for any motor."""
    for seed in range(6):
        dice = random.Random(seed)
        there_and_back = Journey(
            ((0.2, 60.0, rate), (1.0, 60.0, (0.0, 0.0)), (1.6, 60.0, (-rate[0], -rate[1]))), 0.04, 60
        )
        told = follow(Facade(dice, 9.0).picture, there_and_back, 9.0, dice)
        assert (told.known, told.wrong) == (59, ()), f"seed {seed}"


@pytest.mark.parametrize("kind", KINDS)
def test_what_does_not_repeat_itself_is_followed_through_the_hardest_start(kind: str) -> None:
    for seed in range(6):
        dice = random.Random(seed)
        told = follow(Facade(dice, 9.0, alike=False).picture, hard_start(dice, 0.04, kind), 9.0, dice)
        assert (told.lost, told.begun, told.wrong) == (0, 0, ()), f"seed {seed}"


def test_like_windows_are_found_by_their_distance_and_nothing_in_what_does_not_repeat() -> None:
    for seed in range(10):
        facade = Facade(random.Random(seed), 9.0, unlike=0.0)
        across = facade.period_px[0] / 2
        lags = likenesses(shrink(facade.picture((0.0, 0.0))))
        level = lags[np.abs(lags[:, 1]) < 3]
        assert min(abs(abs(float(lag)) - across) for lag in level[:, 0]) <= 2
        assert np.array_equal(lags[: len(lags) // 2], -lags[len(lags) // 2 :])
        other = Reference(shrink(Facade(random.Random(seed), 9.0, alike=False).picture((0.0, 0.0))))
        fit = other.fit(other.small, NONE, 0.08, fast=False)
        assert fit is not None
        assert not any(other.resembles(which, fit) for which in range(len(other.lags)))


def test_no_head_that_keeps_to_the_law_is_farther_off_than_its_pace_hides() -> None:
    """Random journeys at random gaps, as hard as a motor may: from one rate to another, with a pause between."""
    dice, closest = random.Random(3), 0.0
    for _ in range(400):
        gap_s = dice.choice(GAPS_S)
        way = hard_start(dice, gap_s, "rest")
        way = Journey(tuple((at, 300.0, rate) for at, _, rate in way.changes[:1]), gap_s, way.pictures)
        pace: Pace | None = None
        for index in range(1, way.pictures):
            (pan, tilt), (pan_0, tilt_0) = way.aim(index * gap_s), way.aim((index - 1) * gap_s)
            step = NONE._replace(yaw=math.radians(pan - pan_0), pitch=math.radians(tilt - tilt_0))
            if pace is not None:
                led = pace.after_s(NONE, gap_s)
                off = max(abs(step.yaw - led.yaw), abs(step.pitch - led.pitch))
                assert off <= pace.hides(gap_s)
                closest = max(closest, off / pace.hides(gap_s))
            pace = Pace.after(pace, step, gap_s, 1e-5)
    assert closest > 0.6  # and hardly farther than it must


def test_what_stood_or_turned_steadily_hides_half_as_much_as_what_may_be_speeding_up() -> None:
    steady = Pace(NONE, 0.08, 0.0, 0.0)
    unsure = Pace(NONE, 0.08, math.inf, math.inf)
    assert steady.hides(0.08) == pytest.approx(math.radians(300) * 0.085**2 / 2)
    assert unsure.hides(0.08) == pytest.approx(math.radians(300) * 0.085**2)
