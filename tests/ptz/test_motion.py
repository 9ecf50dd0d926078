"""The picture's own motion: against the virtual street's truth, and against real street CCTV that stands still."""

import math
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from agent.clock import Instant
from agent.directions import basis
from agent.ptz.evidence import Sight
from agent.ptz.motion import COLUMNS, Motion
from agent.units import Plane
from agent.virtual.render import Lens, TurningStreet
from agent.virtual.sphere import View

CCTV = Path("/usr/share/doc/opencv-doc/examples/data/vtest.avi")
FPS = 25
PIXEL = 2 / COLUMNS
Aim = tuple[float, float, float]


@pytest.fixture(scope="module")
def street(drawings: Path) -> TurningStreet:
    return TurningStreet(drawings)


def footage(limit: int) -> Iterator[Plane]:
    capture = cv2.VideoCapture(str(CCTV))
    for _ in range(limit):
        good, picture = capture.read()
        assert good
        yield cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY).astype(np.uint8, copy=False)


def look(motion: Motion, picture: Plane, index: int, hfov_deg: float = 60.0) -> Sight:
    return motion.look(picture, Instant(index * 10**9 // FPS), index / FPS, hfov_deg)


class Marble:
    """A sphere that is marbled all over, zenith and nadir as well, seen through any lens: 320 x 180 luma."""

    def __init__(self) -> None:
        dice = np.random.default_rng(4)
        steepest = np.exp(dice.uniform(math.log(15), math.log(150), 60))
        waves = dice.normal(size=(60, 3))
        self._waves = waves * (steepest / np.linalg.norm(waves, axis=1))[:, None]
        self._phases = dice.uniform(0, 2 * math.pi, 60)

    def picture(self, aim: Aim) -> NDArray[np.float64]:
        half = math.tan(math.radians(aim[2] / 2))
        x, y = np.meshgrid((np.arange(320) - 159.5) / 160 * half, (np.arange(180) - 89.5) / 160 * half)
        rays = np.stack([x, -y, np.ones_like(x)], axis=-1) @ basis(aim[0], aim[1])
        rays /= np.linalg.norm(rays, axis=-1, keepdims=True)
        return 128 + 12 * np.cos(rays @ self._waves.T + self._phases).sum(axis=-1)


def through(street: TurningStreet) -> Callable[[Aim, float], NDArray[np.float64]]:
    lens = Lens(street, 704, 576)
    return lambda aim, at: cv2.cvtColor(lens.picture(View(*aim), at), cv2.COLOR_BGR2GRAY).astype(np.float64)


def followed(
    picture: Callable[[Aim, float], NDArray[np.float64]],
    aim: Callable[[float], Aim],
    seconds: float = 2.0,
    noise: float = 3.0,
    hint: float = 1.0,
    late_s: float = 0.0,
) -> tuple[list[Sight], float]:
    """Every sight of a head that really turns, and the largest error as a share of what the sights own up to.

    The field of view is thought to be `hint` times what it was `late_s` before.
    """
    motion, dice = Motion(), np.random.default_rng(1)
    sights: list[Sight] = []
    path, truth, owned, worst = np.zeros(3), np.zeros(3), np.zeros(3), 0.0
    before = aim(0)
    for index in range(int(seconds * FPS)):
        pan, tilt, hfov = aim(index / FPS)
        luma = picture((pan, tilt, hfov), index / FPS)
        luma = np.clip(luma + dice.normal(0, noise, luma.shape), 0, 255)
        sight = look(motion, luma.astype(np.uint8), index, hint * aim(max(0.0, index / FPS - late_s))[2])
        sights.append(sight)
        half = math.tan(math.radians(hfov / 2))
        level = math.cos(math.radians((tilt + before[1]) / 2))
        step = np.array([(pan - before[0]) * level, tilt - before[1], 0.0])
        step[2] = math.log(half) - math.log(math.tan(math.radians(before[2] / 2)))
        unit = math.degrees(half)
        if sight.broken:  # it begins anew, and says so: nothing is owned up to across the gap
            path, truth, owned, before = np.zeros(3), np.zeros(3), np.zeros(3), (pan, tilt, hfov)
        elif index and sight.known:
            path += (sight.across * unit, sight.up * unit, sight.spread)
            truth += step
            owned += 0.01 * np.abs(step) + (sight.drift * unit, sight.drift * unit, sight.drift_spread)
            slack = 2 * np.array([sight.slack * unit, sight.slack * unit, sight.slack_spread])
            worst = max(worst, float((np.abs(path - truth) / (owned + slack)).max()))
            before = (pan, tilt, hfov)
    return sights, worst


@pytest.mark.parametrize(
    "aim",
    [
        lambda at: (20, 5, 60),
        lambda at: (20, 5, 3),
        lambda at: (20 + 30 * at, -5, 60),
        lambda at: (20 - 60 * at, -5, 60),
        lambda at: (20 + 30 * at, -45, 60),
        lambda at: (20 + 10 * at, 5, 13.4),
        lambda at: (20 + 5 * at, 5, 3),
        lambda at: (20, 5, 60 * math.exp(-0.75 * at)),
        lambda at: (20 + 10 * at, 5, 60 * math.exp(-0.5 * at)),
        lambda at: (20 + 0.2 * at, 5, 60),
        lambda at: (20 + 8 * math.sin(4 * at), 5 * math.sin(3 * at), 40),
    ],
    ids=["rest", "rest-tele", "30", "60", "down", "mid", "tele", "zoom", "zoom-pan", "creep", "sway"],
)
@pytest.mark.parametrize("night", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["day", "night"])
def test_the_path_is_true_to_what_it_owns_up_to(
    request: pytest.FixtureRequest, street: TurningStreet, aim: Callable[[float], Aim], night: bool
) -> None:
    street.set_night(night)
    sights, worst = followed(through(street), aim, noise=8.0 if night else 3.0)
    assert sum(not one.known for one in sights) <= 2
    # bare asphalt at night has a dozen corners: turning above it may be lost once, if that is told
    assert sum(one.broken for one in sights) <= (2 if request.node.callspec.id == "night-down" else 1)
    assert worst < 1.0


@pytest.mark.parametrize(
    "aim",
    [
        lambda at: (20 + 28 * min(at, 0.5), -70 + 12 * max(0.0, at - 0.5), 60),
        lambda at: (20 - 20 * min(at, 0.6), 72 - 10 * max(0.0, at - 0.6), 60),
        lambda at: (20 + 12 * min(at, 0.4), 5, 60 * math.exp(-1.2 * max(0.0, at - 0.5))),
        lambda at: (20 + 20 * max(0.0, at - 0.4), 5, 60 * math.exp(-1.2 * max(0.0, at - 0.4))),
        lambda at: (20 + 10 * at, 5, 20 * math.exp(0.5 * at)),
    ],
    ids=["up-from-nadir", "down-from-zenith", "turn-then-zoom", "zoom-and-turn", "out-and-turn"],
)
@pytest.mark.parametrize("late_s", [0.0, 0.28])
def test_turning_while_the_view_rolls_or_zooms_the_path_stays_true(aim: Callable[[float], Aim], late_s: float) -> None:
    """Two motions from one reference are no motion from one another by their difference alone."""
    sphere = Marble()
    sights, worst = followed(lambda seen, _: sphere.picture(seen), aim, late_s=late_s, seconds=1.2)
    assert all(one.known for one in sights)
    assert sum(one.broken for one in sights) == 1
    assert worst < 1.0


def test_a_field_of_view_that_is_thought_a_little_wrong_does_little_harm(street: TurningStreet) -> None:
    street.set_night(False)
    sights, worst = followed(through(street), lambda at: (20 + 30 * at, -5, 60), hint=1.03)
    assert sum(one.broken for one in sights) == 1  # its beginning
    assert worst < 1.0


def test_around_the_middle_of_a_quick_zoom_nothing_is_taken_for_what_stands_beside_a_lorry(
    street: TurningStreet,
) -> None:
    """At full speed from the widest view, onto a place where few corners are far from the middle."""
    sights, worst = followed(through(street), lambda at: (-90, 2, 60 * 0.05 ** (0.5 * max(0.0, at - 0.4))), 1.2)
    assert all(one.known for one in sights)
    assert sum(one.broken for one in sights) == 1  # its beginning
    assert worst < 1.0


@pytest.mark.parametrize("silent", [{14}, {14, 15}, set[int]()], ids=["one silent", "two silent", "left out"])
def test_a_scene_that_repeats_itself_is_not_taken_for_itself_one_repeat_off_behind_a_gap(silent: set[int]) -> None:
    """A wall of like windows that goes by so fast that it moves by more than half a repeat while nothing is seen.

    A window is 4 degrees wide: no motor hides that in two or three pictures' time.
    """
    dice, motion = np.random.default_rng(2), Motion()
    window = cv2.GaussianBlur(dice.integers(0, 255, (48, 48), np.uint8), (0, 0), 2)
    wall = cv2.normalize(np.tile(window, (4, 60)), None, 40, 215, cv2.NORM_MINMAX).astype(np.uint8)
    at = gone_px = 0.0
    for index in range(20):
        gone_px += min(16.0, 2.0 * max(0, index - 2))
        if not silent and index in (14, 15):  # the camera left them out
            continue
        seen = wall[:180, round(gone_px) : round(gone_px) + 320]
        sight = look(motion, np.full_like(seen, 128) if index in silent else seen, index, 26.0)
        assert sight.known or index in silent
        assert not sight.broken or index == 0
        at += sight.across
    assert at == pytest.approx(gone_px / 160, rel=0.03)


def test_people_and_cars_that_pass_are_not_the_head() -> None:
    motion, at, farthest = Motion(), np.zeros(2), 0.0
    sights = [look(motion, picture, index) for index, picture in enumerate(footage(250))]
    for sight in sights:
        at += (sight.across, sight.up)
        farthest = max(farthest, float(np.abs(at).max()))
    assert sum(not one.known for one in sights) <= 1
    assert farthest < 0.25 * PIXEL
    assert sum(one.drift for one in sights) < 0.5 * PIXEL


def test_a_knock_of_the_real_picture_is_seen_amid_the_people() -> None:
    motion, at = Motion(), 0.0
    for index, picture in enumerate(footage(60)):
        shifted = np.roll(picture, -8, axis=1) if index >= 30 else picture
        at += look(motion, shifted, index, 5.0).across  # so narrow that a shift and a turn are one
    assert at == pytest.approx(8 / (768 / 2), rel=0.05)


def test_clouds_and_lamps_are_not_the_head() -> None:
    motion, farthest = Motion(), 0.0
    ramp = np.linspace(0.6, 1.0, 768)
    for index, picture in enumerate(footage(75)):
        light = 1.0 - 0.4 * abs(math.sin(index / 10)) * ramp
        lamp = 90 * np.exp(-(((np.arange(768) - 10 * index) / 120) ** 2))
        sight = look(motion, np.clip(picture * light + lamp, 0, 255).astype(np.uint8), index)
        assert sight.known
        farthest = max(farthest, abs(sight.across), abs(sight.up))
    assert farthest < 0.3 * PIXEL


def test_a_lorry_before_the_lens_is_no_motion_of_the_head() -> None:
    dice, motion = np.random.default_rng(5), Motion()
    lorry = cv2.resize(dice.integers(0, 255, (40, 40), np.uint8), (480, 576), interpolation=cv2.INTER_NEAREST)
    for index, picture in enumerate(footage(60)):
        left = index * 12
        seen = picture.copy()
        width = min(480, 768 - left)
        seen[:, left : left + width] = lorry[:, :width]
        sight = look(motion, seen, index)
        if sight.broken and index:
            break  # the thread is lost, and says so
        assert abs(sight.across) < 2 * PIXEL or not sight.known
    assert sight.broken


def test_a_jump_that_no_motor_makes_is_no_motion() -> None:
    motion = Motion()
    for index, picture in enumerate(footage(20)):
        sight = look(motion, np.roll(picture, -100, axis=1) if index >= 15 else picture, index)
        if index == 15:
            assert not sight.known


def test_halves_that_move_each_its_own_way_are_no_motion_of_the_whole() -> None:
    motion = Motion()
    for index, picture in enumerate(footage(8)):
        apart = picture.copy()
        apart[:, :384] = np.roll(picture[:, :384], 8 * index, axis=1)
        apart[:, 384:] = np.roll(picture[:, 384:], 8 * index, axis=0)
        sight = look(motion, apart, index)
        assert index == 0 or sight.broken or not sight.known


def test_fog_is_blank_and_neither_known_nor_still() -> None:
    motion, dice = Motion(), np.random.default_rng(2)
    for index in range(10):
        sight = look(motion, np.clip(dice.normal(128, 2, (576, 768)), 0, 255).astype(np.uint8), index)
        assert not sight.known
    assert sight.blank


def test_another_scene_from_one_picture_to_the_next_breaks_the_path() -> None:
    motion, pictures = Motion(), list(footage(2))
    look(motion, pictures[0], 0)
    other = np.ascontiguousarray(pictures[0].T[:576, :576])
    other = cv2.resize(other, (768, 576))
    sights = [look(motion, other, index) for index in range(1, 8)]
    assert not sights[0].known
    assert any(one.broken for one in sights)


def test_a_new_connection_begins_a_new_path() -> None:
    motion, pictures = Motion(), list(footage(3))
    for index in range(2):
        look(motion, pictures[index], index)
    motion.forget()
    assert look(motion, pictures[2], 2).broken
    assert look(motion, np.ascontiguousarray(pictures[2][:288]), 3).broken


def test_a_picture_of_one_grey_level_or_of_a_few_pixels_breaks_nothing() -> None:
    motion = Motion()
    for index, shape in enumerate([(576, 768), (576, 768), (16, 16), (1, 1), (2000, 3)]):
        assert not look(motion, np.full(shape, 90, np.uint8), index).known


@pytest.mark.parametrize("share", [0.6, 0.75])
def test_a_lorry_that_fills_most_of_the_picture_and_sets_off_gently_is_no_turn(share: float) -> None:
    """By less than a pixel it looks like a turn with a little zoom: what stands beside it seems to agree."""
    dice, motion, at, farthest = np.random.default_rng(5), Motion(), 0.0, 0.0
    side = cv2.resize(dice.integers(0, 255, (80, 240), np.uint8), (768 * 3, 576), interpolation=cv2.INTER_CUBIC)
    left = int(768 * (1 - share))
    for index, picture in enumerate(footage(60)):
        gone_px = 20 * max(0.0, (index - 20) / FPS) ** 2
        lorry = cv2.warpAffine(side, np.array([[1, 0, -gone_px], [0, 1, 0]]), (768 * 3, 576))
        seen = picture.copy()
        seen[:, left:] = lorry[:, left:768]
        sight = look(motion, seen, index)
        if sight.broken and index:
            break  # the thread is lost, and says so
        at += sight.across
        farthest = max(farthest, abs(at))
    assert sight.broken
    assert farthest < 0.9 * PIXEL
